"""Side by side: what differs is marked, what is not theirs is masked, the tolerance is said in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.access import Viewer
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import CompareRow, DuplicateCheck, ExchangeRate, MatchCheck
from exceptions_app.catalog.schema.match import MatchRow
from exceptions_app.connectors.registry import connector_models
from exceptions_app.models import Role
from exceptions_app.queries.sides import SideBySide, side_by_side

CHECK = "p2p.order_match"


@pytest.fixture(scope="module")
def pages() -> Any:
    return load_catalog(Path(__file__).parent.parent / "web" / "site", connector_models())


@pytest.fixture
def shown(pages: Any, viewer_of: Callable[..., Viewer]) -> Callable[..., SideBySide]:
    def show(sides: Any, tolerance: Any = None, role: Role = Role.MANAGER, check: str = CHECK) -> SideBySide:
        evidence = json.dumps({"key": {}, "let": {}, "sides": sides, "tolerance": tolerance})
        return side_by_side(viewer_of(role), pages, check, evidence, "USD")

    return show


def _cells(found: SideBySide, label: str) -> list[tuple[str, bool, str]]:
    row = next(row for row in found.rows if row.label == label)
    return [(cell.text, cell.differs, cell.kind) for cell in row.cells]


BOTH = {
    "ordered": {"price": "31.00", "unit": "EA", "account": "111"},
    "invoiced": {"price": "43.75", "unit": "EA", "account": "222"},
}


def test_columns_are_systems_and_the_one_of_record_is_marked(shown: Callable[..., SideBySide]) -> None:
    heads = shown(BOTH).heads
    assert [(head.title, head.systems) for head in heads] == [
        ("Order", "Page ERP"),
        ("Invoice", "Page payables"),
    ]
    assert [head.is_record for head in heads] == [True, True]


def test_what_differs_is_marked_and_what_agrees_is_not(shown: Callable[..., SideBySide]) -> None:
    found = shown(BOTH)
    assert _cells(found, "Unit price") == [("$31.00", True, "value"), ("$43.75", True, "value")]
    assert _cells(found, "Unit") == [("EA", False, "value"), ("EA", False, "value")]


def test_equal_numbers_written_differently_do_not_differ(shown: Callable[..., SideBySide]) -> None:
    found = shown({"ordered": {"price": "31"}, "invoiced": {"price": "31.0000"}})
    assert _cells(found, "Unit price") == [("$31.00", False, "value"), ("$31.00", False, "value")]


def test_money_is_said_in_the_currency_of_its_own_side(shown: Callable[..., SideBySide]) -> None:
    ordered = {"price": "43.75", "currency": "USD", "other_currency": "USD"}
    for invoiced, text in (
        ({"currency": "CAD"}, "CAD 43.75"),
        ({"currency": "CAD", "other_currency": "USD"}, "CAD and USD 43.75"),
    ):
        found = shown({"ordered": ordered, "invoiced": {"price": "43.75", **invoiced}})
        assert _cells(found, "Unit price") == [("$43.75", True, "value"), (text, True, "value")]
    found = shown({"ordered": ordered, "invoiced": {"price": "43.75"}})
    assert _cells(found, "Unit price") == [("$43.75", False, "value"), ("$43.75", False, "value")]


@pytest.mark.parametrize(
    ("let", "currency", "marked"),
    [
        ({"charged": "310.04", "agreed": "310", "per": "1"}, "USD", False),
        ({"charged": "3150", "agreed": "3100", "per": "10"}, "USD", False),
        ({"charged": "315.01", "agreed": "310", "per": "1"}, "USD", True),
        ({"charged": "314", "agreed": "310", "per": "1"}, "EUR", True),
        ({"charged": "312", "agreed": "310", "per": "1"}, "EUR", False),
        ({"charged": "312", "agreed": "310", "per": "1"}, "JPY", True),
        ({"charged": None, "agreed": "310", "per": "1"}, "USD", True),
        ({}, "USD", True),
    ],
)
def test_what_the_tolerance_ignores_is_not_marked(
    let: dict[str, Any], currency: str, marked: bool, pages: Any, viewer_of: Callable[..., Viewer]
) -> None:
    """5 USD are ignored, 2.50 EUR at two dollars a euro; without a rate nothing is."""
    check = pages.checks[CHECK]
    ignored = {"tolerance": "price", "one": "charged", "other": "agreed", "scale": "per"}
    row = MatchRow(
        label="Price", format="price", cells={"ordered": "price", "invoiced": "price"}, ignored=ignored
    )
    small = check.tolerances["price"].model_copy(update={"ignore_below": Decimal(5)})
    checks = {CHECK: check.model_copy(update={"compare": [row], "tolerances": {"price": small}})}
    rate = ExchangeRate(currency="EUR", rate=Decimal(2), valid_from=date(2026, 1, 1))
    site = pages.site.model_copy(update={"rates": [rate]})
    sides = {
        "ordered": {"price": "31", "currency": currency},
        "invoiced": {"price": "31.004", "currency": currency},
    }
    found = side_by_side(
        viewer_of(), replace(pages, checks=checks, site=site), CHECK,
        json.dumps({"let": let, "sides": sides}), currency, date(2026, 11, 23),
    )  # fmt: skip
    assert found.rows[0].differs is marked


def test_a_side_without_a_record_says_so(shown: Callable[..., SideBySide]) -> None:
    found = shown({"ordered": {}, "invoiced": BOTH["invoiced"]})
    assert _cells(found, "Unit price") == [("not found", False, "absent"), ("$43.75", False, "value")]


def test_a_side_that_no_feed_provides_has_no_column(pages: Any, viewer_of: Callable[..., Viewer]) -> None:
    feeds = {code: feed for code, feed in pages.feeds.items() if code != "ap_invoices"}
    check = pages.checks[CHECK]
    only = CompareRow(label="Billed", format="money", cells={"invoiced": "price"})
    checks = {CHECK: check.model_copy(update={"compare": [*check.compare, only]})}
    without = replace(pages, feeds=feeds, checks=checks)
    for invoiced, titles, labels in (
        ({}, ["Order"], ["Unit price", "Unit", "Account"]),
        (BOTH["invoiced"], ["Order", "Invoice"], ["Unit price", "Unit", "Account", "Billed"]),
    ):
        evidence = json.dumps({"sides": {**BOTH, "invoiced": invoiced}})
        found = side_by_side(viewer_of(), without, CHECK, evidence, "USD")
        assert [head.title for head in found.heads] == titles
        assert [row.label for row in found.rows] == labels
        assert all(len(row.cells) == len(titles) for row in found.rows)


def test_a_price_below_the_order_is_under(shown: Callable[..., SideBySide]) -> None:
    judged = {
        "difference": "-40", "excess": "20", "limit": "20", "format": "money",
        "sentence": "x; allowed: $250.00 or 2 %",
    }  # fmt: skip
    assert shown(BOTH, judged).tolerances == (
        "$40.00 under, limit $20.00: $20.00 too much (allowed: $250.00 or 2 %)",
    )


@pytest.mark.parametrize(("role", "text"), [(Role.SPECIALIST, "hidden"), (Role.MANAGER, "111")])
def test_a_bank_column_is_masked_for_who_may_not_read_it_but_still_marked(
    role: Role, text: str, shown: Callable[..., SideBySide]
) -> None:
    first, second = _cells(shown(BOTH, role=role), "Account")
    assert first[0] == text
    assert first[1] and second[1]


def test_a_masked_value_is_nowhere_in_what_is_returned(shown: Callable[..., SideBySide]) -> None:
    assert "222" not in repr(shown(BOTH, role=Role.SPECIALIST))


def test_the_tolerance_is_said_in_the_currency_with_the_excess(shown: Callable[..., SideBySide]) -> None:
    judged = {
        "difference": "12.75", "base": "31", "excess": "7.75", "limit": "5", "format": "money",
        "name": "price", "sentence": "12.75 over, limit 5: 7.75 too much; allowed: 5",
    }  # fmt: skip
    assert shown(BOTH, judged).tolerances == ("$12.75 over, limit $5.00: $7.75 too much (allowed: 5)",)
    inside = judged | {"difference": "-4", "excess": "0", "format": "quantity"}
    assert shown(BOTH, inside).tolerances == ("4 under, limit 5: within it (allowed: 5)",)
    assert shown(BOTH, {"sentence": "only words"}).tolerances == ("only words",)


def test_a_check_that_is_gone_still_shows_what_each_side_said(shown: Callable[..., SideBySide]) -> None:
    found = shown({"a": {"unit": "EA"}, "b": {"unit": "CS"}}, check="removed")
    assert _cells(found, "Unit") == [("EA", True, "value"), ("CS", True, "value")]


def test_a_check_that_is_gone_masks_what_is_sensitive_anywhere(shown: Callable[..., SideBySide]) -> None:
    found = shown({"a": {"account": "111"}, "b": {"account": "222"}}, role=Role.SPECIALIST, check="removed")
    assert [text for text, _, _ in _cells(found, "Account")] == ["hidden", "hidden"]


def test_evidence_without_sides_has_no_rows(shown: Callable[..., SideBySide]) -> None:
    assert shown({}).rows == ()


def test_a_column_that_nobody_knows_is_hidden_from_everybody(shown: Callable[..., SideBySide]) -> None:
    found = shown({"a": {"mystery": "1"}}, check="removed")
    assert _cells(found, "Mystery") == [("hidden", False, "masked")]


@pytest.fixture(scope="module")
def duplicates(pages: Any) -> Any:
    """The page network with a check for duplicates, and one that looks a bank account up."""
    twice = DuplicateCheck.model_validate({
        "code": "twice", "kind": "duplicate", "title": "Twice", "flow": "f", "record": "page_invoice",
        "key": ["order_number"], "columns": {"price": "SUM(price)", "account": "MIN(account)"},
        "rules": [{"title": "x", "same": ["price"]}], "order_by": "price", "category": "price_variance",
        "reference": "{order_number}", "compare": [
            {"label": "Number", "cells": {"a": "order_number", "b": "order_number"}},
            {"label": "Facility", "cells": {"a": "entity", "b": "entity"}},
            {"label": "Price", "format": "money", "cells": {"a": "price", "b": "price"}},
            {"label": "Account", "cells": {"a": "account", "b": "account"}},
        ],
    })  # fmt: skip
    looked = MatchCheck.model_validate({
        "code": "looked", "title": "Looked up", "flow": "f", "key": ["order_number"], "reference": "x",
        "sides": {"ordered": {
            "record": "page_order", "columns": {"paid_to": "other.account", "lost": "gone.price"},
            "lookups": {"other": {"record": "page_invoice", "on": {"unit": "unit"}, "columns": ["account"]}},
        }},
        "findings": [{"category": "price_variance", "since": "now()"}],
    })  # fmt: skip
    return replace(pages, checks={**pages.checks, "twice": twice, "looked": looked})


def _duplicate(catalog: Any, viewer: Viewer) -> SideBySide:
    sides = {
        "a": {"entity": "H01", "order_number": "1001", "price": "55.00", "account": "111"},
        "b": {"entity": "H02", "order_number": "1001-A", "price": "56.00", "account": "222"},
    }
    return side_by_side(viewer, catalog, "twice", json.dumps({"sides": sides}), "USD")


def test_of_documents_of_one_system_none_is_the_right_one(
    duplicates: Any, viewer_of: Callable[..., Viewer]
) -> None:
    assert [head.is_record for head in _duplicate(duplicates, viewer_of()).heads] == [False, False]


def test_of_another_facilitys_duplicate_only_the_number_and_the_facility_are_shown(
    duplicates: Any, viewer_of: Callable[..., Viewer]
) -> None:
    found = _duplicate(duplicates, viewer_of(entities=["H01"]))
    assert [text for text, _, _ in _cells(found, "Number")] == ["1001", "1001-A"]
    assert [text for text, _, _ in _cells(found, "Facility")] == ["H01", "H02"]
    assert _cells(found, "Price") == [("$55.00", False, "value"), ("hidden", False, "elsewhere")]
    assert "56" not in repr(found) and "222" not in repr(found)


def test_who_sees_both_facilities_sees_both_documents(
    duplicates: Any, viewer_of: Callable[..., Viewer]
) -> None:
    for entities in (None, ["H01", "H02"]):
        found = _duplicate(duplicates, viewer_of(entities=entities))
        assert _cells(found, "Price") == [("$55.00", True, "value"), ("$56.00", True, "value")]


def test_a_looked_up_column_is_as_sensitive_as_where_it_comes_from(
    duplicates: Any, viewer_of: Callable[..., Viewer]
) -> None:
    evidence = json.dumps({"sides": {"ordered": {"paid_to": "111", "lost": "1", "order_number": "PO-1"}}})
    for role, account in ((Role.SPECIALIST, "hidden"), (Role.MANAGER, "111")):
        found = side_by_side(viewer_of(role), duplicates, "looked", evidence, "USD")
        assert [text for text, _, _ in _cells(found, "Paid to")] == [account]
        assert [text for text, _, _ in _cells(found, "Lost")] == ["hidden"]
        assert [text for text, _, _ in _cells(found, "Order number")] == ["PO-1"]


def test_every_member_of_a_cluster_stands_side_by_side(
    duplicates: Any, viewer_of: Callable[..., Viewer]
) -> None:
    sides = {
        side: {"entity": "H01", "order_number": number} for side, number in zip("abc", "123", strict=True)
    }
    found = side_by_side(viewer_of(), duplicates, "twice", json.dumps({"sides": sides}), "USD")
    assert [text for text, _, _ in _cells(found, "Number")] == ["1", "2", "3"]
