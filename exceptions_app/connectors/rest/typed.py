"""Values that JSON cannot hold, written as objects of one name: `{"__decimal__": "1.10"}`, `{"$date": …}`.

Which names mean what is configuration; knows no rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from exceptions_app.domain.instant import iso

from ..exact_json import RepeatingObject
from .options import Kind

_EXPECTED: dict[Kind, str] = {
    "decimal": "a number as text",
    "integer": "a whole number",
    "text": "a text",
    "date": "a date such as 2026-11-22",
    "timestamp": "a time such as 2026-11-22T16:30:00Z",
    "epoch": "seconds since 1970",
    "epoch_ms": "milliseconds since 1970",
}


def untagged(value: Any, types: Mapping[str, Kind]) -> Any:
    """The value with each tagged object replaced by what it stands for: exact numbers, ISO dates and times.

    Raises ValueError naming the tag whose value is none of its kind.
    """
    if isinstance(value, list):
        return [untagged(item, types) for item in value]
    if not isinstance(value, dict) or isinstance(value, RepeatingObject):
        return value
    if len(value) == 1:
        [(name, inner)] = value.items()
        if name in types:
            return _read(untagged(inner, types), types[name], name)
    return {name: untagged(item, types) for name, item in value.items()}


def _read(inner: Any, kind: Kind, tag: str) -> Any:
    if inner is None:
        return None
    try:
        return _value(inner, kind)
    except (ValueError, TypeError, ArithmeticError, InvalidOperation):
        raise ValueError(f"{tag} holds no {kind}; expected {_EXPECTED[kind]}") from None


def _value(inner: Any, kind: Kind) -> Any:
    match kind:
        case "text":
            return str(inner)
        case "integer" | "decimal":
            return _number(inner, whole=kind == "integer")
        case "date":
            return date.fromisoformat(str(inner)[:10]).isoformat()
        case "timestamp" if isinstance(inner, str):
            moment = datetime.fromisoformat(inner)
            return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        case _:
            return iso(_since_1970(_exact(inner) / (1 if kind == "epoch" else 1000)))


def _number(inner: Any, *, whole: bool) -> int | Decimal:
    number = _exact(inner)
    if not whole:
        return number
    if number != int(number):
        raise ValueError(inner)
    return int(number)


def _exact(inner: Any) -> Decimal:
    number = Decimal(inner) if isinstance(inner, int | Decimal) else Decimal(str(inner).strip())
    if isinstance(inner, bool) or not number.is_finite():
        raise ValueError(inner)
    return number


def _since_1970(seconds: Decimal) -> datetime:
    whole = int(seconds // 1)
    micro = int((seconds - whole) * 1_000_000)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole, microseconds=micro)
