"""What an edited write comes to: each figure times what it is for, before and after. Writes nothing.

A unit price says little: what counts is that price times the quantity of the line. The operation names that factor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from exceptions_app.catalog.schema import Operation, SentField
from exceptions_app.domain.money import RATE_SCALE
from exceptions_app.models import ExceptionCase

Diff = Mapping[str, tuple[str | None, str | None]]
Says = Callable[[str], str | None]
"""What an exception says of itself: `order.quantity` -> its text, None where it does not say."""


def largest(
    operation: Operation, case: ExceptionCase, values: Mapping[str, str | None], diff: Diff, says: Says
) -> Decimal | None:
    """The largest that an edited figure comes to, before or after, in reporting currency at the exception's rate.

    `values`: what is sent, edits included. None: nobody can tell, for a factor is not known.
    """
    rate, found = Decimal(case.rate_e8 or RATE_SCALE) / RATE_SCALE, Decimal(0)
    before = {**values, **{name: pair[0] for name, pair in diff.items()}}
    after = {**values, **{name: pair[1] for name, pair in diff.items()}}
    for name, sent in _touched(operation, diff):
        for each in (before, after):
            worth = _worth(sent, each.get(name), each, says)
            if worth is None:
                return None
            found = max(found, worth * rate)
    return found


def _touched(operation: Operation, diff: Diff) -> Iterator[tuple[str, SentField]]:
    """The figures that an edit changes, by themselves or by a field that is their factor."""
    for name, sent in operation.fields.items():
        counts = sent.type == "money" or sent.times is not None
        if counts and not diff.keys().isdisjoint({name, sent.times, sent.per}):
            yield name, sent


def _worth(sent: SentField, text: str | None, values: Mapping[str, str | None], says: Says) -> Decimal | None:
    """Without its sign. A value that is not sent is worth nothing; one without its factor, nobody knows what."""
    if not text:
        return Decimal(0)
    value = _number(text)
    times, per = (
        Decimal(1) if source is None else _number(says(source) if "." in source else values.get(source))
        for source in (sent.times, sent.per)
    )
    if value is None or times is None or not per:
        return None
    return abs(value * times / per)


def _number(text: str | None) -> Decimal | None:
    try:
        value = Decimal(text or "")
    except ArithmeticError:
        return None
    return value if value.is_finite() else None
