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


def _grants(
    category: str,
    table: str,
    row: dict[str, str],
    values: dict[str, Any],
    how: str,
    key: dict[str, str] | None = None,
) -> Planted:
    """A row of the grants system beside its awards."""
    return Planted(category, "*", "grants", table, row, values, key or row, how)


def _overhead(number: int, now: datetime, amount: int, how: str) -> Planted:
    """What was booked on top of an award's expenses."""
    row = {"document": f"XP-{number}", "line": "2"}
    return Planted(
        "fa_mismatch", "*", "erp_ledger", "expenses", row, {"amount": amount}, _month(number, now), how
    )


def _month(number: int, now: datetime) -> dict[str, str]:
    return {"award": award(number), "period": day(now, 100)[:7]}


def _budget(number: int, how: str) -> Planted:
    """A line of an award's budget that is smaller than what was spent on it."""
    return _grants("over_budget_line", "budgets", _budget_line(number), {"amount": 10_000}, how)


def _budget_line(number: int) -> dict[str, str]:
    return {"award": award(number), "budget_period": "1", "budget_line": "other"}


def faults(now: datetime) -> Iterator[Planted]:
    """Everything that must be found."""
    yield from _wrong_expenses(now)
    yield from _wrong_awards(now)
    yield _budget(10, "the line was cut")
    yield _overhead(11, now, 400_000, "booked by a former rate")
    yield from _wrong_efforts(now)
    yield _transfer(0, "late_cost_transfer", {"discovered_on": day(now, 151)}, "91 days from discovery")
    yield _transfer(1, "cost_transfer_unexplained", {"certifier": ""}, "certified by nobody")
    yield _transfer(2, "cost_transfer_vague", {"cause": "To correct error."}, "says nothing")


def _wrong_expenses(now: datetime) -> Iterator[Planted]:
    early, late = day(now, 950), stamp(now - timedelta(days=10))
    yield _expense(1, "3", "funding_code_unknown", {"award": "AW-9404"}, "keyed wrongly")
    yield _expense(4, "3", "outside_performance", {"incurred_on": early}, "from before the award began")
    yield _expense(5, "3", "award_cost_center_mismatch", {"cost_center": "12"}, "another cost center")
    yield _expense(
        6, "3", "expense_not_allowed", {"account": NOT_ALLOWED}, "sponsors do not allow the account"
    )
    yield _expense(7, "3", "cost_to_review", {"account": REVIEWED}, "entertainment")
    yield _expense(ENDED, "3", "late_liquidation", {"posted_at": late}, "paid too late")


def _wrong_awards(now: datetime) -> Iterator[Planted]:
    suspended = {"status": "suspended", "status_on": day(now, 99)}
    how = "suspended between the expense and the order"
    yield _award(2, "funding_code_inactive", suspended, {"document": "EN-2", "line": "1"}, how, "HMC")
    ended = {"kind": "project", "ends_on": day(now, 95)}
    how = "the project ended before the order"
    yield _award(3, "funding_code_expired", ended, {"document": "EN-3", "line": "1"}, how, "HMC")
    key, how = {"document": f"XP-{ELSEWHERE}", "line": "3"}, "it went to another facility"
    yield _award(ELSEWHERE, "award_facility_mismatch", {"facility": "BMC"}, key, how, "HMC")
    yield _award(
        9, "over_award", {"amount": 1_000_000}, {"award": award(9)}, "the supplement is not recorded"
    )


def _wrong_efforts(now: datetime) -> Iterator[Planted]:
    begin = {"slice_from": day(now, 200)}
    row = {"worker": "E1", "award": award(1)}
    key = {"worker": "E1", **begin}
    yield _grants("effort_over_100", "efforts", row, {"percent": "65"}, "a share was added", key)
    row = {"worker": "E2", "award": award(0)}
    how = "charged at the full salary"
    yield _grants("salary_over_cap", "efforts", row, {"charged_rate": 26_000_000}, how, {**row, **begin})
    row = {"worker": "E3", "period": "H1"}
    yield _grants("effort_uncertified", "certifications", row, {"certified_on": ""}, "nobody certified")


def look_alikes(now: datetime) -> Iterator[Planted]:
    """Everything that must not be found."""
    yield from _in_time(now)
    yield from _shared_or_fixed(now)
    row, key = {"worker": "E0", "award": award(1)}, {"worker": "E0", "slice_from": day(now, 200)}
    extra = {"percent": "90", "pay_kind": "extra_service"}
    yield _grants("effort_over_100", "efforts", row, extra, "extra service", key)
    late = {"discovered_on": day(now, 400)}
    yield _transfer(3, "late_cost_transfer", {"to_award": "", **late}, "off all awards")
    yield _transfer(4, "late_cost_transfer", {"cost_kind": "facilities", **late}, "F&A that follows")
    credit = {"amount": -40_000, "incurred_on": day(now, 80)}
    yield _expense(17, "3", "funding_code_inactive", credit, "a credit on an award that is closed")
    key, closed = {"document": "XP-17", "line": "3"}, {"status": "closed", "status_on": day(now, 85)}
    yield _award(17, "funding_code_inactive", closed, key, "the award is closed", "HMC")


def _in_time(now: datetime) -> Iterator[Planted]:
    """Outside the period of performance by one date, and inside by the one that counts."""
    key, how = {"document": "XP-12", "line": "1"}, "incurred in time, posted after the end"
    yield _award(12, "outside_performance", {"ends_on": day(now, 99)}, key, how, "HMC")
    row, closed = {"document": "EN-12", "line": "1"}, {"status": "closed"}
    how = "released after the end"
    yield Planted("outside_performance", "HMC", "erp_ledger", "encumbrances", row, closed, row, how)
    early = {"incurred_on": day(now, 950)}
    yield _expense(13, "3", "outside_performance", early, "approved before the start")
    key, approved = {"document": "XP-13", "line": "3"}, {"preaward_from": day(now, 960)}
    yield _award(13, "outside_performance", approved, key, "its approval", "HMC")


def _shared_or_fixed(now: datetime) -> Iterator[Planted]:
    """What an award allows by its own terms."""
    yield _expense(14, "3", "award_facility_mismatch", {"facility": "BMC"}, "a shared award")
    key = {"document": "XP-14", "line": "3"}
    yield _award(14, "award_facility_mismatch", {"shared": 1}, key, "it is shared", "HMC")
    yield _budget(15, "within the rebudgeting limit")
    yield _award(15, "over_budget_line", {"rebudget_percent": 10}, _budget_line(15), "its limit")
    yield _overhead(16, now, 0, "a fixed price")
    yield _award(16, "fa_mismatch", {"fixed_price": 1}, _month(16, now), "it is of a fixed price")
