"""Faults of what physicians are paid: contracts, rates, hours.

Like `line_faults`: generators of ledger entries that alter the ERP before each.
"""

from __future__ import annotations

from collections.abc import Iterator

from .ledger import Change, Entry
from .planter import FACILITY_OF, Entries, Planter
from .systems.store import Row


def physician_no_contract(planter: Planter) -> Entries:
    """Paid for a day on which no contract held."""
    for row in months(planter):
        undo = planter.alter("erp", "physician_payments", row, {"service_on": "2023-12-20"})
        worse = {"service_on": "2023-12-12"}
        yield _of_physician(
            row, "physician_no_contract", "physician_payments", "before the contract", undo, worse
        )


def physician_over_contract(planter: Planter) -> Entries:
    """Paid a fifth more than rate and hours give."""
    for row in months(planter):
        undo = planter.alter("erp", "physician_payments", row, {"amount": row["amount"] * 6 // 5})
        worse = {"amount": row["amount"] * 7 // 5}
        yield _of_physician(
            row, "physician_over_contract", "physician_payments", "above the rate", undo, worse
        )


def physician_no_time(planter: Planter) -> Entries:
    """Paid for time that nobody approved."""
    for row in months(planter):
        record = time_of(planter, row)
        undo = planter.alter("erp", "time_records", record, {"status": "submitted", "approved_at": None})
        yield _of_physician(row, "physician_no_time", "time_records", "time that nobody approved", undo, None)


def physician_over_time(planter: Planter) -> Entries:
    """Paid for more hours than were approved."""
    for row in months(planter):
        record = time_of(planter, row)
        undo = planter.alter("erp", "time_records", record, {"hours": record["hours"] - 3})
        later = [Change("erp", "time_records", "alter", {"id": record["id"]}, {"hours": record["hours"] - 5})]
        key, lines = of_month(row)
        entity, how = FACILITY_OF[row["business_unit"]], "paid for three hours that nobody approved"
        yield Entry("physician_over_time", entity, "erp", key, how, lines, [undo], later)


def time_of(planter: Planter, payment: Row) -> Row:
    """The time record that a payment to a physician is for."""
    key = {"physician": payment["physician"], "period": payment["period"]}
    return planter.network.erp.find("time_records", key)[0]


def months(planter: Planter) -> Iterator[Row]:
    """Payments to physicians of which the ledger says nothing yet."""
    return planter.candidates.rows("erp", "physician_payments", "1 = 1", "physician period")


def _of_physician(row: Row, category: str, table: str, how: str, undo: Change, worse: Row | None) -> Entry:
    later = [Change("erp", table, "alter", {"id": row["id"]}, worse)] if worse else []
    key, lines = of_month(row)
    return Entry(category, FACILITY_OF[row["business_unit"]], "erp", key, how, lines, [undo], later)


def of_month(payment: Row) -> tuple[dict[str, str], list[tuple[str, int]]]:
    """(business key, what the ledger reserves) of a physician's month."""
    key = {"physician": payment["physician"], "period": payment["period"]}
    return key, [(f"{payment['physician']} {payment['period']}", 0)]
