"""What a retry sends: values out of an exception's evidence, a person's edits, typed and exact. Writes nothing.

Values are kept as text, as evidence has them, so that no decimal is rounded on its way to a system; `typed` turns
them into what a connector sends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from exceptions_app.access import Viewer, sees
from exceptions_app.catalog.catalog import canonical
from exceptions_app.catalog.schema import Operation, SentField
from exceptions_app.domain.instant import from_iso, iso
from exceptions_app.models import Delivery

SENSITIVE = frozenset({"hr", "bank", "patient"})
"""Edits of such fields take a second person."""

Texts = dict[str, str | None]
_DECIMAL = frozenset({"decimal", "money", "quantity"})
_LONGEST = 1_000
_ORDER_KEY = 200


@dataclass(frozen=True, slots=True)
class Values:
    """Field -> text, None where the evidence does not say; `missing` are required fields without a value."""

    values: Texts
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Edits:
    """What a person's edits come to. `diff`: field -> (before, after), only what differs; `problems`: field -> what
    is wrong with it, in words.
    """

    values: Texts
    diff: dict[str, tuple[str | None, str | None]]
    problems: dict[str, str]


def values_for(operation: Operation, evidence: Mapping[str, Any], facts: Mapping[str, Any]) -> Values:
    """What the operation would send for this evidence."""
    values = {name: said(evidence, facts, sent.source) for name, sent in operation.fields.items()}
    return Values(values, missing(operation, values))


def said(evidence: Mapping[str, Any], facts: Mapping[str, Any], source: str) -> str | None:
    """What an exception says of itself: `key.<column>`, `<side>.<column>`, `let.<name>` or `fact.<name>`."""
    places = {"key": evidence.get("key"), "let": evidence.get("let"), "fact": facts}
    place, _, column = source.partition(".")
    found = places[place] if place in places else (evidence.get("sides") or {}).get(place)
    return _text((found or {}).get(column))


def is_outdated(
    operation: Operation, delivery: Delivery, evidence: Mapping[str, Any], facts: Mapping[str, Any]
) -> bool:
    """Whether this evidence would make it another write, apart from what a person has edited."""
    before = {name: pair[0] for name, pair in loads(delivery.edited).items()}
    return {**loads(delivery.fields), **before} != values_for(operation, evidence, facts).values


def missing(operation: Operation, values: Mapping[str, str | None]) -> list[str]:
    """The required fields that have no value."""
    return [name for name, sent in operation.fields.items() if sent.required and not values.get(name)]


def label(operation: Operation, name: str) -> str:
    """A field as people call it."""
    sent = operation.fields.get(name)
    return (sent.label if sent else "") or name.replace("_", " ").capitalize()


def labels(operation: Operation, names: Iterable[str]) -> str:
    return ", ".join(label(operation, name) for name in names)


def edit(
    operation: Operation, values: Mapping[str, str | None], given: Mapping[str, str], viewer: Viewer
) -> Edits:
    """The values with a person's edits: only released fields, each of its type, nothing that they may not see."""
    edited, diff, problems = dict(values), {}, {}
    for name, text in given.items():
        sent = operation.fields.get(name)
        before = values.get(name)
        if sent is None:
            problems[name] = "There is no such field."
            continue
        try:
            after = written(sent, text)
        except ValueError as error:
            problems[name] = str(error)
            continue
        if same(sent, before, after):
            continue
        if not sent.edit:
            problems[name] = "This field cannot be edited."
        elif not sees(viewer, sent.sensitivity):
            problems[name] = "You may not see this field, and so not edit it."
        else:
            edited[name], diff[name] = after, (before, after)
    return Edits(edited, diff, problems)


def edited_since(
    operation: Operation, delivery: Delivery, edits: Edits
) -> dict[str, tuple[str | None, str | None]]:
    """What people have edited in all: in the write that gave up and in the one that sends it again."""
    first = {name: pair[0] for name, pair in loads(delivery.edited).items()}
    diff = {name: (first.get(name, pair[0]), pair[1]) for name, pair in edits.diff.items()}
    diff |= {name: (text, edits.values.get(name)) for name, text in first.items() if name not in diff}
    known = operation.fields
    return {name: pair for name, pair in diff.items() if name not in known or not same(known[name], *pair)}


def written(sent: SentField, text: str) -> str | None:
    """A person's text as it is kept: typed, canonical. Raises ValueError with what was expected."""
    text = text.replace("\0", "").strip()
    if not text:
        if sent.required:
            raise ValueError("A value is required.")
        return None
    if len(text) > _LONGEST:
        raise ValueError(f"At most {_LONGEST} characters.")
    value = parse(sent, text)
    kept = _text(value) or text
    if sent.one_of and kept not in sent.one_of:
        raise ValueError(f"Choose one of: {', '.join(sent.one_of)}.")
    return kept


def parse(sent: SentField, text: str) -> Any:
    """One text as its type: Decimal, int, bool, date, datetime or str. Raises ValueError with what was expected."""
    if sent.type in _DECIMAL:
        return _decimal(text)
    if sent.type == "integer":
        if not text.removeprefix("-").isdecimal() or not text.isascii():
            raise ValueError("A whole number, such as 12.")
        return int(text)
    if sent.type == "boolean":
        if text.casefold() not in {"true", "false", "yes", "no"}:
            raise ValueError("Yes or no.")
        return text.casefold() in {"true", "yes"}
    try:
        if sent.type == "date":
            return date.fromisoformat(text)
        return from_iso(text) if sent.type == "timestamp" else text
    except ValueError:
        example = "2026-11-30" if sent.type == "date" else "2026-11-30T17:00:00Z"
        raise ValueError(f"A {'date' if sent.type == 'date' else 'time'}, such as {example}.") from None


def typed(operation: Operation, values: Mapping[str, str | None]) -> dict[str, Any]:
    """What a connector is given. A text that is not of its type any more (evidence of an older form) stays text."""
    found: dict[str, Any] = {}
    for name, sent in operation.fields.items():
        text = values.get(name)
        try:
            found[name] = None if text is None else parse(sent, text)
        except ValueError:
            found[name] = text
    return found


def same(sent: SentField, before: str | None, after: str | None) -> bool:
    """Whether an edit changes nothing: 12.50 is 12.5."""
    if before is None or after is None:
        return (before or None) == (after or None)
    try:
        return bool(parse(sent, before) == parse(sent, after))
    except ValueError:
        return before == after


def order_key(operation: Operation, values: Mapping[str, str | None]) -> str:
    """What keeps its order at the system: the values of the operation's order key, by default of all required
    fields that nobody may edit (an edited value would make it another key). A long one is cut, and told apart by its
    digest.
    """
    required = [name for name, sent in operation.fields.items() if sent.required]
    fixed = [name for name in required if not operation.fields[name].edit]
    names = operation.order_key or fixed or required
    text = canonical({name: values.get(name) for name in names})
    if len(text) <= _ORDER_KEY:
        return text
    return f"{text[: _ORDER_KEY - 65]}:{sha256(text.encode()).hexdigest()}"


def loads(text: str | None) -> dict[str, Any]:
    """A JSON object as rows keep it; an empty one where there is none."""
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError("A number, such as 12.50.") from None
    if not value.is_finite() or "_" in text:
        raise ValueError("A number, such as 12.50.")
    digits, exponent = value.as_tuple().digits, int(value.as_tuple().exponent)
    if -exponent > 4 and value != round(value, 4):
        raise ValueError("At most four decimals.")
    if len(digits) + exponent > 14:
        raise ValueError("At most fourteen digits before the decimals.")
    return value


def _text(value: Any) -> str | None:
    """A value as it is kept: dates and times in ISO form, decimals without an exponent or trailing zeros."""
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case str():
            return value
        case _ if hasattr(value, "tzinfo"):
            return iso(value)
        case _:
            return value.isoformat() if isinstance(value, date) else str(value)
