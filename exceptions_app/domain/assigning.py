"""Who is given an exception that nobody has. Pure: knows people only as numbers.

Every way of choosing settles a tie the same way: the fewest open, then whose turn is longest ago, then the lowest id.
So a choice can be explained, and made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may work on it. `open_now`: exceptions that they have; `turn`: when they were last given one, as a
    number that grows, 0 for never; `breadth`: how many entities they see; `knows`: how many of that supplier's or
    person's exceptions they have or had.
    """

    user_id: int
    open_now: int
    turn: int
    breadth: int
    knows: int = 0


def choose(by: str, candidates: Iterable[Candidate], at_most: int | None = None) -> Candidate | None:
    """The one to give it to; None where nobody may have more. `by` as `catalog.schema.Assignment` names it."""
    free = [each for each in candidates if at_most is None or each.open_now < at_most]
    return min(free, key=lambda each: (_rank(by, each), each.open_now, each.turn, each.user_id), default=None)


def _rank(by: str, one: Candidate) -> int:
    match by:
        case "round_robin":
            return one.turn
        case "entity":
            return one.breadth
        case "supplier":
            return -one.knows
        case _:
            return one.open_now
