"""A wider limit for some: what is within it is not raised, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ExchangeRate, MatchCheck, ScopedTolerance

from .books import NOW, Books, days_ago


def _site(p2p: Catalog, **scoped: Any) -> Catalog:
    """The shipped pack; price differences of at most `absolute` or `percent` are allowed for some."""
    check = p2p.checks["p2p.three_way"]
    assert isinstance(check, MatchCheck)
    price = check.tolerances["price"].model_copy(update={"scoped": [ScopedTolerance(**scoped)]})
    checks = {
        **p2p.checks,
        check.code: check.model_copy(update={"tolerances": {**check.tolerances, "price": price}}),
    }
    rates = [ExchangeRate(currency="EUR", valid_from=NOW.date() - timedelta(days=300), rate=Decimal("1.25"))]
    return replace(p2p, checks=checks, site=p2p.site.model_copy(update={"rates": rates}))


def _raised(catalog: Catalog, billed: str, **invoice: Any) -> list[str]:
    books = Books(catalog)
    books.order(quantity=1, unit_price="100", currency=invoice.get("currency", "USD"))
    books.receipt(quantity=1)
    books.invoice(quantity=1, unit_price=billed, **invoice)
    return [one.category for one in books.run("p2p.three_way").discrepancies]


@pytest.mark.parametrize(("billed", "raised"), [("120", False), ("120.01", True), ("80", False)])
def test_a_difference_within_the_scoped_limit_is_not_raised(p2p: Catalog, billed: str, raised: bool) -> None:
    found = _raised(_site(p2p, entity=["H1"], absolute=20), billed)
    assert (found == ["price_variance"]) == raised


@pytest.mark.parametrize(
    "scope",
    [{"entity": ["H2"]}, {"counterparty": ["Somebody else"]}, {"entity": ["H1"], "counterparty": ["X"]}],
)
def test_others_keep_the_general_limit(p2p: Catalog, scope: dict[str, Any]) -> None:
    assert _raised(_site(p2p, absolute=20, **scope), "120") == ["price_variance"]


def test_a_counterparty_is_meant_by_the_name_that_exceptions_show(p2p: Catalog) -> None:
    assert _raised(_site(p2p, counterparty=["Acme"], percent=20), "120") == []


@pytest.mark.parametrize(
    ("facts", "raised"),
    [
        ({"item": ["glove"]}, False),
        ({"item": ["glove", "gown"], "order_number": ["PO1"]}, False),
        ({"item": ["gown"]}, True),
        ({"item": ["glove"], "direction": ["under"]}, True),
        ({"nothing": ["glove"]}, True),
    ],
)
def test_a_limit_for_what_exceptions_share_is_for_nothing_else(
    p2p: Catalog, facts: dict[str, list[str]], raised: bool
) -> None:
    assert bool(_raised(_site(p2p, facts=facts, absolute=20), "120")) == raised


def test_what_has_been_so_since_before_keeps_the_general_limit(p2p: Catalog) -> None:
    closed = _site(p2p, entity=["H1"], absolute=20, since=days_ago(3))
    assert _raised(closed, "120", entered_at=days_ago(4)) == ["price_variance"]
    assert _raised(closed, "120", entered_at=days_ago(3)) == []


def test_after_its_end_it_no_longer_holds(p2p: Catalog) -> None:
    assert _raised(_site(p2p, entity=["H1"], absolute=20, until=NOW), "120") == ["price_variance"]
    assert _raised(_site(p2p, entity=["H1"], absolute=20, until=NOW + timedelta(seconds=1)), "120") == []


def test_it_never_makes_anything_stricter(p2p: Catalog) -> None:
    assert _raised(_site(p2p, entity=["H1"], absolute=1), "104") == []


@pytest.mark.parametrize(("billed", "raised"), [("116", False), ("116.01", True)])
def test_money_is_converted_as_the_general_limit_is(p2p: Catalog, billed: str, raised: bool) -> None:
    found = _raised(_site(p2p, entity=["H1"], absolute=20), billed, currency="EUR")
    assert bool(found) == raised


def test_without_a_rate_a_limit_in_money_allows_nothing(p2p: Catalog) -> None:
    assert _raised(_site(p2p, entity=["H1"], absolute=20), "120", currency="JPY") == ["price_variance"]


def test_what_is_allowed_counts_as_matched(p2p: Catalog) -> None:
    books = Books(_site(p2p, entity=["H1"], absolute=20))
    books.order(quantity=1, unit_price="100")
    books.receipt(quantity=1)
    books.invoice(quantity=1, unit_price="120")
    result = books.run("p2p.three_way")
    assert (result.compared, result.matched) == (1, 1)
