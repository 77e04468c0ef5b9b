"""What is wrong on awards, one row of one system each, and what only looks so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ..documents import stamp
from ..ledger_systems.listed import Planted
from .awards import ELSEWHERE, ENDED, ENDING, LEAVING, NOT_ALLOWED, REVIEWED, award, day

NOTHING: dict[str, Any] = {}


def _expense(
    number: int, line: str, category: str, values: dict[str, Any], how: str, worse: dict[str, Any] = NOTHING
) -> Planted:
    key = {"document": f"XP-{number}", "line": line}
    return Planted(category, "HMC", "erp_ledger", "expenses", key, values, key, how, worse)


def _award(
    number: int,
    category: str,
    values: dict[str, Any],
    key: dict[str, str],
    how: str,
    entity: str = "*",
    worse: dict[str, Any] = NOTHING,
) -> Planted:
    return Planted(category, entity, "grants", "awards", {"award": award(number)}, values, key, how, worse)


def _transfer(
    number: int, category: str, values: dict[str, Any], how: str, worse: dict[str, Any] = NOTHING
) -> Planted:
    key = {"transfer": f"CT-{number}"}
    return Planted(category, "HMC", "erp_ledger", "cost_transfers", key, values, key, how, worse)


def _grants(
    category: str,
    table: str,
    row: dict[str, str],
    values: dict[str, Any],
    how: str,
    key: dict[str, str] | None = None,
    worse: dict[str, Any] = NOTHING,
) -> Planted:
    """A row of the grants system beside its awards."""
    return Planted(category, "*", "grants", table, row, values, key or row, how, worse)


def _overhead(number: int, now: datetime, amount: int, how: str, worse: dict[str, Any] = NOTHING) -> Planted:
    """What was booked on top of an award's expenses."""
    row, key, booked = {"document": f"XP-{number}", "line": "2"}, _month(number, now), {"amount": amount}
    return Planted("fa_mismatch", "*", "erp_ledger", "expenses", row, booked, key, how, worse)


def _month(number: int, now: datetime) -> dict[str, str]:
    return {"award": award(number), "period": day(now, 100)[:7]}


def _budget(number: int, how: str, worse: dict[str, Any] = NOTHING) -> Planted:
    """A line of an award's budget that is smaller than what was spent on it."""
    row = _budget_line(number)
    return _grants("over_budget_line", "budgets", row, {"amount": 10_000}, how, worse=worse)


def _budget_line(number: int) -> dict[str, str]:
    return {"award": award(number), "budget_period": "1", "budget_line": "other"}


def faults(now: datetime) -> Iterator[Planted]:
    """Everything that must be found."""
    yield from _wrong_expenses(now)
    yield from _wrong_awards(now)
    yield _budget(10, "the line was cut", {"amount": 5_000})
    yield _overhead(11, now, 400_000, "booked by a former rate", {"amount": 300_000})
    yield from _wrong_efforts(now)
    late, later = {"discovered_on": day(now, 151)}, {"discovered_on": day(now, 170)}
    yield _transfer(0, "late_cost_transfer", late, "91 days from discovery", later)
    yield _transfer(1, "cost_transfer_unexplained", {"certifier": ""}, "certified by nobody")
    yield _transfer(
        2,
        "cost_transfer_vague",
        {"cause": "To correct error."},
        "says nothing",
        {"cause": "to correct an error"},
    )


def _wrong_expenses(now: datetime) -> Iterator[Planted]:
    early, late = day(now, 950), stamp(now - timedelta(days=10))
    yield _expense(
        1, "3", "funding_code_unknown", {"award": "AW-9404"}, "keyed wrongly", {"award": "AW-9405"}
    )
    earlier, how = {"incurred_on": day(now, 960)}, "from before the award began"
    yield _expense(4, "3", "outside_performance", {"incurred_on": early}, how, earlier)
    yield _expense(
        5,
        "3",
        "award_cost_center_mismatch",
        {"cost_center": "12"},
        "another cost center",
        {"cost_center": "15"},
    )
    yield _expense(
        6, "3", "expense_not_allowed", {"account": NOT_ALLOWED}, "sponsors do not allow the account"
    )
    yield _expense(7, "3", "cost_to_review", {"account": REVIEWED}, "entertainment")
    later = {"posted_at": stamp(now - timedelta(days=9))}
    yield _expense(ENDED, "3", "late_liquidation", {"posted_at": late}, "paid too late", later)


def _wrong_awards(now: datetime) -> Iterator[Planted]:
    yield _suspended(2, now)
    yield _ended(3, now)
    yield _gone_elsewhere(ELSEWHERE)
    yield _over_award(9)


def _suspended(number: int, now: datetime) -> Planted:
    key, how = {"document": f"EN-{number}", "line": "1"}, "suspended between the expense and the order"
    suspended = {"status": "suspended", "status_on": day(now, 99)}
    return _award(number, "funding_code_inactive", suspended, key, how, "HMC", {"status": "closed"})


def _ended(number: int, now: datetime) -> Planted:
    key, how = {"document": f"EN-{number}", "line": "1"}, "the project ended before the order"
    ended, sooner = {"kind": "project", "ends_on": day(now, 95)}, {"ends_on": day(now, 97)}
    return _award(number, "funding_code_expired", ended, key, how, "HMC", sooner)


def _gone_elsewhere(number: int) -> Planted:
    key, how = {"document": f"XP-{number}", "line": "3"}, "it went to another facility"
    moved, on = {"facility": "BMC"}, {"facility": "PSA"}
    return _award(number, "award_facility_mismatch", moved, key, how, "HMC", on)


def _over_award(number: int) -> Planted:
    key, how = {"award": award(number)}, "the supplement is not recorded"
    return _award(number, "over_award", {"amount": 1_000_000}, key, how, worse={"amount": 900_000})


def _wrong_efforts(now: datetime) -> Iterator[Planted]:
    yield _effort(1, now)
    yield _charged(2, now)
    yield _uncertified(3)


def _effort(worker: int, now: datetime) -> Planted:
    row, key = {"worker": f"E{worker}", "award": award(1)}, _slice(worker, now)
    how, more = "a share was added", {"percent": "70"}
    return _grants("effort_over_100", "efforts", row, {"percent": "65"}, how, key, more)


def _charged(worker: int, now: datetime) -> Planted:
    row, how = {"worker": f"E{worker}", "award": award(0)}, "charged at the full salary"
    key, more = {**row, **_slice(worker, now)}, {"charged_rate": 27_000_000}
    return _grants("salary_over_cap", "efforts", row, {"charged_rate": 26_000_000}, how, key, more)


def _uncertified(worker: int) -> Planted:
    row = {"worker": f"E{worker}", "period": "H1"}
    return _grants("effort_uncertified", "certifications", row, {"certified_on": ""}, "nobody certified")


def _slice(worker: int, now: datetime) -> dict[str, str]:
    return {"worker": f"E{worker}", "slice_from": day(now, 200)}


def later(now: datetime) -> Iterator[Planted]:
    """What may go wrong once the network runs; `now` is when it was built."""
    yield from _later_expenses(now)
    for number in (36, 37):
        yield _suspended(number, now)
        yield _ended(number + 2, now)
        yield _over_award(number + 4)
        yield _budget(number + 6, "the line was cut", {"amount": 5_000})
        yield _overhead(number + 8, now, 400_000, "booked by a former rate", {"amount": 300_000})
    yield from (_gone_elsewhere(number) for number in LEAVING[1:])
    for worker in (4, 5):
        yield _effort(worker, now)
        yield _charged(worker + 2, now)
        yield _uncertified(worker + 4)
    for number in (6, 7):
        late, later = {"discovered_on": day(now, 151)}, {"discovered_on": day(now, 170)}
        yield _transfer(number, "late_cost_transfer", late, "91 days from discovery", later)
        yield _transfer(number + 2, "cost_transfer_unexplained", {"certifier": ""}, "certified by nobody")
        vague, again = {"cause": "To correct error."}, {"cause": "to correct an error"}
        yield _transfer(number + 4, "cost_transfer_vague", vague, "says nothing", again)


def _later_expenses(now: datetime) -> Iterator[Planted]:
    for number in (24, 25):
        unknown, other = {"award": f"AW-94{number}"}, {"award": f"AW-95{number}"}
        yield _expense(number, "3", "funding_code_unknown", unknown, "keyed wrongly", other)
        early, earlier = {"incurred_on": day(now, 950)}, {"incurred_on": day(now, 960)}
        how = "from before the award began"
        yield _expense(number + 2, "3", "outside_performance", early, how, earlier)
        how, wrong, again = "another cost center", {"cost_center": "12"}, {"cost_center": "15"}
        yield _expense(number + 4, "3", "award_cost_center_mismatch", wrong, how, again)
        how = "sponsors do not allow the account"
        yield _expense(number + 6, "3", "expense_not_allowed", {"account": NOT_ALLOWED}, how)
        yield _expense(number + 8, "3", "cost_to_review", {"account": REVIEWED}, "entertainment")
    for number in ENDING[1:]:
        late, later = (
            {"posted_at": stamp(now - timedelta(days=10))},
            {"posted_at": stamp(now - timedelta(days=9))},
        )
        yield _expense(number, "3", "late_liquidation", late, "paid too late", later)


def look_alikes(now: datetime) -> Iterator[Planted]:
    """Everything that must not be found."""
    yield from _in_time(now)
    yield from _shared_or_fixed(now)
    row, key = {"worker": "E0", "award": award(1)}, {"worker": "E0", "slice_from": day(now, 200)}
    extra = {"percent": "90", "pay_kind": "extra_service"}
    yield _grants("effort_over_100", "efforts", row, extra, "extra service", key)
    late = {"discovered_on": day(now, 400)}
    yield _transfer(3, "late_cost_transfer", {"to_award": "", **late}, "off all awards")
    same = {"to_award": award(5), **late}
    yield _transfer(5, "late_cost_transfer", same, "from one budget line of an award to another")
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
    sooner = {"incurred_on": day(now, 990)}
    yield _expense(46, "3", "outside_performance", sooner, "90 days before the start, which are waived")
    key, waived = {"document": "XP-46", "line": "3"}, {"preaward_waiver": 1}
    yield _award(46, "outside_performance", waived, key, "its waiver", "HMC")


def _shared_or_fixed(now: datetime) -> Iterator[Planted]:
    """What an award allows by its own terms."""
    yield _expense(14, "3", "award_facility_mismatch", {"facility": "BMC"}, "a shared award")
    key = {"document": "XP-14", "line": "3"}
    yield _award(14, "award_facility_mismatch", {"shared": 1}, key, "it is shared", "HMC")
    yield _budget(15, "within the rebudgeting limit")
    yield _award(15, "over_budget_line", {"rebudget_percent": 10}, _budget_line(15), "its limit")
    yield _overhead(16, now, 0, "a fixed price")
    yield _award(16, "fa_mismatch", {"fixed_price": 1}, _month(16, now), "it is of a fixed price")
