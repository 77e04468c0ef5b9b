"""What goes wrong with people and their pay, one supply of faults for each category."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from ..documents import stamp
from ..ledger import Change, Entry
from ..systems.store import Row
from .planter import ASSIGNMENTS, PeoplePlanter

Entries = Iterator[Entry]
Supply = Callable[[PeoplePlanter], Entries]
NETWORK = "*"


def _job(who: Row) -> dict[str, Any]:
    return {"worker": who["worker"], "assignment": "1"}


def _on_payroll(
    category: str, how: str, value: Callable[[Row], dict[str, Any]], worse: Callable[[Row], dict[str, Any]]
) -> Supply:
    """Payroll holds another value for an assignment, and a third one later."""

    def supply(planter: PeoplePlanter) -> Entries:
        for who in planter.workers():
            row = planter.row("payroll", "assignments", who["worker"])
            undo = planter.alter("payroll", "assignments", row, value(row))
            yield planter.entry(category, who, how, [undo], worse(row), system="payroll", **_job(who))

    return supply


def _manager(category: str, how: str, named: Callable[[PeoplePlanter, Row], str]) -> Supply:
    """HCM names a manager who cannot be one."""

    def supply(planter: PeoplePlanter) -> Entries:
        for who in planter.workers():
            boss = {"manager": named(planter, who)}
            undo = [
                planter.alter("hcm", table, planter.row("hcm", table, who["worker"]), boss)
                for table in ("assignments", "workers")
            ]
            yield planter.entry(category, who, how, undo, system="hcm", **_job(who))

    return supply


def manager_cycle(planter: PeoplePlanter) -> Entries:
    """Three who report to each other, in every system alike."""
    free = planter.workers()
    for first, second, third in zip(free, free, free, strict=False):
        ring = sorted((first, second, third), key=lambda who: str(who["worker"]))
        undo = []
        for who, boss in zip(ring, [*ring[1:], ring[0]], strict=True):
            for system, table in (("hcm", "workers"), *ASSIGNMENTS):
                row = planter.row(system, table, who["worker"])
                undo.append(planter.alter(system, table, row, {"manager": boss["worker"]}))
        entry = planter.entry("manager_cycle", ring[0], "three report to each other", undo, system="hcm")
        yield replace(entry, lines=[(who["worker"], 0) for who in ring])


def left_properly(planter: PeoplePlanter, gone: Row) -> None:
    """Somebody left some while ago, and everything of theirs was ended."""
    planter.leaves(gone, planter.paid.begins - timedelta(days=40))
    line = planter.row("payroll", "pay_lines", gone["worker"])
    planter.alter("payroll", "pay_lines", line, {"gone": 1})
    planter.alter("hcm", "time_entries", planter.row("hcm", "time_entries", gone["worker"]), {"gone": 1})


def _somebody_gone(planter: PeoplePlanter, who: Row) -> str:
    """A former colleague, who left properly."""
    gone = next(one for one in planter.workers() if one["worker"] != who["worker"])
    left_properly(planter, gone)
    look = planter.entry("manager_terminated", gone, "left, and everything was ended", [], system="hcm")
    planter.network.ledger.write("look_alike", look, planter.at, planter.at)
    return str(gone["worker"])


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


def terminated_identity(planter: PeoplePlanter) -> Entries:
    """An account that was enabled again."""
    for who in planter.workers():
        planter.leaves(who, planter.paid.ends)
        row = planter.row("identity", "accounts", who["worker"])
        undo = planter.alter("identity", "accounts", row, {"enabled": 1})
        yield planter.entry(
            "terminated_identity", who, "enabled after the last day", [undo], system="identity"
        )


def missing_worker(planter: PeoplePlanter) -> Entries:
    """A hire that never reached payroll."""
    for who in planter.workers():
        undo = planter.alter(
            "payroll", "workers", planter.row("payroll", "workers", who["worker"]), {"gone": 1}
        )
        yield planter.entry("missing_worker", who, "not on payroll", [undo], system="payroll")


def ghost_worker(planter: PeoplePlanter) -> Entries:
    """A number on payroll that HCM never gave."""
    for who in planter.workers():
        row = planter.row("payroll", "workers", who["worker"])
        new = {name: value for name, value in row.items() if name != "id"}
        number = who["worker"][-4:]
        ghost = planter.add("payroll", "workers", {**new, "worker": f"W99{number}", "person": f"G{number}"})
        ended = planter.alter("payroll", "workers", {**ghost, "status": "TERM"}, {"status": "ACTIVE"})
        yield planter.entry(
            "ghost_worker", who, "typed by hand", [ended], system="payroll", worker=ghost["worker"]
        )


def account_without_worker(planter: PeoplePlanter) -> Entries:
    """An account of a number that HCM does not know."""
    for who in planter.workers():
        account = f"x{who['worker'][1:]}"
        told = {"account": account, "worker": "W999999", "kind": "person", "created_at": who["entered_at"]}
        row = planter.add("identity", "accounts", told)
        undo = planter.alter("identity", "accounts", row, {"enabled": 1})
        somewhere = {**who, "facility": NETWORK}
        yield planter.entry(
            "account_without_worker", somewhere, "made by hand", [undo], system="identity", account=account
        )


def duplicate_worker(planter: PeoplePlanter) -> Entries:
    """Somebody who was entered again as a volunteer, as a new person."""
    for place, who in enumerate(planter.workers()):
        new = {name: value for name, value in who.items() if name != "id"}
        number = "W98" + who["worker"][3:]
        again = {"worker": number, "person": f"V{number}", "kind": "volunteer", "given": who["given"].upper()}
        how = "entered again"
        if place % 2:
            how, again = (
                "entered by ear",
                {**again, "family": f"{who['family']}e", "born": _slip(who["born"])},
            )
        entered = {"entered_at": stamp(planter.now - timedelta(days=20)), "last_four": "0000"}
        row = planter.add("hcm", "workers", {**new, **again, **entered})
        undo = planter.alter("hcm", "workers", row, {"last_four": who["last_four"]})
        yield planter.entry("duplicate_worker", who, how, [undo], system="hcm", person=who["person"])


def _slip(day: str) -> str:
    """The day with one digit mistaken."""
    born = date.fromisoformat(day)
    mistaken = 20 if born.day == 30 else born.day + (1 if born.day % 10 != 9 and born.day < 28 else -1)
    return str(born.replace(day=mistaken))


def allocation_not_100(planter: PeoplePlanter) -> Entries:
    """A share that was lowered, and nothing raised."""
    for who in planter.workers(shared=True):
        row = planter.row("hcm", "allocations", who["worker"])
        undo = planter.alter("hcm", "allocations", row, {"percent": "30"})
        less, how = {"percent": "20"}, "a share lowered"
        yield planter.entry("allocation_not_100", who, how, [undo], less, system="hcm", **_job(who))


def allocation_mismatch(planter: PeoplePlanter) -> Entries:
    """Payroll holds an older share."""
    for who in planter.workers(shared=True):
        row = planter.row("payroll", "allocations", who["worker"])
        undo = planter.alter("payroll", "allocations", row, {"percent": "35"})
        key = {**_job(who), "cost_center": row["cost_center"]}
        less, how = {"percent": "25"}, "an older share"
        yield planter.entry("allocation_mismatch", who, how, [undo], less, system="payroll", **key)


def transfer_share(planter: PeoplePlanter) -> Entries:
    """A transfer in the middle of the period, and all hours stay where they were."""
    for who in planter.workers():
        old = planter.row("payroll", "pay_lines", who["worker"])
        undo = _moved(planter, who, str(old["cost_center"]))
        key = {**_job(who), "pay_period": planter.paid.code}
        change = planter.alter("payroll", "pay_lines", undo, {"cost_center": old["cost_center"]})
        yield planter.entry("transfer_share", who, "no hours moved", [change], system="payroll", **key)


def _moved(planter: PeoplePlanter, who: Row, old: str) -> Row:
    """Somebody moves on the eighth day of the period; returns the line of the second week."""
    day, center = planter.paid.begins + timedelta(days=7), old[:-3] + "500"
    planter.slice(who, day, {"cost_center": center, "in_center_since": str(day), "department": "D500"})
    first = planter.row("payroll", "pay_lines", who["worker"])
    planter.alter(
        "payroll", "pay_lines", first,
        {"hours": "40", "amount": first["amount"] // 2, "earned_to": str(day - timedelta(days=1))},
    )  # fmt: skip
    second = {"earned_from": str(day), "earned_to": first["ends"], "cost_center": center, "hours": "40"}
    return planter.pays(who, **second, amount=first["amount"] // 2)


def worked_unit_differs(planter: PeoplePlanter) -> Entries:
    """All hours in another unit."""
    for who in planter.workers():
        row = planter.row("payroll", "pay_lines", who["worker"])
        undo = planter.alter("payroll", "pay_lines", row, {"worked_unit": row["cost_center"][:-3] + "700"})
        key = {**_job(who), "pay_period": planter.paid.code}
        other, how = {"worked_unit": row["cost_center"][:-3] + "750"}, "worked elsewhere"
        yield planter.entry("worked_unit_differs", who, how, [undo], other, system="payroll", **key)


def _of_line(category: str, how: str, values: dict[str, Any], worse: dict[str, Any] | None = None) -> Supply:
    """The worker's line of the calculated run was altered."""

    def supply(planter: PeoplePlanter) -> Entries:
        for who in planter.workers():
            row = planter.row("payroll", "pay_lines", who["worker"])
            undo = planter.alter("payroll", "pay_lines", row, values)
            key = {**_job(who), "pay_period": planter.paid.code}
            yield planter.entry(category, who, how, [undo], worse, system="payroll", **key)

    return supply


def retro_missed(planter: PeoplePlanter) -> Entries:
    """More pay from before the period, entered in time for its run; its retro line is void."""
    for who in planter.workers():
        begins, row = raised(planter, who)
        undo = planter.alter("payroll", "pay_lines", row, {"status": "void"})
        key = {**_job(who), "effective": str(begins)}
        yield planter.entry("retro_missed", who, "no retro", [undo], system="payroll", **key)


def raised(planter: PeoplePlanter, who: Row) -> tuple[Any, Row]:
    """Somebody is paid more from before the calculated period on; returns since when, and the retro line."""
    begins = planter.paid.begins - timedelta(days=6)
    entered = f"{planter.paid.inputs_from + timedelta(days=5)}T12:00:00Z"
    rate = planter.row("hcm", "assignments", who["worker"])["rate"] + 150
    planter.slice(who, begins, {"rate": rate, "changes_pay": 1, "entered_at": entered})
    return begins, planter.pays(who, earning="RETRO", hours="", amount=4_800)


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
    "terminated_identity": terminated_identity,
    "missing_worker": missing_worker,
    "ghost_worker": ghost_worker,
    "account_without_worker": account_without_worker,
    "duplicate_worker": duplicate_worker,
    "cost_center_mismatch": _on_payroll(
        "cost_center_mismatch", "never moved", lambda row: {"cost_center": row["cost_center"][:-3] + "800"},
        lambda row: {"cost_center": row["cost_center"][:-3] + "850"},
    ),
    "department_mismatch": _on_payroll(
        "department_mismatch", "old department", lambda _: {"department": "D999"}, lambda _: {"department": "D998"}
    ),
    "manager_mismatch": _on_payroll(
        "manager_mismatch", "old manager", lambda row: {"manager": row["worker"]}, lambda _: {"manager": "W100000"}
    ),
    "fte_mismatch": _on_payroll("fte_mismatch", "old FTE", lambda _: {"fte": "0.9"}, lambda _: {"fte": "0.8"}),
    "standard_hours_mismatch": _on_payroll(
        "standard_hours_mismatch", "old hours", lambda _: {"hours": "36"}, lambda _: {"hours": "32"}
    ),
    "pay_rate_mismatch": _on_payroll(
        "pay_rate_mismatch", "old rate", lambda row: {"rate": row["rate"] - 75}, lambda row: {"rate": row["rate"] - 150}
    ),
    "manager_cycle": manager_cycle,
    "manager_terminated": _manager("manager_terminated", "the manager has left", _somebody_gone),
    "manager_missing": _manager("manager_missing", "no manager", lambda *_: ""),
    "allocation_not_100": allocation_not_100,
    "allocation_mismatch": allocation_mismatch,
    "transfer_share": transfer_share,
    "worked_unit_differs": worked_unit_differs,
    "hours_not_paid": _of_line("hours_not_paid", "not paid", {"status": "void"}),
    "hours_mismatch": _of_line("hours_mismatch", "paid short", {"hours": "72"}, {"hours": "64"}),
    "retro_missed": retro_missed,
    "payroll_not_in_ledger": payroll_not_in_ledger,
}  # fmt: skip
"""What can be planted among people, by category."""
