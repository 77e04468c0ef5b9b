"""People with several numbers or jobs, at the edges of a period, or under a policy: it looks wrong and is not.

Like `look_alikes`. Planted on people whose labor is allocated, of whom most faults leave more.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ..documents import stamp
from ..systems.store import Row
from .faults import left_properly
from .look_alikes import Kinds
from .pay_faults import transfer
from .planter import PeoplePlanter


def _number(planter: PeoplePlanter, who: Row, prefix: str, **said: Any) -> str:
    """The same person under one more number: in HCM, on payroll, and with an account. Returns the number."""
    number = f"{prefix}{who['worker'][3:]}"
    for system in ("hcm", "payroll"):
        row = planter.row(system, "workers", who["worker"])
        new = {name: value for name, value in row.items() if name != "id"}
        planter.add(system, "workers", {**new, "worker": number, **said})
    account = {"account": f"u{number[1:]}", "worker": number, "kind": "person", "enabled": 1}
    planter.add("identity", "accounts", {**account, "created_at": who["entered_at"]})
    return number


def _paid_after(planter: PeoplePlanter, who: Row) -> date:
    """The job under this number ends within the period, and its regular pay is for days after; returns the last day."""
    last = planter.paid.begins + timedelta(days=3)
    planter.leaves(who, last)
    line = planter.row("payroll", "pay_lines", who["worker"])
    planter.alter("payroll", "pay_lines", line, {"earned_from": str(last + timedelta(days=1))})
    return last


def _rehired(planter: PeoplePlanter, who: Row) -> str:
    """Payroll goes on under the old number; HCM says that the person is here."""
    back = planter.paid.begins + timedelta(days=4)
    number = _number(planter, who, "W95", hired_on=str(back))
    _paid_after(planter, who)
    planter.alter("hcm", "workers", planter.row("hcm", "workers", who["worker"]), {"works_on": 1})
    return f"left, and was hired again as {number}"


def _another_job(planter: PeoplePlanter, who: Row) -> str:
    """Of two jobs one ends, and nobody marks in it that the other goes on."""
    number = _number(planter, who, "W94", facility=_elsewhere(planter, who))
    _paid_after(planter, who)
    return f"one of two jobs ended; the other goes on as {number}"


def _elsewhere(planter: PeoplePlanter, who: Row) -> str:
    return next(one.code for one in planter.network.facilities if one.code != who["facility"])


def _retro(planter: PeoplePlanter, who: Row) -> str:
    """A raise that was decided after somebody had left."""
    left_properly(planter, who)
    planter.pays(who, earning="RETRO", hours="", amount=21_400, gone=0)
    return "left; retro pay"


def _taken_back(planter: PeoplePlanter, who: Row) -> str:
    """Paid after the end, and reversed in the same run."""
    _paid_after(planter, who)
    paid = planter.row("payroll", "pay_lines", who["worker"])
    time = planter.row("hcm", "time_entries", who["worker"])
    planter.alter("hcm", "time_entries", time, {"status": "rejected"})
    planter.pays(who, earned_from=paid["earned_from"], hours="-80", amount=-paid["amount"])
    return "left; paid and taken back"


def _not_started(planter: PeoplePlanter, who: Row) -> str:
    """Hired, and known in HCM only before the first day."""
    new = {name: value for name, value in who.items() if name != "id"}
    number, begins = f"W92{who['worker'][3:]}", planter.open.ends + timedelta(days=60)
    other = {"worker": number, "person": f"N{number}", "given": "Noa", "family": "Quill", "last_four": "0003"}
    planter.add("hcm", "workers", {**new, **other, "born": "1999-12-31", "hired_on": str(begins)})
    return f"{number} begins in two months"


def _approved_late(planter: PeoplePlanter, who: Row) -> str:
    """Time that was approved after the run: the next one pays it."""
    line = planter.row("payroll", "pay_lines", who["worker"])
    planter.alter("payroll", "pay_lines", line, {"status": "void"})
    time = planter.row("hcm", "time_entries", who["worker"])
    planter.alter("hcm", "time_entries", time, {"approved_at": stamp(planter.now - timedelta(days=7))})
    return "approved after the run"


def _several_jobs(planter: PeoplePlanter, who: Row) -> str:
    number = _number(planter, who, "W93", facility=_elsewhere(planter, who))
    return f"two jobs of one person, here and as {number}"


def _service(planter: PeoplePlanter, who: Row) -> str:
    """Somebody who left had set up an interface, whose account still names them."""
    left_properly(planter, who)
    _service_account(planter, who, who["worker"])
    return "left; a service account"


def _nobodys(planter: PeoplePlanter, who: Row) -> str:
    _service_account(planter, who, "")
    return "a service account of no worker"


def _service_account(planter: PeoplePlanter, who: Row, worker: str) -> None:
    named = {"account": f"svc-{who['worker'][1:]}", "worker": worker, "kind": "service", "enabled": 1}
    planter.add("identity", "accounts", {**named, "created_at": who["entered_at"]})


def _split(planter: PeoplePlanter, who: Row, split: str, said: dict[str, str]) -> None:
    """Both systems share out somebody's labor by another rule than percent; `said`: what each has as percent."""
    for system, percent in said.items():
        for row in planter.network.stores[system].find("allocations", {"worker": who["worker"]}):
            planter.alter(system, "allocations", row, {"split": split, "percent": percent})


def _by_hours(planter: PeoplePlanter, who: Row) -> str:
    _split(planter, who, "hours", {"hcm": "0", "payroll": "0"})
    return "policy splits by hours"


def _by_what_remains(planter: PeoplePlanter, who: Row) -> str:
    """The share of a line is what remains; each system writes down what it last came to."""
    _split(planter, who, "remainder", {"hcm": "50", "payroll": "45"})
    return "policy splits what remains"


def _by_shares(planter: PeoplePlanter, who: Row) -> str:
    """Moved within the period, and charged by shares all the same."""
    transfer(planter, who)
    return "moved, and policy splits by shares"


def _lent(planter: PeoplePlanter, who: Row) -> str:
    """A float, whose hours are charged to where they were worked."""
    planter.alter("hcm", "assignments", planter.row("hcm", "assignments", who["worker"]), {"is_float": 1})
    line = planter.row("payroll", "pay_lines", who["worker"])
    unit = line["cost_center"][:-3] + "600"
    planter.alter("payroll", "pay_lines", line, {"worked_unit": unit, "cost_center": unit})
    return "a float is charged elsewhere"


KINDS: Kinds = {
    "terminated_paid": (_rehired, _another_job, _retro, _taken_back),
    "terminated_identity": (_service,),
    "account_without_worker": (_nobodys,),
    "cost_center_mismatch": (_lent,),
    "allocation_not_100": (_by_hours,),
    "allocation_mismatch": (_by_what_remains,),
    "transfer_share": (_by_shares,),
    "duplicate_worker": (_several_jobs,),
    "missing_worker": (_not_started,),
    "hours_not_paid": (_approved_late,),
}
"""The category that each resembles."""
