"""JSON without loss: numbers stay exact, and an object that says a key twice is not believed.

Python's own reader would make 0.1 a binary fraction and would keep the last of two equal keys in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

LONGEST_EXPONENT = 400
"""Of a JSON number: beyond what any program computes with."""
_BINARY_DIGITS = 15
"""So many digits of any decimal number come back from a binary fraction."""
_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


class RepeatingObject(dict[str, Any]):
    """An object in which `key` stands twice; which value holds, nobody can say."""

    key: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value, and whether any object in it repeats a key (then `repeated_key` finds it)."""

    value: Any
    repeats: bool


def parse(text: str | bytes) -> Parsed:
    """Read one JSON text: numbers become int or Decimal. Raises ValueError saying what is wrong and where."""
    repeating: list[RepeatingObject] = []

    def make(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) == len(pairs):
            return values
        marked = RepeatingObject(values)
        seen: set[str] = set()
        marked.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        repeating.append(marked)
        return marked

    try:
        value = json.loads(text, object_pairs_hook=make, parse_float=_exact, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return Parsed(value, bool(repeating))


def repeated_key(value: Any) -> str | None:
    """The first key that an object in `value` says twice."""
    if isinstance(value, RepeatingObject):
        return value.key
    inner: Iterable[Any] = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    return next((key for item in inner if (key := repeated_key(item)) is not None), None)


def dump(value: Any) -> str:
    """Compact JSON text with every number as exact as it was read."""
    try:
        return _PLAIN.encode(value)
    except TypeError:  # a Decimal, which only we can write
        return "".join(_pieces(value))


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row's values with what is nested as JSON text. What reads that text later holds numbers as binary fractions:
    one of more digits than those keep stands in it as a text.
    """
    return {name: nested(item) if isinstance(item, dict | list) else item for name, item in values.items()}


def nested(value: Any) -> str:
    """The JSON text of a list or an object inside a row, as `flat` writes it."""
    try:
        return _PLAIN.encode(value)
    except TypeError:
        return "".join(_pieces(value, _BINARY_DIGITS))


def find(value: Any, path: str) -> Any:
    """What stands at `path`: a key as it is (`@odata.nextLink`), else step by step at the dots; or None."""
    if not path:
        return value
    if isinstance(value, dict) and path in value:
        return value[path]
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _exact(written: str) -> Decimal:
    """A number beyond all measure is refused: written out, it alone would fill the memory."""
    with suppress(InvalidOperation):
        number = Decimal(written)
        if abs(number.adjusted()) <= LONGEST_EXPONENT:
            return number
    raise ValueError(f"the number {written[:40]} is beyond all measure")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _pieces(value: Any, digits: int | None = None) -> Iterator[str]:
    """JSON text in parts; a Decimal of more than so many digits as a text."""
    if isinstance(value, dict):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield f"{',' if number else ''}{json.dumps(key, ensure_ascii=False)}:"
            yield from _pieces(item, digits)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, item in enumerate(value):
            yield "," if number else ""
            yield from _pieces(item, digits)
        yield "]"
    elif isinstance(value, Decimal):
        written = str(value)
        long = digits is not None and len(written) > digits and len(value.as_tuple().digits) > digits
        yield f'"{written}"' if long else written
    else:
        yield json.dumps(value, ensure_ascii=False)
