"""What is wrong on awards, one row of one system each, and what only looks so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ..documents import stamp
from ..ledger_systems.listed import Planted
from .awards import ELSEWHERE, ENDED, NOT_ALLOWED, REVIEWED, award, day


def _expense(number: int, line: str, category: str, values: dict[str, Any], how: str) -> Planted:
    key = {"document": f"XP-{number}", "line": line}
    return Planted(category, "HMC", "erp_ledger", "expenses", key, values, key, how)


def _award(
    number: int, category: str, values: dict[str, Any], key: dict[str, str], how: str, entity: str = "*"
) -> Planted:
    return Planted(category, entity, "grants", "awards", {"award": award(number)}, values, key, how)


def _transfer(number: int, category: str, values: dict[str, Any], how: str) -> Planted:
    key = {"transfer": f"CT-{number}"}
    return Planted(category, "HMC", "erp_ledger", "cost_transfers", key, values, key, how)


def faults(now: datetime) -> Iterator[Planted]:
    """Everything that must be found."""
    yield _expense(1, "3", "funding_code_unknown", {"award": "AW-9404"}, "keyed wrongly")
    yield _award(
        2,
        "funding_code_inactive",
        {"status": "suspended", "status_on": day(now, 99)},
        {"document": "EN-2", "line": "1"},
        "suspended between the expense and the order",
        "HMC",
    )
    yield _award(
        3,
        "funding_code_expired",
        {"kind": "project", "ends_on": day(now, 95)},
        {"document": "EN-3", "line": "1"},
        "the project ended before the order",
        "HMC",
    )
    yield _expense(
        4, "3", "outside_performance", {"incurred_on": day(now, 950)}, "from before the award began"
    )
    yield _expense(5, "3", "award_cost_center_mismatch", {"cost_center": "12"}, "another cost center")
    yield _expense(
        6, "3", "expense_not_allowed", {"account": NOT_ALLOWED}, "an account that sponsors do not allow"
    )
    yield _expense(7, "3", "cost_to_review", {"account": REVIEWED}, "entertainment")
    key = {"document": f"XP-{ELSEWHERE}", "line": "3"}
    yield _award(
        ELSEWHERE, "award_facility_mismatch", {"facility": "BMC"}, key, "it went to another facility", "HMC"
    )
    yield _award(
        9, "over_award", {"amount": 1_000_000}, {"award": award(9)}, "the supplement is not recorded"
    )
    key = {"award": award(10), "budget_period": "1", "budget_line": "other"}
    yield Planted(
        "over_budget_line", "*", "grants", "budgets", key, {"amount": 10_000}, key, "the line was cut"
    )
    period = {"award": award(11), "period": day(now, 100)[:7]}
    yield Planted(
        "fa_mismatch",
        "*",
        "erp_ledger",
        "expenses",
        {"document": "XP-11", "line": "2"},
        {"amount": 400_000},
        period,
        "booked by a former rate",
    )
    slice_from = day(now, 200)
    row = {"worker": "E1", "award": award(1)}
    yield Planted(
        "effort_over_100",
        "*",
        "grants",
        "efforts",
        row,
        {"percent": "65"},
        {"worker": "E1", "slice_from": slice_from},
        "a share was added",
    )
    row = {"worker": "E2", "award": award(0)}
    yield Planted(
        "salary_over_cap",
        "*",
        "grants",
        "efforts",
        row,
        {"charged_rate": 26_000_000},
        {**row, "slice_from": slice_from},
        "charged at the full salary",
    )
    row = {"worker": "E3", "period": "H1"}
    yield Planted(
        "effort_uncertified",
        "*",
        "grants",
        "certifications",
        row,
        {"certified_on": ""},
        row,
        "nobody certified",
    )
    yield _expense(
        ENDED, "3", "late_liquidation", {"posted_at": stamp(now - timedelta(days=10))}, "paid too late"
    )
    yield _transfer(0, "late_cost_transfer", {"discovered_on": day(now, 151)}, "91 days from discovery")
    yield _transfer(1, "cost_transfer_unexplained", {"certifier": ""}, "certified by nobody")
    yield _transfer(2, "cost_transfer_vague", {"cause": "To correct error."}, "says nothing")


def look_alikes(now: datetime) -> Iterator[Planted]:
    """Everything that must not be found."""
    yield _award(
        12,
        "outside_performance",
        {"ends_on": day(now, 99)},
        {"document": "XP-12", "line": "1"},
        "incurred in time, posted after the end",
        "HMC",
    )
    row = {"document": "EN-12", "line": "1"}
    yield Planted(
        "outside_performance",
        "HMC",
        "erp_ledger",
        "encumbrances",
        row,
        {"status": "closed"},
        row,
        "released after the end",
    )
    yield _expense(
        13, "3", "outside_performance", {"incurred_on": day(now, 950)}, "approved before the start"
    )
    yield _award(
        13,
        "outside_performance",
        {"preaward_from": day(now, 960)},
        {"document": "XP-13", "line": "3"},
        "its approval",
        "HMC",
    )
    yield _expense(14, "3", "award_facility_mismatch", {"facility": "BMC"}, "a shared award")
    yield _award(
        14,
        "award_facility_mismatch",
        {"shared": 1},
        {"document": "XP-14", "line": "3"},
        "it is shared",
        "HMC",
    )
    key = {"award": award(15), "budget_period": "1", "budget_line": "other"}
    yield Planted(
        "over_budget_line",
        "*",
        "grants",
        "budgets",
        key,
        {"amount": 10_000},
        key,
        "within the rebudgeting limit",
    )
    yield _award(15, "over_budget_line", {"rebudget_percent": 10}, key, "its limit")
    period = {"award": award(16), "period": day(now, 100)[:7]}
    yield Planted(
        "fa_mismatch",
        "*",
        "erp_ledger",
        "expenses",
        {"document": "XP-16", "line": "2"},
        {"amount": 0},
        period,
        "a fixed price",
    )
    yield _award(16, "fa_mismatch", {"fixed_price": 1}, period, "it is of a fixed price")
    row = {"worker": "E0", "award": award(1)}
    yield Planted(
        "effort_over_100",
        "*",
        "grants",
        "efforts",
        row,
        {"percent": "90", "pay_kind": "extra_service"},
        {"worker": "E0", "slice_from": day(now, 200)},
        "extra service",
    )
    yield _transfer(
        3, "late_cost_transfer", {"to_award": "", "discovered_on": day(now, 400)}, "off all awards"
    )
    yield _transfer(
        4,
        "late_cost_transfer",
        {"cost_kind": "facilities", "discovered_on": day(now, 400)},
        "F&A that follows",
    )
    credit = {"amount": -40_000, "incurred_on": day(now, 80)}
    yield _expense(17, "3", "funding_code_inactive", credit, "a credit on an award that is closed")
    yield _award(
        17,
        "funding_code_inactive",
        {"status": "closed", "status_on": day(now, 85)},
        {"document": "XP-17", "line": "3"},
        "the award is closed",
        "HMC",
    )
