"""A tolerance that explains itself: whether a difference is outside, past which limit, by how much.

The same rule as the compiled statements of `reconcile`, for the screen and for tests. Products are compared,
never quotients, so that no engine's division decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from .wording import number

_HUNDRED = Decimal(100)
_NONE = Decimal(0)
Say = Callable[[Decimal], str]


class ToleranceLike(Protocol):
    """Data, not a boolean: absolute and percent limits, combined by `any`, `all`, `max` or `sum`."""

    @property
    def absolute(self) -> Decimal | None: ...
    @property
    def percent(self) -> Decimal | None: ...
    @property
    def combine(self) -> str: ...
    @property
    def ignore_below(self) -> Decimal: ...
    @property
    def over(self) -> bool: ...
    @property
    def under(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """`limit` is the one that decided; `excess` by how much the difference is past it (zero when inside)."""

    limit: Decimal
    excess: Decimal
    outside: bool
    sentence: str


def assess(tolerance: ToleranceLike, difference: Decimal, base: Decimal, say: Say = number) -> Verdict:
    """Judge `difference`; percent means percent of `base` (its size). Exactly at a limit is inside.

    `say` words a figure: where it is money, with its currency.
    """
    size = abs(difference)
    limit = max(_limit(tolerance, abs(base)), tolerance.ignore_below)
    counted = tolerance.over if difference > 0 else tolerance.under
    outside = counted and size > limit
    excess = size - limit if outside else _NONE
    return Verdict(limit, excess, outside, _sentence(tolerance, difference, limit, excess, counted, say))


def _limit(tolerance: ToleranceLike, base: Decimal) -> Decimal:
    """The size past which a difference is outside.

    Over either of two limits is over the smaller, over both is over the larger; a limit that is not given is
    never exceeded under `any` and always under `all`. With neither, only `ignore_below` remains.
    """
    absolute = tolerance.absolute
    relative = None if tolerance.percent is None else tolerance.percent * base / _HUNDRED
    given = [limit for limit in (absolute, relative) if limit is not None]
    match tolerance.combine:
        case "any":
            return min(given, default=_NONE)
        case "sum":
            return sum(given, _NONE)
        case _:
            return max(given, default=_NONE)


def _sentence(
    tolerance: ToleranceLike, difference: Decimal, limit: Decimal, excess: Decimal, counted: bool, say: Say
) -> str:
    allowed, size = describe(tolerance, say), say(abs(difference))
    side = "over" if difference > 0 else "under"
    if not difference:
        return f"no difference; {allowed}"
    if not counted:
        return f"{size} {side}, and {side} does not count; {allowed}"
    if excess:
        return f"{size} {side}, limit {say(limit)}: {say(excess)} too much; {allowed}"
    return f"{size} {side}, within the limit of {say(limit)}; {allowed}"


def describe(tolerance: ToleranceLike, say: Say = number) -> str:
    """The rule in words: `allowed: 250 or 2 %, whichever is smaller; below 5 ignored`."""
    given = []
    if tolerance.absolute is not None:
        given.append(say(tolerance.absolute))
    if tolerance.percent is not None:
        given.append(f"{number(tolerance.percent)} %")
    joint = {"any": (" or ", ", whichever is smaller"), "sum": (" plus ", "")}
    word, tail = joint.get(tolerance.combine, (" or ", ", whichever is larger"))
    text = f"allowed: {word.join(given)}{tail if len(given) == 2 else ''}" if given else "nothing allowed"
    return f"{text}; up to {say(tolerance.ignore_below)} ignored" if tolerance.ignore_below else text
