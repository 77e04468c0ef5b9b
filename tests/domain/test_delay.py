"""What waiting costs: exact, in the zone where the days end, and nothing where nothing is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.domain.delay import Delay, cost_of_delay, lost

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
DISCOUNT = {"delay_discount_until": "2026-11-30", "delay_discount_percent": "2", "delay_of": "1234.56"}
LAST = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


def delay(**facts: Any) -> Delay | None:
    return cost_of_delay({f"delay_{name}": value for name, value in facts.items()}, NOW, ZONE)


def test_a_discount_ends_with_its_last_day_and_is_lost_exactly() -> None:
    found = cost_of_delay(DISCOUNT, NOW, ZONE)
    assert found == Delay(LAST, Decimal("24.6912"), "the discount ends on 30 Nov 2026")
    assert cost_of_delay(DISCOUNT, LAST - timedelta(microseconds=1), ZONE) == found
    assert cost_of_delay(DISCOUNT, LAST, ZONE) is None


def test_a_stated_discount_wins_over_its_percentage() -> None:
    found = cost_of_delay(DISCOUNT | {"delay_discount_amount": "20"}, NOW, ZONE)
    assert found is not None
    assert found.cost == Decimal(20)


def test_a_discount_of_nothing_costs_nothing() -> None:
    assert cost_of_delay(DISCOUNT | {"delay_discount_percent": "0"}, NOW, ZONE) is None
    assert cost_of_delay(DISCOUNT | {"delay_of": "-50"}, NOW, ZONE) is None


def test_what_comes_first_says_when_and_all_say_why() -> None:
    found = cost_of_delay(DISCOUNT | {"delay_due": "2026-12-20"}, NOW, ZONE)
    why = "the discount ends on 30 Nov 2026; payment is due on 20 Dec 2026"
    assert found == Delay(LAST, Decimal("24.6912"), why)
    lost = cost_of_delay(DISCOUNT | {"delay_due": "2026-12-20"}, LAST, ZONE)
    assert lost == Delay(datetime(2026, 12, 21, 6, 0, tzinfo=UTC), None, "payment is due on 20 Dec 2026")


def test_a_payment_that_is_late_already_says_since_when() -> None:
    assert delay(due="2026-11-01") == Delay(
        datetime(2026, 11, 2, 6, 0, tzinfo=UTC), None, "payment is due on 1 Nov 2026"
    )


def test_a_supplier_that_holds_deliveries_costs_from_now() -> None:
    assert delay(credit_hold="true") == Delay(NOW, None, "the supplier holds deliveries", held=True)
    assert delay(credit_hold=True) is not None
    assert delay(credit_hold="false") is None


def test_what_is_lost_comes_before_held_deliveries_and_those_before_what_is_due_first() -> None:
    held = delay(credit_hold="true", due="2026-12-20")
    found = [delay(due="2026-12-20"), held, delay(due="2026-12-10"), delay(due="1969-01-01")]
    ranks = [each.rank(None) for each in found if each is not None]
    assert len(set(ranks)) == 4 and max(ranks) == ranks[1] < 0
    assert ranks[0] < ranks[2] < ranks[3] < ranks[1]
    assert held is not None and held.rank(0) == 0 and held.rank(12) == 12
    assert [lost(rank) for rank in (None, *ranks, 0, 12)] == [None] * 5 + [0, 12]


@pytest.mark.parametrize(
    "facts", [{}, {"due": None}, {"due": ""}, {"due": "soon"}, {"discount_until": "2026-13-01"}]
)
def test_what_is_not_known_costs_nothing(facts: dict[str, Any]) -> None:
    assert delay(**facts) is None


@given(
    percent=st.decimals(0, 100, places=2), of=st.decimals(0, 10**9, places=4),
)  # fmt: skip
def test_the_cost_is_the_percentage_to_a_ten_thousandth(percent: Decimal, of: Decimal) -> None:
    found = delay(discount_until="2026-11-30", discount_percent=str(percent), of=str(of))
    exact = percent * of / 100
    if found is None:
        assert exact < Decimal("0.0001")
    else:
        assert found.cost is not None
        assert abs(found.cost - exact) <= Decimal("0.00005")
