"""Who is given the next exception."""

from __future__ import annotations

import pytest

from exceptions_app.domain.assigning import Candidate, choose

ANN = Candidate(1, open_now=5, turn=3, breadth=2, knows=0)
BOB = Candidate(2, open_now=2, turn=9, breadth=7, knows=4)
CAT = Candidate(3, open_now=2, turn=1, breadth=7, knows=1)


@pytest.mark.parametrize(
    ("by", "who"), [("load", CAT), ("round_robin", CAT), ("entity", ANN), ("supplier", BOB)]
)
def test_each_way_of_choosing(by: str, who: Candidate) -> None:
    assert choose(by, [ANN, BOB, CAT]) is who
    assert choose(by, [CAT, BOB, ANN]) is who


def test_a_tie_goes_to_whoever_has_least_then_to_whose_turn_is_longest_ago_then_to_the_first() -> None:
    narrow = [Candidate(4, 3, 1, 2), Candidate(5, 1, 8, 2), Candidate(6, 1, 7, 2), Candidate(7, 1, 7, 2)]
    assert choose("entity", narrow) == narrow[2]


def test_nobody_is_given_more_than_the_limit() -> None:
    assert choose("supplier", [ANN, BOB, CAT], at_most=3) is BOB
    assert choose("supplier", [ANN, BOB, CAT], at_most=2) is None
    assert choose("load", []) is None
