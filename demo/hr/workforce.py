"""The people of the network, as HCM, payroll, the ERP and the identity platform know them, all in agreement.

Two days before close; payroll cuts off tomorrow. One pay period is calculated, the next one is open. Plants nothing.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..documents import stamp
from ..places import Facility
from ..systems.store import Row
from .tables import ERP, HCM, IDENTITY, PAYROLL, blank

HEADS = 40
"""Workers of a facility; the first leads it."""
GROUP = "BW"
UNITS = ("100", "200", "300", "400")
_GIVEN = (
    "Ada",
    "Bela",
    "Cleo",
    "Dora",
    "Enid",
    "Faye",
    "Gwen",
    "Hugo",
    "Ivan",
    "June",
    "Kurt",
    "Lena",
    "Milo",
    "Nora",
)
_FAMILY = (
    "Alder",
    "Birch",
    "Cedar",
    "Elm",
    "Fir",
    "Hazel",
    "Larch",
    "Maple",
    "Oakley",
    "Pine",
    "Rowan",
    "Spruce",
    "Yew",
)
Rows = dict[tuple[str, str], list[Row]]
"""(system, table) -> rows."""


@dataclass(frozen=True, slots=True)
class Period:
    """A pay period; `inputs_to` is the last day whose entries its run takes."""

    code: str
    begins: date
    ends: date
    inputs_from: date
    inputs_to: date
    calculated_at: str


def periods(now: datetime) -> tuple[Period, Period]:
    """The calculated period and the open one."""
    today = now.date()
    begins, cut = today - timedelta(days=9), today + timedelta(days=1)
    found = []
    for back in (14, 0):
        first, last = begins - timedelta(days=back), begins + timedelta(days=13 - back)
        inputs = cut - timedelta(days=back)
        calculated = stamp(now - timedelta(days=8)) if back else ""
        code = f"{GROUP}-{last:%Y%m%d}"
        found.append(Period(code, first, last, inputs - timedelta(days=13), inputs, calculated))
    return found[0], found[1]


def build(facilities: Sequence[Facility], now: datetime, seed: int) -> Rows:
    """Every table's rows."""
    rng, rows = random.Random(f"workforce {seed}"), defaultdict[tuple[str, str], list[Row]](list)
    head, number = "W100000", 100_000
    for facility in facilities:
        manager = f"W{number}"
        for place in range(HEADS):
            boss = (head if manager != head else "") if place == 0 else manager
            _worker(rows, rng, facility, f"W{number}", boss, now)
            number += 1
    for period in periods(now):
        calendar = {
            "pay_group": GROUP, "period": period.code, "begins": str(period.begins), "ends": str(period.ends),
            "inputs_from": str(period.inputs_from), "inputs_to": str(period.inputs_to),
            "status": "calculated" if period.calculated_at else "open", "calculated_at": period.calculated_at,
        }  # fmt: skip
        rows["payroll", "periods"].append(calendar)
    _post(rows, now)
    return finished(rows, stamp(now - timedelta(days=9)))


def _worker(
    rows: Rows, rng: random.Random, facility: Facility, worker: str, boss: str, now: datetime
) -> None:
    hired = now.date() - timedelta(days=rng.randint(150, 3000))
    entered = stamp(datetime(hired.year, hired.month, hired.day, 12, tzinfo=now.tzinfo) - timedelta(days=9))
    center = f"{facility.erp}{rng.choice(UNITS)}"
    who = {
        "worker": worker, "person": f"P{worker[1:]}", "facility": facility.code, "given": rng.choice(_GIVEN),
        "family": rng.choice(_FAMILY), "born": str(date(1960, 1, 1) + timedelta(days=rng.randint(0, 15_000))),
        "last_four": worker[-4:], "kind": "employee", "manager": boss, "hired_on": str(hired),
        "entered_at": entered, "works_on": 1,
    }  # fmt: skip
    job = {
        "worker": worker, "assignment": "1", "facility": facility.code, "valid_from": str(hired), "sequence": 0,
        "pay_group": GROUP, "cost_center": center, "in_center_since": str(hired), "department": f"D{center[-3:]}",
        "manager": boss, "is_head": int(not boss), "fte": "1", "hours": "40", "pay_basis": "hourly",
        "rate": rng.randrange(2200, 7900), "entered_at": entered,
    }  # fmt: skip
    rows["hcm", "workers"].append({**who, "status": "A"})
    rows["payroll", "workers"].append({**who, "status": "ACTIVE"})
    rows["hcm", "assignments"].append({**job, "status": "A"})
    rows["payroll", "assignments"].append({**job, "status": "ACTIVE"})
    rows["erp", "worker_assignments"].append({**job, "status": "Active"})
    account = {"account": f"u{worker[1:]}", "worker": worker, "kind": "person", "enabled": 1}
    rows["identity", "accounts"].append({**account, "created_at": entered})
    if int(worker[1:]) % 3 == 0:
        _share(rows, job, (("60", center), ("40", f"{facility.erp}900")))
    _pay(rows, job, periods(now)[0])


def _share(rows: Rows, job: Row, shares: Sequence[tuple[str, str]]) -> None:
    same = {
        name: job[name]
        for name in ("worker", "assignment", "facility", "valid_from", "pay_group", "entered_at")
    }
    for percent, center in shares:
        for system in ("hcm", "payroll"):
            rows[system, "allocations"].append(
                {**same, "cost_center": center, "percent": percent, "split": "percent"}
            )


def _pay(rows: Rows, job: Row, period: Period) -> None:
    same = {name: job[name] for name in ("worker", "assignment", "facility", "pay_group")}
    line = {
        **same, "run": f"R-{period.code}", "line": "1", "period": period.code, "begins": str(period.begins),
        "ends": str(period.ends), "earning": "REG", "earned_from": str(period.begins),
        "earned_to": str(period.ends), "hours": "80", "amount": 80 * job["rate"],
        "cost_center": job["cost_center"], "status": "paid", "calculated_at": period.calculated_at,
    }  # fmt: skip
    rows["payroll", "pay_lines"].append(line)
    entry = {
        **same, "entry": f"T{job['worker'][1:]}", "period": period.code, "hours": "80",
        "worked_on": str(period.ends), "status": "approved", "approved_at": f"{period.ends}T12:00:00Z",
    }  # fmt: skip
    rows["hcm", "time_entries"].append(entry)


def _post(rows: Rows, now: datetime) -> None:
    """The register's summary, and the same in the ledger a day later."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for line in rows["payroll", "pay_lines"]:
        sums[line["facility"], line["period"], line["cost_center"]] += line["amount"]
    for (facility, period, center), amount in sorted(sums.items()):
        for account, part in (("601000", amount), ("611000", amount // 13)):
            same = {"facility": facility, "pay_group": GROUP, "period": period, "cost_center": center}
            posting = {**same, "account": account, "amount": part}
            for place, days in ((("payroll", "postings"), 8), (("erp", "payroll_postings"), 7)):
                rows[place].append({**posting, "posted_at": stamp(now - timedelta(days=days))})


def finished(rows: Rows, changed_at: str) -> Rows:
    """Every row with all columns of its table."""
    tables = {
        (system, table.name): table
        for system, named in (("hcm", HCM), ("payroll", PAYROLL), ("identity", IDENTITY), ("erp", ERP))
        for table in named.values()
    }
    return {
        place: [{**blank(tables[place], row), "changed_at": changed_at} for row in found]
        for place, found in rows.items()
    }
