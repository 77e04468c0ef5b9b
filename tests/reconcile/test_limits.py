"""Limits on money in the currency of each document: what is outside, and how it is explained."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ExchangeRate, MatchCheck

from .books import NOW, Books, days_ago

RATES = [
    {"currency": "JPY", "valid_from": date(2026, 1, 1), "rate": Decimal("0.01")},
    {"currency": "JPY", "valid_from": date(2026, 11, 1), "rate": Decimal("0.005")},
    {"currency": "EUR", "valid_from": date(2026, 1, 1), "rate": Decimal("1.25")},
]
OLD = days_ago(40)


def _site(p2p: Catalog, reporting: str = "USD", **price: Any) -> Catalog:
    """The shipped pack with rates; `price` alters its tolerance of 250 or 2 %, up to 5 ignored."""
    check = p2p.checks["p2p.three_way"].model_dump(mode="json")
    check["tolerances"]["price"] |= price
    site = p2p.site.model_copy(
        update={
            "rates": [ExchangeRate.model_validate(rate) for rate in RATES],
            "reporting_currency": reporting,
        }
    )
    checks = {**p2p.checks, "p2p.three_way": MatchCheck.model_validate(check)}
    return replace(p2p, site=site, checks=checks)


def _books(catalog: Catalog, currency: str | None, ordered: str, billed: str, **invoice: Any) -> Books:
    books = Books(catalog)
    books.order(currency=currency, quantity=1, unit_price=ordered)
    books.receipt(quantity=1)
    books.invoice(currency=currency, quantity=1, unit_price=billed, **invoice)
    return books


@pytest.mark.parametrize(
    ("currency", "ordered", "billed", "raised"),
    [
        ("USD", "100", "105", False),
        ("USD", "100", "105.01", True),
        ("USD", "100000", "100251", True),
        ("EUR", "100", "104", False),
        ("EUR", "100", "104.01", True),
        ("EUR", "100000", "100200", False),
        ("EUR", "100000", "100201", True),
        ("JPY", "10000", "11000", False),
        ("JPY", "10000", "11001", True),
        ("JPY", "9000000", "9050000", False),
        ("JPY", "9000000", "9050001", True),
        ("CHF", "100", "102", False),
        ("CHF", "100", "103", True),
        ("CHF", "100000", "101999", False),
        ("", "100", "105", False),
        ("", "100000", "100251", True),
    ],
)
def test_limits_on_money_are_converted_and_without_a_rate_percent_alone_decides(
    p2p: Catalog, currency: str, ordered: str, billed: str, raised: bool
) -> None:
    assert bool(_books(_site(p2p), currency, ordered, billed).categories()) == raised


@pytest.mark.parametrize(("entered", "limit"), [(OLD, "25000"), (days_ago(8), "50000")])
def test_the_rate_is_that_of_the_day_and_the_explanation_has_the_same_limit(
    p2p: Catalog, entered: Any, limit: str
) -> None:
    found = _books(_site(p2p), "JPY", "9000000", "9100000", entered_at=entered).only()
    assert json.loads(found.evidence)["tolerance"]["limit"] == limit
    assert json.loads(found.facts)["tolerance"] == limit


def test_a_tolerance_in_a_currency_of_its_own_is_converted_for_the_reporting_currency_too(
    p2p: Catalog,
) -> None:
    catalog = _site(p2p, currency="EUR", percent=None)
    assert _books(catalog, "USD", "100000", "100312.50").categories() == set()
    found = _books(catalog, "USD", "100000", "100312.51").only()
    assert json.loads(found.evidence)["tolerance"]["limit"] == "312.5"
    assert _books(catalog, "EUR", "100000", "100250.01").categories() == {"price_variance"}


@pytest.mark.parametrize(
    ("combine", "base", "limit"),
    [
        ("any", 100_000, 2_000),
        ("all", 100_000, 50_000),
        ("max", 100_000, 50_000),
        ("sum", 5_000_000, 150_000),
    ],
)
def test_every_combination_judges_as_it_explains(p2p: Catalog, combine: str, base: int, limit: int) -> None:
    catalog = _site(p2p, combine=combine)
    assert _books(catalog, "JPY", str(base), str(base + limit)).categories() == set()
    found = _books(catalog, "JPY", str(base), str(base + limit + 1)).only()
    assert json.loads(found.evidence)["tolerance"]["excess"] == "1"


def test_without_a_rate_and_a_percentage_nothing_is_said(p2p: Catalog) -> None:
    for currency, raised in (("CHF", set()), ("EUR", {"received_not_invoiced"})):
        books = Books(replace(_site(p2p), cutoffs=()))
        books.order(currency=currency)
        books.receipt(received_at=OLD)
        assert books.categories() == raised
        books.catalog = _site(p2p)
        assert books.categories() == {"received_not_invoiced"}, (
            "a close has no limit: it accrues all there is"
        )


def test_a_european_site_means_its_own_currency(p2p: Catalog) -> None:
    catalog = _site(p2p, reporting="EUR")
    assert _books(catalog, "EUR", "100000", "100250").categories() == set()
    assert _books(catalog, "EUR", "100000", "100250.01", entered_at=NOW).categories() == {"price_variance"}
