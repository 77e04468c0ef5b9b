"""Expenses and encumbrances with the award they name: known, active, in its period, of its facility and accounts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog

from .books import days_ago
from .grants_books import ENDED, GrantsBooks, grants_site

EXPENSE, ENCUMBRANCE = "grants.expense", "grants.encumbrance"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return grants_site(tmp_path_factory.mktemp("grants"))


@pytest.fixture
def books(catalog: Catalog) -> GrantsBooks:
    return GrantsBooks(catalog)


@pytest.mark.parametrize("code", ["A1", "FUND-1"])
def test_an_expense_in_order_is_silent(books: GrantsBooks, code: str) -> None:
    books.put("award", "GRANTS")
    books.put("award_cost_center", "GRANTS")
    books.put("expense", "ERP", award=code)
    result = books.run(EXPENSE)
    assert (result.discrepancies, result.compared) == ([], 1)


def test_an_unknown_funding_code(books: GrantsBooks) -> None:
    books.put("award", "GRANTS")
    books.put("expense", "ERP", award="A9")
    assert books.told(EXPENSE) == ["E1: $500.00 dated 10 Jun 2026 on A9, which no system knows."]
    assert '"alias":"A9"' in books.found(EXPENSE).facts.replace(" ", "")


def test_no_code_is_unknown_before_the_awards_were_read(books: GrantsBooks) -> None:
    books.put("expense", "ERP", award="A9")
    assert books.raised(EXPENSE, read={"spent.award": None}) == []


@pytest.mark.parametrize(
    ("award", "expense", "raised"),
    [
        ({"status": "closed"}, {}, True),
        ({"status": "suspended", "status_on": date(2026, 6, 9)}, {}, True),
        ({"status": "suspended", "status_on": date(2026, 6, 10)}, {}, False),
        ({"status": "closed", "status_on": date(2026, 9, 1)}, {}, False),
        ({"status": "closed"}, {"amount": -500}, False),
        ({"status": "closed"}, {"status": "void"}, False),
    ],
    ids=["closed", "the day after", "the day itself", "incurred before", "a credit", "void"],
)
def test_inactive(books: GrantsBooks, award: dict[str, Any], expense: dict[str, Any], raised: bool) -> None:
    books.put("award", "GRANTS", **award)
    books.put("expense", "ERP", **expense)
    assert books.raised(EXPENSE) == (["funding_code_inactive"] if raised else [])


PERIOD: list[tuple[str, dict[str, Any], dict[str, Any], str | None]] = [
    ("last day", {}, {"incurred_on": ENDED}, None),
    ("the day after", {}, {"incurred_on": date(2026, 7, 1)}, "outside_performance"),
    ("posted after, incurred in time", {}, {"posted_at": datetime(2026, 7, 15, tzinfo=UTC)}, None),
    ("extended", {"ends_on": date(2026, 12, 31)}, {"incurred_on": date(2026, 7, 1)}, None),
    ("open-ended", {"ends_on": None}, {"incurred_on": date(2026, 7, 1)}, None),
    ("first day", {}, {"incurred_on": date(2025, 7, 1)}, None),
    ("the day before", {}, {"incurred_on": date(2025, 6, 30)}, "outside_performance"),
    ("pre-award approved", {"preaward_from": date(2025, 6, 1)}, {"incurred_on": date(2025, 6, 1)}, None),
    ("before what was approved", {"preaward_from": date(2025, 6, 2)}, {"incurred_on": date(2025, 6, 1)},
     "outside_performance"),
    ("90 days, waived", {"preaward_waiver": True}, {"incurred_on": date(2025, 4, 2)}, None),
    ("91 days, waived", {"preaward_waiver": True}, {"incurred_on": date(2025, 4, 1)}, "outside_performance"),
    ("a project that ended", {"kind": "project"}, {"incurred_on": date(2026, 7, 1)}, "funding_code_expired"),
    ("a project, in time", {"kind": "project"}, {"incurred_on": ENDED}, None),
    ("a credit afterwards", {}, {"incurred_on": date(2026, 7, 1), "amount": -1}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("award", "expense", "category"), [row[1:] for row in PERIOD], ids=[r[0] for r in PERIOD]
)
def test_the_day_it_was_incurred_decides(
    books: GrantsBooks, award: dict[str, Any], expense: dict[str, Any], category: str | None
) -> None:
    books.put("award", "GRANTS", **award)
    books.put("expense", "ERP", **{"posted_at": datetime(2026, 7, 20, tzinfo=UTC), **expense})
    assert books.raised(EXPENSE) == ([category] if category else [])


def test_outside_the_period_is_told_with_the_period(books: GrantsBooks) -> None:
    books.put("award", "GRANTS")
    books.put("expense", "ERP", incurred_on=date(2026, 7, 4), posted_at=days_ago(20))
    assert books.told(EXPENSE) == ["$500.00 dated 4 Jul 2026 on A1, valid 1 Jul 2025 to 30 Jun 2026."]


@pytest.mark.parametrize(
    ("award", "days", "raised"),
    [
        ({}, 120, False),
        ({}, 121, True),
        ({"subrecipient": True}, 90, False),
        ({"subrecipient": True}, 91, True),
        ({"liquidation_days": 150}, 150, False),
        ({"liquidation_days": 150}, 151, True),
        ({"kind": "project"}, 200, False),
        ({"ends_on": None}, 200, False),
    ],
)
def test_liquidation(books: GrantsBooks, award: dict[str, Any], days: int, raised: bool) -> None:
    books.put("award", "GRANTS", **award)
    posted = datetime(2026, 6, 30, 12, tzinfo=UTC) + timedelta(days=days)
    books.put("expense", "ERP", posted_at=posted)
    assert books.raised(EXPENSE) == (["late_liquidation"] if raised else [])


@pytest.mark.parametrize(
    ("award", "raised"),
    [
        ({}, False),
        ({"facility": "H2"}, True),
        ({"facility": "H2", "shared": True}, False),
        ({"facility": None}, False),
    ],
)
def test_facility(books: GrantsBooks, award: dict[str, Any], raised: bool) -> None:
    books.put("award", "GRANTS", **award)
    books.put("expense", "ERP")
    told = ["E1: $500.00 of H1 on A1, which H2 holds."]
    assert books.told(EXPENSE) == (told if raised else [])


@pytest.mark.parametrize(
    ("mapped", "cost_center", "raised"),
    [
        ([{}], "C1", False),
        ([{}], "C2", True),
        ([{}, {"cost_center": "C2"}], "C2", False),
        ([{"valid_to": date(2026, 6, 10)}], "C1", False),
        ([{"valid_to": date(2026, 6, 9)}], "C1", True),
        ([{"valid_from": date(2026, 6, 11)}], "C1", True),
        ([], "C2", False),
        ([{}], None, False),
    ],
    ids=["its own", "another's", "one of two", "last day", "over", "not yet", "none mapped", "none given"],
)
def test_cost_center(
    books: GrantsBooks, mapped: list[dict[str, Any]], cost_center: str | None, raised: bool
) -> None:
    books.put("award", "GRANTS")
    for one in mapped:
        books.put("award_cost_center", "GRANTS", **one)
    books.put("expense", "ERP", cost_center=cost_center)
    assert books.raised(EXPENSE) == (["award_cost_center_mismatch"] if raised else [])


@pytest.mark.parametrize(
    ("rules", "award", "expense", "category"),
    [
        ([{}], {}, {}, "expense_not_allowed"),
        ([{"treatment": "review"}], {}, {}, "cost_to_review"),
        ([{"treatment": "allowed"}], {}, {}, None),
        ([{}], {}, {"account": "6200"}, None),
        ([{}], {"sponsor_category": "industry"}, {}, None),
        ([{"sponsor_category": "*"}], {"sponsor_category": "industry"}, {}, "expense_not_allowed"),
        ([{"sponsor_category": "*"}, {"treatment": "allowed"}], {}, {}, None),
        ([{}], {}, {"kind": "facilities"}, None),
        ([{"sponsor_category": "internal"}], {"sponsor_category": "internal"}, {}, "expense_not_allowed"),
        ([{}], {"sponsor_category": None}, {}, None),
    ],
    ids=["not allowed", "review", "allowed", "another account", "another sponsor", "all sponsors", "its own rule first",
         "F&A", "internal", "no category"],
)  # fmt: skip
def test_accounts_by_sponsor_category(
    books: GrantsBooks,
    rules: list[dict[str, Any]],
    award: dict[str, Any],
    expense: dict[str, Any],
    category: str | None,
) -> None:
    books.put("award", "GRANTS", **award)
    for rule in rules:
        books.put("cost_rule", "GRANTS", **rule)
    books.put("expense", "ERP", **expense)
    assert books.raised(EXPENSE) == ([category] if category else [])


@pytest.mark.parametrize(
    ("own", "sponsor", "raised"),
    [
        ({}, "NHF", []),
        ({"treatment": "review"}, "NHF", ["cost_to_review"]),
        ({"account": "6200"}, "NHF", ["expense_not_allowed"]),
        ({}, "NCF", ["expense_not_allowed"]),
        ({}, None, ["expense_not_allowed"]),
    ],
    ids=["allows it", "reviews it", "of another account", "of another sponsor", "sponsor not known"],
)
def test_what_a_sponsor_says_itself_comes_before_its_category(
    books: GrantsBooks, own: dict[str, Any], sponsor: str | None, raised: list[str]
) -> None:
    books.put("award", "GRANTS", sponsor=sponsor)
    books.put("cost_rule", "GRANTS")
    books.put("sponsor_rule", "GRANTS", **own)
    books.put("expense", "ERP")
    assert books.raised(EXPENSE) == raised


def test_a_sponsor_that_allows_less_than_its_category_is_named_by_its_own_terms(books: GrantsBooks) -> None:
    books.put("award", "GRANTS", sponsor="NHF", sponsor_category="foundation")
    books.put("sponsor_rule", "GRANTS", treatment="not_allowed")
    books.put("expense", "ERP")
    (told,) = books.told(EXPENSE)
    assert told == "E1: $500.00 on A1 in account 6100, which its sponsors do not allow (NHF terms 4)."


def test_a_cost_to_review_is_not_called_unallowable(books: GrantsBooks) -> None:
    books.put("award", "GRANTS")
    books.put("cost_rule", "GRANTS", treatment="review", source="2 CFR 200.438")
    books.put("expense", "ERP")
    (told,) = books.told(EXPENSE)
    assert told == "E1: $500.00 on A1 in account 6100 is to be reviewed (2 CFR 200.438)."
    assert books.catalog.categories["cost_to_review"].severity == "low"


@pytest.mark.parametrize(
    ("award", "said", "category"),
    [
        ({}, {}, None),
        ({}, {"award": "A9"}, "funding_code_unknown"),
        ({"status": "closed"}, {}, "funding_code_inactive"),
        ({}, {"obligated_on": date(2026, 7, 1)}, "outside_performance"),
        ({}, {"obligated_on": date(2026, 7, 1), "status": "closed"}, None),
        ({"kind": "project"}, {"obligated_on": date(2026, 7, 1)}, "funding_code_expired"),
    ],
)
def test_encumbrances(
    books: GrantsBooks, award: dict[str, Any], said: dict[str, Any], category: str | None
) -> None:
    books.put("award", "GRANTS", **award)
    books.put("encumbrance", "ERP", **said)
    assert books.raised(ENCUMBRANCE) == ([category] if category else [])


def test_every_cause_names_its_regulation(catalog: Catalog) -> None:
    for check in catalog.checks_in("projects_and_grants"):
        for finding in getattr(check, "findings", ()):
            cause = catalog.categories[finding.category].cause
            if finding.category != "funding_code_expired":  # a project without sponsor is under none
                assert "CFR" in cause or "NIH" in cause, finding.category


@pytest.mark.parametrize(
    ("held", "unmapped"), [(["C1"], "X9"), (["C1", "X9"], None), (["X9"], None), ([], None)],
    ids=["unknown to the ERP", "another valid one", "the award's own is unknown", "no master"],
)  # fmt: skip
def test_a_cost_center_that_the_erp_lacks_is_unmapped(
    books: GrantsBooks, held: list[str], unmapped: str | None
) -> None:
    books.put("award", "GRANTS")
    books.put("award_cost_center", "GRANTS")
    books.put("expense", "ERP", cost_center="X9")
    for code in held:
        books.add("cost_center", "ERP", entity=None, cost_center=code, name=code, status="active")
    facts = json.loads(books.found(EXPENSE).facts)
    assert facts.get("unmapped") == unmapped
