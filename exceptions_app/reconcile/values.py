"""How a value leaves the engine as text, and becomes JSON: the same for every engine and every order of rows.

Numbers lose trailing zeros, times are UTC. Evidence and its hash are made of nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from json.encoder import encode_basestring
from typing import Any

from exceptions_app.catalog.expressions import Kind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = Decimal("900000000000000")
_STEP = Decimal("0.0001")
DOCUMENTS = Kind("documents")
"""The documents of a balance: a list of texts, each of fields, each of parts."""
FIELD, PART = 30, 31
"""The characters (record and unit separator) between the fields of a text, and between a field's parts."""


def text_sql(sql: str, kind: Kind) -> str:
    """SQL that gives the value as text. `json_of` knows how each kind is written."""
    if kind.name in ("text", DOCUMENTS.name):
        return sql
    if kind.name == "timestamp":
        return f"CAST({sql} AT TIME ZONE 'UTC' AS STRING)"
    return f"CAST({sql} AS STRING)"


def instant_sql(sql: str) -> str:
    """SQL that gives a timestamp as whole microseconds since 1970."""
    return f"EPOCH_US({sql})"


def instant(microseconds: int) -> datetime:
    """The inverse of `instant_sql`."""
    return _EPOCH + timedelta(microseconds=microseconds)


def instant_of(text: str) -> datetime:
    """A timestamp that left the engine as text."""
    return datetime.fromisoformat(f"{text}+00:00")


def number_text(text: str) -> str:
    """`12.5000` is `12.5`, `12.0000` is `12`."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _iso(text: str) -> str:
    """`2026-11-22 16:30:00.5`, as the engine writes it, to `2026-11-22T16:30:00.500000Z`."""
    whole, _, fraction = text.partition(".")
    return f"{whole[:10]}T{whole[11:]}{'.' + fraction.ljust(6, '0') if fraction else ''}Z"


def documents_json(texts: Sequence[str]) -> str:
    """Documents of a balance as a JSON list, in the order of their places; a side that lacks one is not in it."""
    placed = sorted((int(place), fields) for place, *fields in (text.split(chr(FIELD)) for text in texts))
    return f"[{','.join(_document_json(fields) for _, fields in placed)}]"


def _document_json(fields: Sequence[str]) -> str:
    sides: dict[str, dict[str, str]] = {"": {}}
    for path, *value in (field.split(chr(PART)) for field in fields):
        side, _, name = path.partition("=")
        said = sides.setdefault(side, {})
        if value:
            kind, text = value
            said[name] = json_of(text, kind)
    key = json_object(sides.pop(""))
    return json_object(
        {"key": key, "sides": json_object({side: json_object(said) for side, said in sides.items()})}
    )


JSON: dict[str, Callable[[Any], str]] = {
    "text": encode_basestring,
    "decimal": lambda text: f'"{text.rstrip("0").rstrip(".")}"' if "." in text else f'"{text}"',
    "integer": lambda text: text,
    "boolean": lambda text: text,
    "date": lambda text: f'"{text}"',
    "timestamp": lambda text: f'"{_iso(text)}"',
    "unknown": encode_basestring,
    DOCUMENTS.name: documents_json,
}
"""Kind of value -> its engine text as JSON. Decimals stay text, so that no reader rounds them."""


def json_of(text: str | None, kind: str) -> str:
    """One value as JSON."""
    return "null" if text is None else JSON[kind](text)


def json_object(parts: Mapping[str, str]) -> str:
    """Canonical JSON of an object whose values are JSON already."""
    return "{" + ",".join(f"{encode_basestring(name)}:{parts[name]}" for name in sorted(parts)) + "}"


def exact(amount: Decimal) -> Decimal:
    """With four decimals, and no larger than what can be kept: absurd input stays absurd, and fits."""
    if not -_MOST <= amount <= _MOST:
        amount = _MOST if amount > 0 else -_MOST
    return amount.quantize(_STEP, ROUND_HALF_EVEN)


def exact_text(amount: Decimal | None) -> str | None:
    """An exact number as text, without trailing zeros."""
    return None if amount is None else number_text(f"{amount:f}")


def exact_json(amount: Decimal | None) -> str:
    """An exact number as JSON: text, as every number of evidence."""
    return "null" if amount is None else f'"{number_text(f"{amount:f}")}"'
