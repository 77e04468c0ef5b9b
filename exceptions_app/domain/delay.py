"""What it costs to leave an exception where it is: when that begins, how much is lost then, and why, in words.

Exact: amounts are Decimals of the exception's own currency, rounded half up to 1/10,000. A check says which of its
values these are (`cost_of_delay`); they arrive among the facts of a finding, as text. Must not know where from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

PREFIX = "delay_"
"""How the facts are called that a check's `cost_of_delay` makes: with this before the name of its part."""

_STEP = Decimal("0.0001")
_HUNDRED = Decimal(100)
_HELD = -1


@dataclass(frozen=True, slots=True)
class Delay:
    """From `at` on waiting costs; `cost` is what is lost then, None where nobody can say; `why` for people; `held`
    where deliveries are.
    """

    at: datetime
    cost: Decimal | None
    why: str
    held: bool = False

    def rank(self, lost_e4: int | None) -> int:
        """Its place in the order of what waiting costs, the largest first: what is lost, from 0 on; below 0 what
        nobody can price: held deliveries (-1), then by the second at which waiting begins to cost.
        """
        if lost_e4 is not None:
            return lost_e4
        return _HELD if self.held else -max(int(self.at.timestamp()), 2)


def lost(rank: int | None) -> int | None:
    """What is lost, of a rank; None where nobody can price it."""
    return None if rank is None or rank < 0 else rank


def cost_of_delay(facts: Mapping[str, Any], now: datetime, zone: tzinfo) -> Delay | None:
    """The next thing that waiting costs, as its facts say; None where it costs nothing that is known.

    A discount counts while it can still be had, to the end of its last day in `zone`; then the day the invoice is due.
    A supplier that holds deliveries costs from now on.
    """
    found = [
        each
        for each in (_held(facts, now), _discount(facts, now, zone), _due(facts, zone))
        if each is not None
    ]
    if not found:
        return None
    first = min(found, key=lambda each: each.at)
    cost = next((each.cost for each in found if each.cost is not None), None)
    why = "; ".join(each.why for each in sorted(found, key=lambda each: each.at))
    return Delay(first.at, cost, why, any(each.held for each in found))


def _held(facts: Mapping[str, Any], now: datetime) -> Delay | None:
    held = str(facts.get(f"{PREFIX}credit_hold") or "").lower()
    return (
        Delay(now, None, "the supplier holds deliveries", held=True) if held in {"true", "yes", "1"} else None
    )


def _discount(facts: Mapping[str, Any], now: datetime, zone: tzinfo) -> Delay | None:
    until = _day(facts.get(f"{PREFIX}discount_until"))
    if until is None:
        return None
    ends, cost = _end_of(until, zone), _amount(facts)
    if ends <= now or (cost is not None and cost <= 0):
        return None
    return Delay(ends, cost, f"the discount ends on {_written(until)}")


def _amount(facts: Mapping[str, Any]) -> Decimal | None:
    """The discount itself, or its percentage of what it is of."""
    fixed = _number(facts.get(f"{PREFIX}discount_amount"))
    if fixed is None:
        percent, base = (_number(facts.get(f"{PREFIX}{part}")) for part in ("discount_percent", "of"))
        fixed = None if percent is None or base is None else base * percent / _HUNDRED
    return None if fixed is None else fixed.quantize(_STEP, ROUND_HALF_UP)


def _due(facts: Mapping[str, Any], zone: tzinfo) -> Delay | None:
    due = _day(facts.get(f"{PREFIX}due"))
    return None if due is None else Delay(_end_of(due, zone), None, f"payment is due on {_written(due)}")


def _end_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def _written(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _day(value: Any) -> date | None:
    try:
        found = date.fromisoformat(str(value)[:10]) if value else None
    except ValueError:
        return None
    return found if found is not None and found < date.max else None


def _number(value: Any) -> Decimal | None:
    try:
        found = None if value is None or value == "" else Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None
