"""An event as a person may see and mend it: what nobody has called open is hidden, and comes back as it was.

Knows where an event's rows are, not who is looking nor which column is how sensitive: that is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

from exceptions_app.connectors.exact_json import dump, find, parse

from .event import EventError
from .options import EventsRead

HIDDEN = "•••"
_ENVELOPE = frozenset(
    {"specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "traceparent"}
)

Open = Callable[[str], bool]
"""Whether a field of a row, by its name, may be shown."""


def shown(options: EventsRead, body: str, is_open: Open) -> str:
    """The event as indented JSON; an unreadable one as its shape: letters as x, digits as 9."""
    try:
        value = parse(body).value
    except ValueError:
        return "".join("x" if c.isalpha() else "9" if c.isdigit() else c for c in body[:2_000])
    return json.dumps(_plain(_hidden(options, value, is_open)), indent=2, ensure_ascii=False)


def restored(options: EventsRead, body: str, edited: str, is_open: Open) -> str:
    """What was edited, with what was hidden put back. Raises `EventError` with the place of what cannot be."""
    try:
        value = parse(edited).value
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise EventError(where, f"is not JSON: {error.msg}", "JSON") from None
    except ValueError as error:
        raise EventError("the event", str(error), "JSON") from None
    try:
        original = parse(body).value
    except ValueError:
        original = None
    return dump(_put_back(value, original, _hidden(options, original, is_open), "the event"))


def _hidden(options: EventsRead, value: Any, is_open: Open) -> Any:
    """A copy in which every value is hidden that is not known to be open."""
    if not isinstance(value, dict):
        return _row(value, is_open) if options.format == "webhook" else _cover(value)
    if options.format == "webhook":
        at = options.data if find(value, options.data) is not None else ""
        own = {options.id, options.type, options.time}
        return _inside(value, at, lambda data: _data(options, data, is_open), lambda name: name in own)
    return {
        name: item if name in _ENVELOPE
        else _data(options, item, is_open) if name == "data"
        else item if is_open(f"event_{name}") else _cover(item)
        for name, item in value.items()
    }  # fmt: skip


def _data(options: EventsRead, data: Any, is_open: Open) -> Any:
    if not options.records:
        return _row(data, is_open)
    carried = {path for name, path in options.carry.items() if is_open(name)}
    return _inside(data, options.records, lambda rows: _row(rows, is_open), lambda name: name in carried)


def _inside(value: Any, path: str, cover: Callable[[Any], Any], is_open: Open, before: str = "") -> Any:
    """The part at `path` covered its own way; beside it only what is open stays."""
    if not path:
        return cover(value)
    if not isinstance(value, dict):
        return _cover(value)
    step, _, rest = (path, "", "") if path in value else path.partition(".")
    return {
        name: _inside(item, rest, cover, is_open, f"{before}{name}.") if name == step
        else item if is_open(f"{before}{name}") else _beside(item, f"{before}{name}.", is_open)
        for name, item in value.items()
    }  # fmt: skip


def _beside(value: Any, before: str, is_open: Open) -> Any:
    if not isinstance(value, dict):
        return _cover(value)
    return {
        name: item if is_open(f"{before}{name}") else _beside(item, f"{before}{name}.", is_open)
        for name, item in value.items()
    }


def _row(row: Any, is_open: Open) -> Any:
    if isinstance(row, list):
        return [_row(each, is_open) for each in row]
    if not isinstance(row, dict):
        return _cover(row)
    return {name: item if is_open(name) else _cover(item) for name, item in row.items()}


def _cover(value: Any) -> Any:
    """The shape stays, every value goes."""
    if isinstance(value, Mapping):
        return {name: _cover(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_cover(item) for item in value]
    return None if value is None else HIDDEN


def _put_back(value: Any, original: Any, covered: Any, where: str) -> Any:
    if value == HIDDEN and covered == HIDDEN:
        return original
    if value == HIDDEN:
        raise EventError(where, f"'{HIDDEN}' stands where nothing was hidden", "a value")
    if isinstance(value, dict):
        was, cover = (each if isinstance(each, dict) else {} for each in (original, covered))
        return {
            name: _put_back(item, was.get(name), cover.get(name), f"{where}, {name}")
            for name, item in value.items()
        }
    if isinstance(value, list):
        listed = [each if isinstance(each, list) else [] for each in (original, covered)]
        pairs = zip_longest(value, *(each[: len(value)] for each in listed))
        return [_put_back(item, w, c, f"{where}, {n}") for n, (item, w, c) in enumerate(pairs, 1)]
    return value


def _plain(value: Any) -> Any:
    """Numbers as exact as they came, for a reader that only knows text and whole numbers."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int) else _Exact(value)


class _Exact(float):
    """A number that is written as it was read."""

    def __new__(cls, value: Any) -> _Exact:
        made = super().__new__(cls, value)
        made.text = str(value)  # type: ignore[attr-defined]
        return made

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]
