"""What goes wrong with people, one supply of faults for each category."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from ..documents import stamp
from ..systems.store import Row
from . import pay_faults
from .planter import ASSIGNMENTS, Entries, PeoplePlanter, Supply, job_of

NETWORK = "*"


def _on_payroll(
    category: str, how: str, value: Callable[[Row], dict[str, Any]], worse: Callable[[Row], dict[str, Any]]
) -> Supply:
    """Payroll holds another value for an assignment, and a third one later."""

    def supply(planter: PeoplePlanter) -> Entries:
        for who in planter.workers():
            row = planter.row("payroll", "assignments", who["worker"])
            undo = planter.alter("payroll", "assignments", row, value(row))
            yield planter.entry(category, who, how, [undo], worse(row), system="payroll", **job_of(who))

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
            yield planter.entry(category, who, how, undo, system="hcm", **job_of(who))

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
        yield planter.entry("allocation_not_100", who, how, [undo], less, system="hcm", **job_of(who))


def allocation_mismatch(planter: PeoplePlanter) -> Entries:
    """Payroll holds an older share."""
    for who in planter.workers(shared=True):
        row = planter.row("payroll", "allocations", who["worker"])
        undo = planter.alter("payroll", "allocations", row, {"percent": "35"})
        key = {**job_of(who), "cost_center": row["cost_center"]}
        less, how = {"percent": "25"}, "an older share"
        yield planter.entry("allocation_mismatch", who, how, [undo], less, system="payroll", **key)


PLANTERS: dict[str, Supply] = {
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
        "manager_mismatch", "old manager", lambda row: {"manager": row["worker"]},
        lambda row: {"manager": "W100001" if row["manager"] == "W100000" else "W100000"},
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
    **pay_faults.PLANTERS,
}  # fmt: skip
"""What can be planted among people, by category."""
