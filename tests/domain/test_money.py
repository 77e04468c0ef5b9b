"""Money as a scaled integer."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.domain.money import convert, from_e4, to_e4, to_e8


@given(st.decimals(-(10**12), 10**12, places=4))
def test_four_places_survive_the_round_trip(amount: D) -> None:
    assert from_e4(to_e4(amount)) == amount


def test_more_places_round_half_to_even() -> None:
    assert to_e4(D("0.00005")) == 0
    assert to_e4(D("0.00015")) == 2


def test_amount_past_64_bits_is_refused() -> None:
    with pytest.raises(OverflowError, match="too large"):
        to_e4(D(10) ** 16)


@given(st.integers(-(10**15), 10**15), st.decimals("0.00000001", 1000, places=8))
def test_conversion_is_the_exact_product_rounded_once(amount_e4: int, rate: D) -> None:
    exact = D(amount_e4) * rate
    assert abs(convert(amount_e4, to_e8(rate)) - exact) <= D("0.5")
