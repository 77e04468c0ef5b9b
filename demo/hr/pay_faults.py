"""What goes wrong with pay: who is paid, for which hours, where they are charged, and how it reaches the ledger."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ..ledger import Change
from ..systems.store import Row
from .planter import Entries, PeoplePlanter, Supply, job_of


def terminated_paid(planter: PeoplePlanter) -> Entries:
    """Regular pay for days after the last."""
    for who in planter.workers():
        last = planter.paid.begins + timedelta(days=3)
        planter.leaves(who, last)
        line = planter.row("payroll", "pay_lines", who["worker"])
        planter.alter("payroll", "pay_lines", line, {"earned_from": str(last + timedelta(days=1))})
        undo = Change("payroll", "pay_lines", "alter", {"id": line["id"]}, {"status": "void"})
        planter.alter(
            "hcm", "time_entries", planter.row("hcm", "time_entries", who["worker"]), {"status": "rejected"}
        )
        key = {"worker": who["worker"], "pay_period": planter.paid.code}
        yield planter.entry(
            "terminated_paid", who, "paid for days after the last", [undo], system="payroll", **key
        )


def transfer_share(planter: PeoplePlanter) -> Entries:
    """A transfer in the middle of the period, and all hours stay where they were."""
    for who in planter.workers():
        old = planter.row("payroll", "pay_lines", who["worker"])
        is_odd = int(who["worker"][1:]) % 2 == 1
        line = moved_across(planter, who) if is_odd else _moved(planter, who)
        key = {**job_of(who), "pay_period": planter.paid.code}
        change = planter.alter("payroll", "pay_lines", line, {"cost_center": old["cost_center"]})
        how = "no hours moved, and some lie across the day" if is_odd else "no hours moved"
        yield planter.entry("transfer_share", who, how, [change], system="payroll", **key)


def transfer(planter: PeoplePlanter, who: Row) -> tuple[date, str]:
    """Somebody moves on the eighth day of the period; returns the day and where to."""
    day, old = planter.paid.begins + timedelta(days=7), _charged_to(planter, who)
    center = old[:-3] + "500"
    planter.slice(who, day, {"cost_center": center, "in_center_since": str(day), "department": "D500"})
    return day, center


def _charged_to(planter: PeoplePlanter, who: Row) -> str:
    """The cost center that bears the pay."""
    return str(planter.row("payroll", "pay_lines", who["worker"])["cost_center"])


def _moved(planter: PeoplePlanter, who: Row) -> Row:
    """Somebody moves within the period; returns the line of the second week."""
    day, center = transfer(planter, who)
    first = planter.row("payroll", "pay_lines", who["worker"])
    planter.alter(
        "payroll", "pay_lines", first,
        {"hours": "40", "amount": first["amount"] // 2, "earned_to": str(day - timedelta(days=1))},
    )  # fmt: skip
    second = {"earned_from": str(day), "earned_to": first["ends"], "cost_center": center, "hours": "40"}
    return planter.pays(who, **second, amount=first["amount"] // 2)


def moved_across(planter: PeoplePlanter, who: Row) -> Row:
    """Somebody moves within the period, and a line of four days lies across it; returns the line after that."""
    day, center = transfer(planter, who)
    first = planter.row("payroll", "pay_lines", who["worker"])
    before, after = day - timedelta(days=2), day + timedelta(days=2)
    tenth = first["amount"] // 10
    planter.alter(
        "payroll", "pay_lines", first,
        {"hours": "32", "amount": 4 * tenth, "earned_to": str(before - timedelta(days=1))},
    )  # fmt: skip
    across = {"earned_from": str(before), "earned_to": str(after - timedelta(days=1)), "hours": "16"}
    planter.pays(who, **across, line="3", amount=2 * tenth)
    last = {"earned_from": str(after), "earned_to": first["ends"], "cost_center": center, "hours": "32"}
    return planter.pays(who, **last, amount=4 * tenth)


def worked_unit_differs(planter: PeoplePlanter) -> Entries:
    """All hours in another unit."""
    for who in planter.workers():
        row = planter.row("payroll", "pay_lines", who["worker"])
        undo = planter.alter("payroll", "pay_lines", row, {"worked_unit": row["cost_center"][:-3] + "700"})
        key = {**job_of(who), "pay_period": planter.paid.code}
        other, how = {"worked_unit": row["cost_center"][:-3] + "750"}, "worked elsewhere"
        yield planter.entry("worked_unit_differs", who, how, [undo], other, system="payroll", **key)


def _of_line(category: str, how: str, values: dict[str, Any], worse: dict[str, Any] | None = None) -> Supply:
    """The worker's line of the calculated run was altered."""

    def supply(planter: PeoplePlanter) -> Entries:
        for who in planter.workers():
            row = planter.row("payroll", "pay_lines", who["worker"])
            undo = planter.alter("payroll", "pay_lines", row, values)
            key = {**job_of(who), "pay_period": planter.paid.code}
            yield planter.entry(category, who, how, [undo], worse, system="payroll", **key)

    return supply


def retro_missed(planter: PeoplePlanter) -> Entries:
    """More pay from before the period, entered in time for its run; its retro line is void. One in two got retro for
    another change.
    """
    for who in planter.workers():
        if int(who["worker"][1:]) % 2 == 1:
            begins, row = raised_twice(planter, who)
            how = "retro for a later change only"
        else:
            begins, row = raised(planter, who)
            how = "no retro"
        undo = planter.alter("payroll", "pay_lines", row, {"status": "void"})
        key = {**job_of(who), "effective": str(begins)}
        yield planter.entry("retro_missed", who, how, [undo], system="payroll", **key)


def raised(planter: PeoplePlanter, who: Row) -> tuple[date, Row]:
    """Somebody is paid more from before the calculated period on; returns since when, and the retro line."""
    begins = planter.paid.begins - timedelta(days=6)
    _raise(planter, who, begins)
    return begins, planter.pays(who, earning="RETRO", hours="", amount=4_800)


def raised_twice(planter: PeoplePlanter, who: Row) -> tuple[date, Row]:
    """Twice, each with a retro line that says its days; returns since when the first time, and its line."""
    first, second = (planter.paid.begins - timedelta(days=days) for days in (20, 6))
    for begins in (first, second):
        _raise(planter, who, begins)
    rest = {"earning": "RETRO", "hours": "", "amount": 4_800}
    ends = planter.paid.begins - timedelta(days=1)
    planter.pays(who, **rest, line="3", earned_from=str(second), earned_to=str(ends))
    days = {"earned_from": str(first), "earned_to": str(second - timedelta(days=1))}
    return first, planter.pays(who, **rest, **days)


def _raise(planter: PeoplePlanter, who: Row, begins: date) -> None:
    entered = f"{planter.paid.inputs_from + timedelta(days=5)}T12:00:00Z"
    rate = planter.row("hcm", "assignments", who["worker"])["rate"] + 150
    planter.slice(who, begins, {"rate": rate, "changes_pay": 1, "entered_at": entered})


def payroll_not_in_ledger(planter: PeoplePlanter) -> Entries:
    """A journal line that was posted with another amount."""
    for row in planter.network.erp.rows(
        "SELECT * FROM payroll_postings WHERE account = '601000' ORDER BY id"
    ):
        mark = {"worker": f"{row['facility']} {row['cost_center']}", "facility": row["facility"]}
        if planter.network.ledger.taken(mark["worker"], 0):
            continue
        undo = planter.alter("erp", "payroll_postings", row, {"amount": row["amount"] - 12_345})
        key = {"pay_group": row["pay_group"], "pay_period": row["period"], "cost_center": row["cost_center"]}
        less, key = {"amount": row["amount"] - 23_456}, {**key, "currency": "USD"}
        yield planter.entry("payroll_not_in_ledger", mark, "posted short", [undo], less, system="erp", **key)


PLANTERS: dict[str, Supply] = {
    "terminated_paid": terminated_paid,
    "transfer_share": transfer_share,
    "worked_unit_differs": worked_unit_differs,
    "hours_not_paid": _of_line("hours_not_paid", "not paid", {"status": "void"}),
    "hours_mismatch": _of_line("hours_mismatch", "paid short", {"hours": "72"}, {"hours": "64"}),
    "retro_missed": retro_missed,
    "payroll_not_in_ledger": payroll_not_in_ledger,
}
"""What can be planted of pay, by category."""
