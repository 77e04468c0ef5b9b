"""Faults of who is paid and where to: suppliers and their bank accounts.

Like `line_faults`: generators of ledger entries that alter one system before each (a bank account that was changed
without approval was changed in every system). What concerns a supplier concerns the network: the entity is `*`.
"""

from __future__ import annotations

from collections.abc import Iterator

from .documents import cents
from .history import bill_without_order
from .ledger import Change, Entry
from .planter import Entries, Planter
from .suppliers import SUPPLIER
from .systems import ap_automation
from .systems.store import Row

NETWORK = "*"
_GOODS = frozenset({"general", "surgical", "laboratory", "pharmacy", "cardiology"})
_SYSTEMS = ("erp", "ap_automation", "portal")


def supplier_excluded(planter: Planter) -> Entries:
    """A supplier that bills us is on the exclusion list."""
    for vendor in _suppliers(planter, "standing"):
        supplier = SUPPLIER[vendor["vendor"]]
        undo = planter.insert("portal", "exclusions", exclusion(planter, supplier.name, supplier.tax_id))
        worse = Change("portal", "exclusions", "alter", undo.key, {"excluded_on": planter.day(40)})
        key, lines = {"supplier": supplier.payables}, [(f"standing {supplier.number}", 0)]
        how = "on the exclusion list since three weeks"
        yield Entry("supplier_excluded", NETWORK, "portal", key, how, lines, [undo], [worse])


def exclusion(planter: Planter, name: str, tax_id: str, **also: str) -> Row:
    """An entry of the exclusion list."""
    return {
        "list": "LEIE", "entry": f"LE-{planter.network.numbers.next('exclusion') + 3100}", "name": name,
        "tax_id": tax_id, "excluded_on": planter.day(21), "reinstated_on": None, "changed_at": planter.ago(2), **also,
    }  # fmt: skip


def _suppliers(planter: Planter, mark: str) -> list[Row]:
    """Suppliers of goods with open invoices, of whom the ledger says nothing yet in this respect."""
    open_now = {
        row["vendor"]
        for row in planter.network.erp.rows(
            "SELECT vendor FROM invoices WHERE gone = 0 AND status IN ('Entered', 'Posted') AND dated >= ?"
            " GROUP BY vendor HAVING sum(open_amount) > 0 AND max(dated) > ?",
            (planter.day(60), planter.day(14)),
        )
    }
    rows = planter.network.erp.rows("SELECT * FROM vendors WHERE status = 'Active' AND gone = 0 ORDER BY id")
    return [
        row
        for row in planter.rng.sample(rows, len(rows))
        if row["vendor"] in open_now
        and SUPPLIER[row["vendor"]].trade in _GOODS
        and not planter.network.ledger.taken(f"{mark} {row['vendor']}", 0)
    ]


def supplier_inactive(planter: Planter) -> Entries:
    """A supplier with open invoices was made inactive."""
    for vendor in _suppliers(planter, "standing"):
        undo = planter.alter("erp", "vendors", vendor, {"status": "Inactive"})
        supplier = SUPPLIER[vendor["vendor"]]
        key, lines = {"supplier": supplier.payables}, [(f"standing {supplier.number}", 0)]
        how = "inactive on the master, with open invoices"
        yield Entry("supplier_inactive", NETWORK, "erp", key, how, lines, [undo])


def again(planter: Planter, vendor: Row, mark: int, **said: object) -> Change:
    """A supplier is put on the master a second time; returns the step that ends it there."""
    number = f"V2{mark}{vendor['vendor'][2:]}"
    row = {**vendor, "vendor": number, "changed_at": planter.ago(2), **said}
    undo = planter.insert("erp", "vendors", {name: value for name, value in row.items() if name != "id"})
    return Change(undo.system, undo.table, "alter", undo.key, {"status": "Inactive"})


def masters_alone(planter: Planter) -> list[Row]:
    """Suppliers on the master of whom the ledger says nothing yet."""
    rows = planter.candidates.rows("erp", "vendors", "status = 'Active' AND vendor < 'V2'", "vendor")
    return [row for row in rows if not planter.network.ledger.taken(f"standing {row['vendor']}", 0)]


def duplicate_supplier(planter: Planter) -> Entries:
    """A supplier that was set up again: with the same tax ID, or from a misspelt invoice and without one."""
    for place, vendor in enumerate(masters_alone(planter)):
        if planter.network.ledger.taken(f"standing {vendor['vendor']}", 0):
            continue
        name = str(vendor["name"])
        if place % 2:
            how, said = "with the same tax ID", {"name": f"{name.split(maxsplit=1)[0]} Holdings"}
        else:
            how, said = "from a misspelt invoice", {"name": f"{name[:4]}{name[5:]}, Inc.", "tax_id": ""}
        undo = again(planter, vendor, 1, **said)
        key, lines = {"supplier_id": vendor["vendor"]}, [(f"standing {vendor['vendor']}", 0)]
        yield Entry("duplicate_supplier", NETWORK, "erp", key, f"set up again {how}", lines, [undo])


def supplier_not_on_master(planter: Planter) -> Entries:
    """Somebody bills whom the supplier master does not know."""
    while True:
        number = planter.network.numbers.next("unknown supplier") + 299_000
        row = bill_of(planter, str(number), f"Fernhollow Courier {number - 299_000}")
        same = {"vendor": row["vendor"], "number": row["number"]}
        undo = Change("ap_automation", "invoice_lines", "alter", same, {"status": "VOID"})
        worse = Change("ap_automation", "invoice_lines", "alter", same, {"amount": cents(row["price"], 2)})
        key, how = {"supplier": row["vendor"]}, "a supplier that nobody knows"
        yield Entry("supplier_not_on_master", NETWORK, "ap_automation", key, how, (), [undo], [worse])


def bill_of(planter: Planter, vendor: str, name: str, **also: str) -> Row:
    """A bill without order, captured yesterday, of whoever AP automation calls so."""
    at = planter.now if planter.network.opened else planter.now.replace(microsecond=0)
    numbers, amount = planter.network.numbers, planter.rng.randint(9_000, 80_000)
    facility, supplier = planter.network.facilities[0], SUPPLIER["V1001"]
    line = bill_without_order(planter.rng, numbers, facility, supplier, "standard", amount, at)
    (row,) = ap_automation.rows_of([line])
    row |= {"vendor": vendor, "vendor_name": name, "number": f"FC-{vendor}", **also}
    row |= {"changed_at": planter.ago(1), "entered_at": planter.ago(1)}
    planter.add_invoice(row)
    return row


def bank_account_differs(planter: Planter) -> Entries:
    """AP automation pays to another account than the ERP and the portal say."""
    for erp in accounts(planter):
        row = _account(planter, "ap_automation", erp["vendor"])
        values = {"account": str(int(row["account"]) + 11), "altered_at": planter.ago(5)}
        undo = planter.alter("ap_automation", "bank_accounts", row, values)
        worse = Change(
            "ap_automation", "bank_accounts", "alter", {"id": row["id"]}, {"account": row["account"] + "7"}
        )
        how = "another account in AP automation, and no approved change"
        yield _of_account(erp["vendor"], "bank_account_differs", "ap_automation", how, [undo], [worse])


def accounts(planter: Planter) -> Iterator[Row]:
    """The ERP's bank accounts of which the ledger says nothing yet."""
    for row in planter.candidates.rows("erp", "bank_accounts", "1 = 1", "vendor"):
        if not planter.network.ledger.taken(f"account {row['vendor']}", 0):
            yield row


def bank_account_changed(planter: Planter) -> Entries:
    """In turn: changed everywhere, paid to, and changed back; changed everywhere three days ago, to be paid in four.
    Nobody approved it. Repaired by an approval.
    """
    for erp in accounts(planter):
        vendor, old = erp["vendor"], str(erp["account"])
        if planter.network.numbers.next("changed account") % 2:
            account, how = (
                change_everywhere(planter, vendor, 12),
                "paid after a change that was taken back since",
            )
            change_everywhere(planter, vendor, 2, old)
            payment = pay(planter, vendor, 9)
        else:
            account, how = change_everywhere(planter, vendor, 3), "changed a week before a payment"
            payment = pay(planter, vendor, -4)
        approval = Change("erp", "approved_changes", "insert", {}, approved(planter, vendor, account))
        worse = Change("erp", "payments", "alter", payment.key, {"amount": 990_000})
        how = f"{how}, and nobody approved it"
        yield _of_account(vendor, "bank_account_changed", "erp", how, [approval], [worse])


def change_everywhere(planter: Planter, vendor: str, days_ago: int, account: str = "") -> str:
    """A supplier is paid to another account, in every system, and the ERP logs it; returns the account."""
    row = _account(planter, "erp", vendor)
    account, at = account or str(int(row["account"]) + 23), planter.ago(days_ago)
    said = {"account": account, "altered_at": at}
    logged = {name: row[name] for name in ("vendor", "site", "routing")}
    planter.insert("erp", "account_changes", {**logged, **said, "changed_at": at})
    for system in _SYSTEMS:
        planter.alter(system, "bank_accounts", _account(planter, system, vendor), said)
    return account


def _account(planter: Planter, system: str, vendor: str) -> Row:
    known_as = SUPPLIER[vendor].payables if system == "ap_automation" else vendor
    return planter.network.stores[system].find("bank_accounts", {"vendor": known_as})[0]


def pay(planter: Planter, vendor: str, days_ago: int) -> Change:
    """Schedule a payment; returns the step that takes it back."""
    return planter.insert("erp", "payments", {
        "payment": f"PY-{vendor[1:]}-{planter.network.numbers.next('payment') + 10}", "vendor": vendor,
        "name": SUPPLIER[vendor].name, "business_unit": planter.network.facilities[0].erp, "site": "main",
        "amount": 640_000, "status": "Scheduled", "pay_on": planter.day(days_ago), "changed_at": planter.ago(1),
    })  # fmt: skip


def approved(planter: Planter, vendor: str, account: str) -> Row:
    """An approval of a changed bank account."""
    return {
        "change": f"CH-{planter.network.numbers.next('change') + 900}", "subject": "bank_account", "vendor": vendor,
        "site": "main", "account": account, "status": "approved", "approved_at": planter.ago(1),
        "changed_at": planter.ago(1),
    }  # fmt: skip


def _of_account(
    vendor: str, category: str, system: str, how: str, undo: list[Change], worse: list[Change]
) -> Entry:
    key = {"supplier": vendor, "site": "main"}
    return Entry(category, NETWORK, system, key, how, [(f"account {vendor}", 0)], undo, worse)
