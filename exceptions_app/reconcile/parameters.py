"""The times a statement is run with: now, so many days ago, until when each side has been read.

Statements name them (`$now`, `$days_ago_3`, `$settled_receipt`); no statement asks for the time itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exceptions_app.catalog.expression_times import CLOSED_THROUGH
from exceptions_app.catalog.schema import BaseCheck, MatchCheck, ServiceTime

from .errors import CheckError

PARAMETER = re.compile(r"\$([a-z][a-z0-9_]*)")
"""A time that a statement names."""
_AGO = re.compile(r"(minutes|hours|days|business_days)_ago_(\d+)")
SETTLED = "settled_"
LOOKED_UP = "looked_up_"
KNOWN = "known_"


def _never(_: str) -> None:
    """Where nothing is ever closed."""


@dataclass(frozen=True, slots=True)
class RunParameters:
    """`business_days_ago(n)` is in the entity's calendar; `closed_through(category)` is None before its first close.

    `read_through` says until when each side of the check has been read, all its feeds taken together; None or
    absent where that is unknown, and then nothing is "missing". `side.lookup` says the same of a look-up: what it
    would decide waits until it has been read once.
    """

    now: datetime
    business_days_ago: Callable[[int], datetime]
    read_through: Mapping[str, datetime | None] = field(default_factory=dict)
    closed_through: Callable[[str], datetime | None] = _never


def lookup_parameter(check: MatchCheck, side: str, lookup: str) -> str:
    """The name of the instant until which a look-up of a side has been read."""
    return f"{LOOKED_UP}{side}_{list(check.sides[side].lookups).index(lookup)}"


def settled_parameter(check: MatchCheck, name: str) -> str:
    """The name of the instant before which something must have been so for a side, or a `side.lookup`, to know it."""
    side, _, lookup = name.partition(".")
    return f"{KNOWN}{side}_{list(check.sides[side].lookups).index(lookup)}" if lookup else f"{SETTLED}{side}"


def grace_parameter(grace: ServiceTime) -> str:
    """The name of the instant before which something must have happened for its grace to have passed."""
    if grace.unit == "business hours":
        raise CheckError("a grace counts business days, days, hours or minutes", str(grace))
    return f"{grace.unit.replace(' ', '_')}_ago_{grace.amount}"


def bind(
    names: Iterable[str], check: BaseCheck, parameters: RunParameters, lags: Mapping[str, timedelta]
) -> dict[str, datetime | None]:
    """The value of each named parameter. `lags` is the longest lag of each side's feeds."""
    return {name: _value(name, check, parameters, lags) for name in names}


def _value(
    name: str, check: BaseCheck, parameters: RunParameters, lags: Mapping[str, timedelta]
) -> datetime | None:
    if name == "now":
        return parameters.now
    if name.startswith(CLOSED_THROUGH):
        return parameters.closed_through(name.removeprefix(CLOSED_THROUGH))
    awaited = _awaited(name, check) if isinstance(check, MatchCheck) else None
    if awaited is not None:
        place, lagged = awaited
        read = parameters.read_through.get(place)
        return None if read is None else read - (lags.get(place, timedelta(0)) if lagged else timedelta(0))
    found = _AGO.fullmatch(name)
    if not found:
        raise CheckError("a statement asks for an unknown time", name)
    unit, amount = found[1], int(found[2])
    if unit == "business_days":
        return parameters.business_days_ago(amount)
    return parameters.now - timedelta(**{unit: amount})


def _awaited(name: str, check: MatchCheck) -> tuple[str, bool] | None:
    """The side or `side.lookup` of which a parameter says until when it was read, and whether its lag counts."""
    if name.startswith(SETTLED):
        return name.removeprefix(SETTLED), True
    if name.startswith(LOOKED_UP):
        return _lookup(check, name.removeprefix(LOOKED_UP)), False
    return (_lookup(check, name.removeprefix(KNOWN)), True) if name.startswith(KNOWN) else None


def _lookup(check: MatchCheck, numbered: str) -> str:
    side, _, number = numbered.rpartition("_")
    return f"{side}.{list(check.sides[side].lookups)[int(number)]}"
