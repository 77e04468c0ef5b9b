"""What awards may spend, what is booked on top, effort of people, and costs that are moved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog

from .books import days_ago
from .grants_books import GrantsBooks, grants_site

BUDGET, TOTAL, FA = "grants.budget", "grants.award_total", "grants.facilities"
EFFORT, CAP, CERTIFIED, TRANSFER = (
    "grants.effort", "grants.salary_cap", "grants.certification", "grants.cost_transfer",
)  # fmt: skip


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return grants_site(tmp_path_factory.mktemp("grants"))


@pytest.fixture
def books(catalog: Catalog) -> GrantsBooks:
    return GrantsBooks(catalog)


@pytest.mark.parametrize(
    ("award", "spent", "encumbered", "raised"),
    [
        ({}, 600, 401, False),  # rounding
        ({}, 600, Decimal("401.01"), True),
        ({}, 1500, None, True),
        ({"rebudget_percent": 10}, 11000, None, False),  # exactly 10 % of 100,000
        ({"rebudget_percent": 10}, 11001, None, True),
        ({"amount": None, "rebudget_percent": 10}, 1500, None, True),
    ],
)
def test_budget_lines(
    books: GrantsBooks, award: dict[str, Any], spent: Any, encumbered: Any, raised: bool
) -> None:
    books.put("award", "GRANTS", **award)
    books.put("award_budget", "GRANTS")
    books.put("expense", "ERP", amount=spent)
    if encumbered is not None:
        books.put("encumbrance", "ERP", amount=encumbered)
    assert books.raised(BUDGET) == (["over_budget_line"] if raised else [])


def test_an_overspent_line_is_told_over_all_facilities(books: GrantsBooks) -> None:
    books.put("award", "GRANTS")
    books.put("award_budget", "GRANTS")
    books.put("expense", "ERP", amount=700)
    books.put("expense", "ERP", amount=700, entity="H2", expense="E2")
    books.put("expense", "ERP", amount=-100, expense="E3")
    assert books.told(BUDGET) == ["A1, 1 supplies: $1,300.00 spent and encumbered of $1,000.00."]
    assert books.found(BUDGET).amount == Decimal(300)


@pytest.mark.parametrize(
    ("expense", "raised"),
    [
        ({"budget_line": "travel"}, True),
        ({"budget_line": "travel", "budget_period": "2"}, False),
        ({"budget_line": None}, False),
    ],
    ids=["a line that the budget lacks", "a period without budget", "no line given"],
)
def test_what_no_budget_line_plans(books: GrantsBooks, expense: dict[str, Any], raised: bool) -> None:
    books.put("award", "GRANTS")
    books.put("award_budget", "GRANTS")
    books.put("expense", "ERP", **expense)
    assert books.raised(BUDGET) == (["over_budget_line"] if raised else [])


@pytest.mark.parametrize(
    ("spent", "said", "raised"),
    [
        (99601, {}, False),
        (Decimal("99601.01"), {}, True),
        (99700, {"status": "closed"}, False),
    ],
    ids=["rounding", "with what is encumbered", "released"],
)
def test_award_total(books: GrantsBooks, spent: Any, said: dict[str, Any], raised: bool) -> None:
    books.put("award", "GRANTS")
    books.put("expense", "ERP", amount=spent)
    books.put("encumbrance", "ERP", **said)
    assert books.raised(TOTAL) == (["over_award"] if raised else [])


def test_an_award_whose_amount_nobody_knows_is_not_judged(books: GrantsBooks) -> None:
    books.put("award", "GRANTS", amount=None)
    books.put("expense", "ERP", amount=10**6)
    assert books.raised(TOTAL) == []


def overhead(books: GrantsBooks, booked: Any, **said: Any) -> None:
    """1,000 direct and 300 excluded in May, at 50 %; what was booked on top."""
    of = {"incurred_on": date(2026, 5, 20), **said}
    books.put("fa_rate", "GRANTS")
    books.put("fa_exclusion", "GRANTS")
    books.put("expense", "ERP", amount=1000, **of)
    books.put("expense", "ERP", amount=300, account="6900", expense="E2", **of)
    books.put("expense", "ERP", amount=booked, kind="facilities", account="8000", expense="E3", **of)


@pytest.mark.parametrize(
    ("award", "booked", "raised"),
    [
        ({}, 500, False),
        ({}, 501, False),
        ({}, Decimal("501.01"), True),
        ({}, Decimal("498.99"), True),
        ({}, 650, True),
        ({"fixed_price": True}, 0, False),
    ],
    ids=["by rate", "a unit off", "over", "under", "on what is excluded", "fixed price"],
)
def test_facilities_and_administration(
    books: GrantsBooks, award: dict[str, Any], booked: Any, raised: bool
) -> None:
    books.put("award", "GRANTS", **award)
    overhead(books, booked)
    assert books.raised(FA) == (["fa_mismatch"] if raised else [])


def test_the_rate_that_held_is_used(books: GrantsBooks) -> None:
    books.put("award", "GRANTS")
    books.put("fa_rate", "GRANTS", rate=60, valid_from=date(2026, 6, 1), valid_to=None)
    overhead(books, 500)
    books.put("expense", "ERP", expense="E4", amount=1000)
    books.put("expense", "ERP", expense="E5", amount=500, kind="facilities")
    assert books.told(FA) == ["A1, 2026-06: $500.00 booked, $600.00 by rate."]


def test_an_exclusion_for_every_award(books: GrantsBooks) -> None:
    books.put("award", "GRANTS")
    books.put("fa_exclusion", "GRANTS", award="*", account="6100")
    overhead(books, 0)
    assert books.raised(FA) == []


def test_an_award_without_a_rate_is_not_judged(books: GrantsBooks) -> None:
    books.put("award", "GRANTS")
    overhead(books, 0, incurred_on=date(2026, 7, 20))
    assert books.raised(FA) == []


@pytest.mark.parametrize(("now", "raised"), [(1, False), (2.9, False), (3, True)])
def test_the_run_has_three_business_days_after_the_period(
    books: GrantsBooks, now: float, raised: bool
) -> None:
    books.put("award", "GRANTS")
    overhead(books, 0)
    at = datetime(2026, 5, 31, tzinfo=UTC) + timedelta(days=now)
    books.con.execute("UPDATE all_expense SET posted_at = '2026-05-21 00:00:00+00'")
    assert books.raised(FA, now=at) == (["fa_mismatch"] if raised else [])


@pytest.mark.parametrize(
    ("second", "raised"),
    [
        ({"percent": 40}, False),
        ({"percent": Decimal("40.01")}, False),
        ({"percent": Decimal("40.02")}, True),
        ({"percent": 60, "pay_kind": "extra_service"}, False),
        ({"percent": 60, "slice_from": date(2026, 7, 1)}, False),
        ({"percent": 60, "worker": "W2"}, False),
        ({"percent": 60, "entity": "H2"}, True),
    ],
    ids=["100", "100.01", "100.02", "extra service", "another slice", "another worker", "another facility"],
)
def test_effort(books: GrantsBooks, second: dict[str, Any], raised: bool) -> None:
    books.put("effort", "HCM")
    books.put("effort", "HCM", **{"award": "A2", **second})
    assert books.raised(EFFORT) == (["effort_over_100"] if raised else [])


def test_effort_is_told_without_a_name(books: GrantsBooks) -> None:
    books.put("effort", "HCM")
    books.put("effort", "HCM", award="A2", percent=65)
    assert books.told(EFFORT) == ["W1, from 1 Jan 2026: 125 % of effort on 2 lines."]


@pytest.mark.parametrize(
    ("rate", "award", "caps", "raised"),
    [
        (225700, {}, [{}], False),
        (225701, {}, [{}], True),
        (225701, {"sponsor_category": "industry"}, [{}], False),
        (225701, {}, [], False),
        (225701, {}, [{}, {"valid_from": date(2026, 1, 1), "yearly": 228000}], False),
        (228001, {}, [{}, {"valid_from": date(2026, 1, 1), "yearly": 228000}], True),
        (225701, {}, [{"valid_to": date(2025, 12, 31)}], False),
    ],
    ids=["at the cap", "above", "not federal", "no cap known", "the cap that holds", "above that", "a cap that ended"],
)  # fmt: skip
def test_salary_cap(
    books: GrantsBooks, rate: int, award: dict[str, Any], caps: list[dict[str, Any]], raised: bool
) -> None:
    books.put("award", "GRANTS", **award)
    for cap in caps:
        books.put("salary_cap", "GRANTS", **cap)
    books.put("effort", "HCM", charged_rate=rate)
    assert books.raised(CAP) == (["salary_over_cap"] if raised else [])


@pytest.mark.parametrize(
    ("rate", "award", "own", "raised"),
    [
        (190001, {"sponsor": "NHF"}, {}, True),
        (190000, {"sponsor": "NHF"}, {}, False),
        (190001, {"sponsor": "NCF"}, {}, False),
        (190001, {"sponsor": "NHF", "sponsor_category": "industry"}, {}, True),
        (225701, {"sponsor": "NHF"}, {"yearly": 300000}, False),
        (225701, {"sponsor": "NHF"}, {"yearly": 300000, "valid_to": date(2025, 12, 31)}, True),
    ],
    ids=["above its own", "at its own", "of another", "no cap of the category", "allows more", "its own has ended"],
)  # fmt: skip
def test_a_cap_of_the_sponsor_itself_comes_before_its_category(
    books: GrantsBooks, rate: int, award: dict[str, Any], own: dict[str, Any], raised: bool
) -> None:
    books.put("award", "GRANTS", **award)
    books.put("salary_cap", "GRANTS")
    books.put("sponsor_cap", "GRANTS", **own)
    books.put("effort", "HCM", charged_rate=rate)
    assert books.raised(CAP) == (["salary_over_cap"] if raised else [])


def test_what_somebody_earns_stands_in_no_sentence(books: GrantsBooks) -> None:
    books.put("award", "GRANTS")
    books.put("salary_cap", "GRANTS")
    books.put("effort", "HCM", charged_rate=300000)
    (told,) = books.told(CAP)
    assert told == "W1 on A1, from 1 Jan 2026: charged above the cap of $225,700.00 a year."
    assert "300000" not in books.found(CAP).facts


@pytest.mark.parametrize(
    ("said", "now", "raised"),
    [
        ({}, datetime(2026, 10, 1, 9, 59, tzinfo=UTC), False),
        ({}, datetime(2026, 10, 1, 10, 0, tzinfo=UTC), True),
        ({"certified_on": date(2026, 10, 5)}, datetime(2026, 11, 1, tzinfo=UTC), False),
    ],
    ids=["the last day in Hawaii", "over everywhere", "certified, though late"],
)
def test_certification(books: GrantsBooks, said: dict[str, Any], now: datetime, raised: bool) -> None:
    books.put("effort_certification", "HCM", **said)
    assert books.raised(CERTIFIED, now=now) == (["effort_uncertified"] if raised else [])


def moved(days: int, since: date) -> dict[str, Any]:
    return {
        "transferred_at": datetime(since.year, since.month, since.day, 12, tzinfo=UTC) + timedelta(days=days)
    }


LATE: list[tuple[str, dict[str, Any], bool]] = [
    ("90 days from discovery", moved(90, date(2026, 8, 1)), False),
    ("91 days from discovery", moved(91, date(2026, 8, 1)), True),
    ("90 days from the month's end", {"discovered_on": None, **moved(90, date(2026, 6, 30))}, False),
    ("91 days from the month's end", {"discovered_on": None, **moved(91, date(2026, 6, 30))}, True),
    ("off all awards", {"to_award": None, **moved(200, date(2026, 8, 1))}, False),
    ("on the same award", {"from_award": "A1", **moved(200, date(2026, 8, 1))}, False),
    ("the same award by another code", {"from_award": "FUND-1", **moved(200, date(2026, 8, 1))}, False),
    ("F&A that follows", {"cost_kind": "facilities", **moved(200, date(2026, 8, 1))}, False),
    ("rejected", {"status": "rejected", **moved(200, date(2026, 8, 1))}, False),
    ("from no award", {"from_award": None, **moved(91, date(2026, 8, 1))}, True),
]


@pytest.mark.parametrize(("said", "raised"), [row[1:] for row in LATE], ids=[r[0] for r in LATE])
def test_late_transfers(books: GrantsBooks, said: dict[str, Any], raised: bool) -> None:
    books.put("cost_transfer", "ERP", **said)
    assert books.raised(TRANSFER) == (["late_cost_transfer"] if raised else [])


@pytest.mark.parametrize(
    ("said", "category", "told"),
    [
        ({"cause": None}, "cost_transfer_unexplained", "T1: $300.00 to A1 gives no cause."),
        ({"cause": "  "}, "cost_transfer_unexplained", "T1: $300.00 to A1 gives no cause."),
        ({"certifier": None}, "cost_transfer_unexplained", "T1: $300.00 to A1 is certified by nobody."),
        (
            {"cause": "To correct error."},
            "cost_transfer_vague",
            'T1: $300.00 to A1, and the cause says only "To correct error.".',
        ),
        (
            {"cause": "Clerical error, J. D."},
            "cost_transfer_vague",
            'T1: $300.00 to A1, and the cause says only "Clerical error, J. D.".',
        ),
        ({"cause": "To correct error: the buyer chose the fund of the year before"}, None, None),
        ({"cause": "Moved"}, None, None),
    ],
)
def test_explanations(
    books: GrantsBooks, said: dict[str, Any], category: str | None, told: str | None
) -> None:
    books.put("cost_transfer", "ERP", **said)
    assert books.raised(TRANSFER) == ([category] if category else [])
    assert books.told(TRANSFER) == ([told] if told else [])


def test_a_transfer_that_is_late_and_unexplained_says_both(books: GrantsBooks) -> None:
    books.put("cost_transfer", "ERP", cause=None, transferred_at=days_ago(0))
    assert books.raised(TRANSFER) == ["cost_transfer_unexplained", "late_cost_transfer"]
