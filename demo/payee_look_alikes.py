"""Things on who is paid that look wrong and are not: suppliers on the master, their accounts, physicians.

Like `look_alikes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from .ledger import Entry
from .master_faults import (
    NETWORK,
    accounts,
    again,
    approved,
    bill_of,
    change_everywhere,
    masters_alone,
    pay,
)  # fmt: skip
from .physician_faults import months, of_month, time_of
from .planter import FACILITY_OF, Entries, Planter
from .systems.store import Row


def kinds(planter: Planter) -> list[Entries]:
    """Every kind, each as an endless-looking supply of ledger entries."""
    return [
        _closed_and_paid(planter), _billed_from_another_address(planter), _refunded(planter),
        _changed_and_approved(planter), _changed_long_before(planter), _drafted(planter), _renewed(planter),
        _rejected_once(planter), _time_in_two_records(planter),
    ]  # fmt: skip


def _drafted(planter: Planter) -> Entries:
    for row in months(planter):
        drafts = planter.network.erp.find(
            "physician_contracts", {"physician": row["physician"], "status": "draft"}
        )
        if drafts:
            why = "the next contract, with a lower cap, is only a draft"
            yield _of_month(row, "physician_over_contract", why)


def _of_month(payment: Row, category: str, why: str) -> Entry:
    key, lines = of_month(payment)
    return Entry(category, FACILITY_OF[payment["business_unit"]], "erp", key, why, lines)


def _renewed(planter: Planter) -> Entries:
    """The contract ended the day before, and its renewal began on the day of service."""
    for row in months(planter):
        of_physician = {"physician": row["physician"], "status": "signed"}
        signed = planter.network.erp.find("physician_contracts", of_physician)
        if len(signed) != 1:
            continue
        begins = date.fromisoformat(row["service_on"])
        renewal = {name: value for name, value in signed[0].items() if name != "id"} | {
            "contract": f"{signed[0]['contract']}-R", "valid_from": begins.isoformat(), "changed_at": planter.ago(1),
        }  # fmt: skip
        ended = {"valid_to": (begins - timedelta(days=1)).isoformat()}
        planter.alter("erp", "physician_contracts", signed[0], ended)
        planter.insert("erp", "physician_contracts", renewal)
        yield _of_month(row, "physician_no_contract", "served on the first day of the renewal")


def _rejected_once(planter: Planter) -> Entries:
    """A first time record was rejected; the corrected one is approved."""
    for row in months(planter):
        record = time_of(planter, row)
        first = {name: value for name, value in record.items() if name != "id"} | {
            "record": f"{record['record']}-A", "hours": record["hours"] + 6, "status": "rejected", "approved_at": None,
        }  # fmt: skip
        planter.insert("erp", "time_records", first)
        yield _of_month(row, "physician_no_time", "a first time record was rejected, the second approved")


def _time_in_two_records(planter: Planter) -> Entries:
    for row in months(planter):
        record = time_of(planter, row)
        planter.alter("erp", "time_records", record, {"hours": record["hours"] - 7})
        second = {name: value for name, value in record.items() if name != "id"}
        planter.insert("erp", "time_records", second | {"record": f"{record['record']}-B", "hours": 7})
        yield _of_month(row, "physician_over_time", "the hours were approved in two records")


def _closed_and_paid(planter: Planter) -> Entries:
    """An old number of a supplier is inactive; its last bill is paid."""
    for vendor in _alone(planter):
        undo = again(planter, vendor, 4, status="Inactive")
        number = planter.network.erp.find("vendors", undo.key)[0]["vendor"]
        row = bill_of(planter, number, vendor["name"], status="PAID")
        key, why = {"supplier": row["vendor"]}, "inactive, and all it billed is paid"
        yield Entry("supplier_inactive", NETWORK, "erp", key, why, _standing(number, vendor))


def _billed_from_another_address(planter: Planter) -> Entries:
    """Billed under a number that no crosswalk has: the master knows it as another address of a supplier."""
    for vendor in _alone(planter):
        undo = again(planter, vendor, 5, remit_to_of=vendor["vendor"])
        number = planter.network.erp.find("vendors", undo.key)[0]["vendor"]
        key = {"supplier": bill_of(planter, number, f"{vendor['name']}, Remittance")["vendor"]}
        why = "on the master as another address of a supplier"
        yield Entry("supplier_not_on_master", NETWORK, "ap_automation", key, why, _standing(number, vendor))


def _alone(planter: Planter) -> Iterator[Row]:
    """Suppliers of whom the ledger says nothing yet, asked when each has its turn."""
    ledger = planter.network.ledger
    return (row for row in masters_alone(planter) if not ledger.taken(f"standing {row['vendor']}", 0))


def _standing(number: str, vendor: Row) -> list[tuple[str, int]]:
    """The number and the supplier that shares its tax ID: were one excluded, both would be."""
    return [(f"standing {number}", 0), (f"standing {vendor['vendor']}", 0)]


def _refunded(planter: Planter) -> Entries:
    """Refunds go to people who are on no supplier master."""
    while True:
        number = str(planter.network.numbers.next("refunded person") + 880_000)
        key = {"supplier": bill_of(planter, number, f"Account {number}", kind="REFUND")["vendor"]}
        why = "a refund to somebody who is no supplier"
        yield Entry("supplier_not_on_master", NETWORK, "ap_automation", key, why)


def _changed_and_approved(planter: Planter) -> Entries:
    for row in accounts(planter):
        account = change_everywhere(planter, row["vendor"], 4)
        planter.insert("erp", "approved_changes", approved(planter, row["vendor"], account))
        pay(planter, row["vendor"], -2)
        yield _of_account(row["vendor"], "changed six days before a payment, with approval")


def _changed_long_before(planter: Planter) -> Entries:
    for row in accounts(planter):
        change_everywhere(planter, row["vendor"], 21)
        pay(planter, row["vendor"], -2)
        yield _of_account(row["vendor"], "changed more than ten days before each payment")


def _of_account(vendor: str, why: str) -> Entry:
    """A supplier's pay site, reserved."""
    key, lines = {"supplier": vendor, "site": "main"}, [(f"account {vendor}", 0)]
    return Entry("bank_account_changed", NETWORK, "erp", key, why, lines)
