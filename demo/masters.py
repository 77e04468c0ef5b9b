"""What the systems keep beside documents: suppliers, accounts, contracts, schedules, physicians. All invented.

Rows for a new network, all in agreement; and what a new week or month adds. Bank accounts are made up from the
supplier's number. Physicians are written by their number; the names are as invented as everything here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from .consequences import next_run
from .documents import stamp
from .goods import ITEMS
from .places import Facility
from .suppliers import SUPPLIERS, Supplier, of_trade
from .systems.store import Row

LEASES = {True: 148_500, False: 236_250}
"""Cents a month: of a small facility, of a large one."""
UNTAXED_EXCEPT = "PSA"
"""The one facility without an exemption: a surgery center that is a company."""
_PHYSICIANS = (
    "Okonkwo", "Lindgren", "Marchetti", "Yamada", "Petrosyan", "Delacroix", "Achterberg", "Solheim", "Baptiste",
    "Njoroge", "Castellano", "Wierzbicki",
)  # fmt: skip
RATE, HOURS = 21_500, 40
"""Cents an hour; hours in a month."""


def vendors(at: str) -> list[Row]:
    """The ERP's supplier master."""
    return [
        {"vendor": one.number, "name": one.name, "tax_id": one.tax_id, "status": "Active", "remit_to_of": None,
         "changed_at": at}
        for one in SUPPLIERS
    ]  # fmt: skip


def account_of(supplier: Supplier) -> tuple[str, str]:
    """(routing, account) that a supplier is paid to."""
    digits = int(supplier.number[1:])
    return f"0{21_000_000 + 7_919 * digits:08d}"[:9], f"{4_400_000_000 + 15_485_863 * digits}"


def bank_accounts(at: str, *, by_alias: bool) -> list[Row]:
    """Where each supplier is paid, as the ERP and the portal (their numbers) or AP automation (its codes) write it."""
    rows = []
    for one in SUPPLIERS:
        routing, account = account_of(one)
        vendor = one.payables if by_alias else one.number
        rows.append(
            {"vendor": vendor, "name": one.name, "site": "main", "routing": routing, "account": account,
             "altered_at": at, "status": "active", "changed_at": at}
        )  # fmt: skip
    return rows


def payments(now: datetime, facility: Facility) -> list[Row]:
    """One payment to each supplier of goods, long enough after any change of its account."""
    on = (now - timedelta(days=9)).date().isoformat()
    return [
        {"payment": f"PY-{one.number[1:]}-01", "vendor": one.number, "name": one.name,
         "business_unit": facility.erp, "site": "main", "amount": 1_250_000 + 733 * int(one.number[1:]),
         "status": "Paid", "pay_on": on, "changed_at": stamp(now - timedelta(days=9))}
        for one in SUPPLIERS
    ]  # fmt: skip


def tax_exemptions(facilities: Sequence[Facility], at: str) -> list[Row]:
    """The certificates of the facilities that are charities."""
    return [
        {"certificate": f"EX-{facility.code}-2019", "business_unit": facility.erp, "valid_from": "2019-07-01",
         "valid_to": None, "changed_at": at}
        for facility in facilities if facility.code != UNTAXED_EXCEPT
    ]  # fmt: skip


def contract_prices(at: str) -> list[Row]:
    """Every second item's price is agreed; an older, lower one has ended."""
    rows = []
    for item in ITEMS[::2]:
        seller = next(one for one in SUPPLIERS if one.number == item.supplier)
        price = item.price * item.factor * item.per
        same = {"contract": f"GC-{seller.number}", "supplier": seller.procurement, "item": item.number,
                "unit": item.unit, "per": item.per, "changed_at": at}  # fmt: skip
        rows.append({**same, "price": price * 9 // 10, "valid_from": "2023-01-01", "valid_to": "2023-12-31"})
        rows.append({**same, "price": price, "valid_from": "2024-01-01", "valid_to": None})
    return rows


def settlement_runs(facilities: Sequence[Facility], since: datetime, until: datetime) -> Iterator[Row]:
    """The weekly runs after one time, up to another."""
    run = next_run(since)
    while run <= until:
        for facility in facilities:
            yield {"run": f"ERS-{run.date():%Y%m%d}-{facility.erp}", "business_unit": facility.erp,
                   "run_at": stamp(run), "status": "completed", "changed_at": stamp(run)}  # fmt: skip
        run = next_run(run)


def months_before(now: datetime, count: int) -> list[date]:
    """The first days of so many months up to this one, oldest first."""
    first, found = now.date().replace(day=1), list[date]()
    for _ in range(count):
        found.insert(0, first)
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def lease_of(facility: Facility) -> int:
    """What a facility pays each lessor a month, in cents."""
    return LEASES[facility.weight < 8]


def schedule_code(lessor: Supplier, facility: Facility) -> str:
    return f"LS-{lessor.number}-{facility.code}"


def schedules(facilities: Sequence[Facility], month: date, at: str) -> list[Row]:
    """What is due by the tenth of a month."""
    return [
        {"schedule": schedule_code(one, facility), "period": f"{month:%Y-%m}", "vendor": one.number, "name": one.name,
         "business_unit": facility.erp, "description": "Equipment lease", "amount": lease_of(facility),
         "due_on": month.replace(day=10).isoformat(), "status": "active", "changed_at": at}
        for one in of_trade("leasing") for facility in facilities
    ]  # fmt: skip


def physician_contracts(facilities: Sequence[Facility], at: str) -> list[Row]:
    """A signed contract each; of every second one also a draft of the next."""
    rows = []
    for index, name in enumerate(_PHYSICIANS):
        same = {"business_unit": facilities[index % len(facilities)].erp, "physician": physician(index), "name": name,
                "rate": RATE, "changed_at": at}  # fmt: skip
        signed = {
            "contract": f"PC-{index + 41}",
            "valid_from": "2024-01-01",
            "valid_to": None,
            "status": "signed",
        }
        rows.append({**same, **signed, "period_cap": RATE * HOURS})
        if index % 2:
            draft = {
                "contract": f"PC-{index + 81}",
                "valid_from": "2026-01-01",
                "valid_to": None,
                "status": "draft",
            }
            rows.append({**same, **draft, "period_cap": RATE * HOURS // 2})
    return rows


def physician(index: int) -> str:
    return f"PH{index + 7001}"


def physician_month(facilities: Sequence[Facility], month: date, at: str) -> tuple[list[Row], list[Row]]:
    """(payments, time records) of a month."""
    paid, worked = [], []
    for index, name in enumerate(_PHYSICIANS):
        same = {"business_unit": facilities[index % len(facilities)].erp, "physician": physician(index),
                "period": f"{month:%Y-%m}", "changed_at": at}  # fmt: skip
        hours = HOURS - (index + month.month) % 6
        paid.append(
            {**same, "payment": f"PP-{month:%y%m}-{index + 1}", "line": 1, "name": name,
             "service_on": month.replace(day=20).isoformat(), "hours": hours, "amount": hours * RATE,
             "status": "paid", "entered_at": at}
        )  # fmt: skip
        worked.append(
            {
                **same,
                "record": f"TR-{month:%y%m}-{index + 1}",
                "hours": hours,
                "status": "approved",
                "approved_at": at,
            }
        )
    return paid, worked


def of_erp(facilities: Sequence[Facility], now: datetime) -> dict[str, list[Row]]:
    """The ERP's further tables of a new network -> their rows: masters, and the months and weeks until now."""
    long_ago, months = stamp(now - timedelta(days=400)), months_before(now, 4)
    tables: dict[str, list[Row]] = {
        "vendors": vendors(long_ago), "bank_accounts": bank_accounts(long_ago, by_alias=False),
        "payments": payments(now, facilities[0]), "tax_exemptions": tax_exemptions(facilities, long_ago),
        "settlement_runs": list(settlement_runs(facilities, now - timedelta(days=130), now)),
        "physician_contracts": physician_contracts(facilities, long_ago), "physician_payments": [],
        "time_records": [], "schedules": [row for month in months for row in schedules(facilities, month, stamp(now))],
    }  # fmt: skip
    for month in months[:-1]:
        paid, worked = physician_month(facilities, month, stamp(now - timedelta(days=1)))
        tables["physician_payments"] += paid
        tables["time_records"] += worked
    return tables
