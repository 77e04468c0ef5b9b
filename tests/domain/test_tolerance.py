"""A tolerance decides, and says why."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.catalog.schema import Tolerance
from exceptions_app.domain.tolerance import assess, describe
from exceptions_app.domain.wording import money

PRICE = Tolerance(absolute=D(250), percent=D(2), combine="any", ignore_below=D(5))


@dataclass(frozen=True)
class Case:
    tolerance: Tolerance
    difference: str
    base: str
    outside: bool


@pytest.mark.parametrize(
    "case",
    [
        Case(PRICE, "5", "100", False),  # exactly what is ignored
        Case(PRICE, "5.01", "100", True),  # over 2 % of 100
        Case(PRICE, "20", "1000", False),  # exactly 2 %
        Case(PRICE, "20.0001", "1000", True),
        Case(PRICE, "251", "100000", True),  # over the absolute limit
        Case(PRICE, "-251", "100000", True),
        Case(Tolerance(absolute=D(1), percent=D(2), combine="all"), "15", "1000", False),
        Case(Tolerance(absolute=D(1), percent=D(2), combine="all"), "21", "1000", True),
        Case(Tolerance(absolute=D(1), combine="all"), "1.01", "1000", True),
        Case(Tolerance(absolute=D(1), percent=D(1), combine="max"), "10", "1000", False),
        Case(Tolerance(absolute=D(1), percent=D(1), combine="sum"), "11", "1000", False),
        Case(Tolerance(absolute=D(1), percent=D(1), combine="sum"), "11.01", "-1000", True),
        Case(Tolerance(), "0.0001", "0", True),
        Case(Tolerance(), "0", "0", False),
        Case(Tolerance(under=False), "-5", "0", False),
        Case(Tolerance(over=False), "5", "0", False),
        Case(Tolerance(over=False), "-5", "0", True),
        Case(Tolerance(percent=D(5)), "1", "0", True),  # nothing ordered: any difference is over 5 % of it
    ],
)
def test_outside_means_past_the_combined_limit(case: Case) -> None:
    assert assess(case.tolerance, D(case.difference), D(case.base)).outside is case.outside


def test_verdict_explains_itself() -> None:
    verdict = assess(PRICE, D("30"), D("1000"))
    assert (verdict.limit, verdict.excess) == (D(20), D(10))
    assert verdict.sentence == (
        "30 over, limit 20: 10 too much; allowed: 250 or 2 %, whichever is smaller; up to 5 ignored"
    )
    assert assess(PRICE, D("-3"), D("1000")).sentence.startswith("3 under, within the limit of 20; allowed")
    assert assess(PRICE, D(0), D(1)).sentence.startswith("no difference")
    assert "does not count" in assess(Tolerance(under=False), D(-1), D(1)).sentence


def test_money_is_said_in_its_currency() -> None:
    said = assess(PRICE, D("-40"), D("1000"), lambda figure: money(figure, "EUR")).sentence
    assert said == (
        "€40.00 under, limit €20.00: €20.00 too much; "
        "allowed: €250.00 or 2 %, whichever is smaller; up to €5.00 ignored"
    )


def test_description_of_each_combination() -> None:
    assert describe(Tolerance()) == "nothing allowed"
    assert describe(Tolerance(percent=D("0.5"))) == "allowed: 0.5 %"
    both = {"absolute": D(1), "percent": D(1)}
    assert describe(Tolerance(combine="max", **both)).endswith("whichever is larger")  # type: ignore[arg-type]
    assert describe(Tolerance(combine="sum", **both)) == "allowed: 1 plus 1 %"  # type: ignore[arg-type]


amounts = st.decimals(-10_000, 10_000, places=2)


@given(amounts, amounts, st.decimals(0, 500, places=2), st.decimals(0, 20, places=2))
def test_combinations_agree_with_their_plain_definitions(
    difference: D, base: D, absolute: D, percent: D
) -> None:
    size = abs(difference)
    over_absolute, over_percent = size > absolute, size * 100 > percent * abs(base)
    plain = {
        "any": over_absolute or over_percent,
        "all": over_absolute and over_percent,
        "max": size > max(absolute, percent * abs(base) / 100),
        "sum": size > absolute + percent * abs(base) / 100,
    }
    for combine, expected in plain.items():
        tolerance = Tolerance(absolute=absolute, percent=percent, combine=combine)  # type: ignore[arg-type]
        assert assess(tolerance, difference, base).outside is expected, combine
