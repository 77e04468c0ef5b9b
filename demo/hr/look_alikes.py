"""What looks wrong among people and is not: one of each, written to the ledger, and never to be found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ..ledger import Entry
from ..systems.store import Row
from .pay_faults import moved_across, raised, raised_twice
from .planter import NO_ORDER, PeoplePlanter


def _pto_payout(planter: PeoplePlanter, who: Row) -> str:
    """A nurse who left, with her paid time off."""
    last = planter.paid.begins + timedelta(days=2)
    planter.leaves(who, last)
    after = str(last + timedelta(days=1))
    planter.pays(who, earning="PTOUT", earned_from=after, hours="64", amount=300_000)
    return "left; paid time off paid out"


def _severance(planter: PeoplePlanter, who: Row) -> str:
    planter.leaves(who, planter.paid.begins + timedelta(days=2))
    planter.pays(who, earning="SEV", earned_from=str(planter.paid.ends), hours="", amount=900_000)
    return "left; severance"


def _rescinded(planter: PeoplePlanter, who: Row) -> str:
    row = planter.row("hcm", "workers", who["worker"])
    planter.alter("hcm", "workers", row, {"left_on": str(planter.paid.begins)})
    return "gave notice and stayed"


def _converted(planter: PeoplePlanter, who: Row) -> str:
    """A contingent who became an employee, and keeps the account under the old number."""
    new = {name: value for name, value in who.items() if name != "id"}
    old = "W97" + who["worker"][3:]
    day = str(planter.paid.begins)
    gone = {"status": "T", "kind": "contingent", "left_on": day, "access_ends_at": f"{day}T23:00:00Z"}
    planter.add("hcm", "workers", {**new, **gone, "worker": old})
    account = {"account": f"c{old[1:]}", "worker": old, "kind": "person", "enabled": 1}
    planter.add("identity", "accounts", {**account, "created_at": who["entered_at"]})
    return f"converted from {old}"


def _contingent(planter: PeoplePlanter, who: Row) -> str:
    planter.alter("hcm", "workers", planter.row("hcm", "workers", who["worker"]), {"kind": "contingent"})
    for table in ("workers", "assignments"):
        planter.alter("payroll", table, planter.row("payroll", table, who["worker"]), {"gone": 1})
    return "a contingent is not on payroll"


def _float(planter: PeoplePlanter, who: Row) -> str:
    planter.alter("hcm", "assignments", planter.row("hcm", "assignments", who["worker"]), {"is_float": 1})
    line = planter.row("payroll", "pay_lines", who["worker"])
    planter.alter("payroll", "pay_lines", line, {"worked_unit": line["cost_center"][:-3] + "700"})
    return "a float works elsewhere"


def _future(planter: PeoplePlanter, who: Row) -> str:
    planter.slice(who, planter.open.ends + timedelta(days=60), {"cost_center": "0000500"}, only="hcm")
    return "moves in two months"


def _sequence(planter: PeoplePlanter, who: Row) -> str:
    """Two rows of one day: the higher sequence is what the others have."""
    row = planter.row("hcm", "assignments", who["worker"])
    day = planter.paid.begins - timedelta(days=30)
    planter.slice(who, day, {"cost_center": "0000500", "sequence": 0}, only="hcm")
    planter.slice(who, day, {"cost_center": row["cost_center"], "sequence": 1}, only="hcm")
    return "corrected on the same day"


def _salaried(planter: PeoplePlanter, who: Row) -> str:
    planter.alter(
        "hcm", "assignments", planter.row("hcm", "assignments", who["worker"]), {"pay_basis": "salaried"}
    )
    planter.alter("hcm", "time_entries", planter.row("hcm", "time_entries", who["worker"]), {"hours": "91"})
    return "salaried, and writes down more hours"


def _made_good(planter: PeoplePlanter, who: Row) -> str:
    raised(planter, who)
    return "entered late and made good"


def _made_good_twice(planter: PeoplePlanter, who: Row) -> str:
    """The later of the two lines is for both: it begins with the first change."""
    begins, row = raised_twice(planter, who)
    planter.alter("payroll", "pay_lines", row, {"status": "void"})
    both = planter.row("payroll", "pay_lines", who["worker"], line="3")
    planter.alter("payroll", "pay_lines", both, {"earned_from": str(begins)})
    return "two changes made good by one line"


def _across(planter: PeoplePlanter, who: Row) -> str:
    moved_across(planter, who)
    return "moved, and some hours lie across the day"


def _twin(planter: PeoplePlanter, who: Row) -> str:
    new = {name: value for name, value in who.items() if name != "id"}
    other = "W96" + who["worker"][3:]
    twin = {"worker": other, "person": f"T{other}", "given": "Zoe", "last_four": "0007", "kind": "volunteer"}
    planter.add("hcm", "workers", {**new, **twin})
    return f"{other} is a twin"


def _affiliate(planter: PeoplePlanter, who: Row) -> str:
    """Somebody who left and teaches on, with an affiliate's account."""
    planter.leaves(who, planter.paid.ends)
    row = planter.row("identity", "accounts", who["worker"])
    planter.alter("identity", "accounts", row, {"enabled": 1, "kind": "affiliate"})
    return "left; an affiliate's account"


Kinds = dict[str, tuple[Callable[[PeoplePlanter, Row], str], ...]]
KINDS: Kinds = {
    "terminated_paid": (_pto_payout, _severance, _rescinded),
    "terminated_identity": (_converted, _affiliate),
    "missing_worker": (_contingent,),
    "worked_unit_differs": (_float,),
    "cost_center_mismatch": (_future, _sequence),
    "hours_mismatch": (_salaried,),
    "transfer_share": (_across,),
    "retro_missed": (_made_good, _made_good_twice),
    "duplicate_worker": (_twin,),
}
"""The category that each resembles."""


def plant(planter: PeoplePlanter, kinds: Kinds, *, shared: bool = False) -> None:
    """One of each; `shared`: on people whose labor is allocated to two."""
    for category, several in kinds.items():
        for kind, who in zip(several, planter.workers(shared=shared), strict=False):
            worker = who["worker"]
            said = Entry(
                category, who["facility"], "hcm", {"worker": worker}, kind(planter, who), [(worker, NO_ORDER)]
            )
            planter.network.ledger.write("look_alike", said, planter.now, planter.now)
