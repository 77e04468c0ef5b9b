"""Judges feeds: do they map every column that is required, by expressions that can be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from . import verify_look_ups
from .catalog import Catalog
from .expressions import ExpressionError, parse
from .judging import Judge, Path
from .problems import ConnectorModels
from .schema import Feed, Mapped
from .scopes import RAW_ROW
from .verify_network import holds_secret, options, texts

MAPPED_ALWAYS: dict[str, str] = {"entity": "text", "source_id": "text", "source_time": "timestamp"}
"""What a mapping may set beside the record's own columns."""

PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_NUMBERS = ("integer", "decimal", "money", "quantity")


def verify(judge: Judge, catalog: Catalog, connectors: Mapping[str, ConnectorModels]) -> None:
    """Report whatever keeps a feed from being read or mapped."""
    for feed in catalog.feeds.values():
        _feed(judge, catalog, feed, connectors)
        for name in ("rhythm", "volume"):
            watched = getattr(feed.contract, name)
            if watched is not None and watched.calendar is not None:
                judge.refer("feeds", feed.code, ["contract", name, "calendar"], "calendars", watched.calendar)


def _one(judge: Judge, feed: Feed, columns: Sequence[str]) -> None:
    """How one record is asked for again names its canonical columns: as keys of a mapping, or `{column}` in texts."""
    one = feed.read.get("one")
    if not isinstance(one, Mapping):
        return
    direct = all(isinstance(value, str) for value in one.values()) and "path" not in one
    named = list(one) if direct else PLACE.findall(str(dict(one)))
    for name in named:
        judge.choose("feeds", feed.code, ["read", "one"], name, columns, f"of {feed.record_type}'s columns")


def _secrets(judge: Judge, feed: Feed) -> None:
    """What is asked names no secret: how the system knows us belongs to its connection."""
    for part in ("params", "headers", "body"):
        for name, value in texts(feed.read.get(part), part):
            if holds_secret(name, value) and not PLACE.search(value):
                said = f"'{name}' holds a secret"
                expected = "'auth:' in the system's connection"
                judge.report("feeds", feed.code, ["read", part, name], said, expected)


def _together(judge: Judge, feed: Feed, models: ConnectorModels, connection: Mapping[str, Any]) -> None:
    """What fits by itself may not fit together; what does not fit by itself is told already."""
    if models.together is None:
        return
    with suppress(ValidationError):
        told = models.together(
            models.connection.model_validate(connection), models.read.model_validate(feed.read)
        )
        if told is not None:
            judge.report("feeds", feed.code, ["read"], *told)


def _read(judge: Judge, catalog: Catalog, feed: Feed, connectors: Mapping[str, ConnectorModels]) -> None:
    """What the system's connector is told."""
    models = connectors.get(catalog.systems[feed.system].connector)
    if models is None:
        return
    options(judge, "feeds", feed.code, "read", models.read, feed.read)
    _secrets(judge, feed)
    if models.modes is not None:
        of = "of the modes of its connector"
        judge.choose("feeds", feed.code, ["mode"], feed.mode, models.modes, of)
    _together(judge, feed, models, catalog.systems[feed.system].connection)
    listed = feed.mode != "keys_and_changes" or feed.read.get("keys") not in (None, [])
    if "keys" in models.read.model_fields and not listed:
        said = "'keys' is missing: a feed of mode keys_and_changes lists all keys"
        judge.report("feeds", feed.code, ["read"], said, "'keys:' under 'read:', or another mode")


def _feed(judge: Judge, catalog: Catalog, feed: Feed, connectors: Mapping[str, ConnectorModels]) -> None:
    if judge.refer("feeds", feed.code, ["system"], "systems", feed.system):
        _read(judge, catalog, feed, connectors)
    for name in ("where", "deleted"):
        _expression(judge, feed, [name], getattr(feed, name), "boolean")
    if not judge.refer("feeds", feed.code, ["record_type"], "record_types", feed.record_type):
        return
    record_type = catalog.record_types[feed.record_type]
    types = {**MAPPED_ALWAYS, **{name: column.type for name, column in record_type.columns.items()}}
    required = [name for name, column in record_type.columns.items() if column.required]
    if record_type.scope == "entity":
        required.append("entity")
    for name in required:
        if name not in feed.mapping:
            said = f"'{name}' is required by {feed.record_type} and not mapped"
            judge.report("feeds", feed.code, ["mapping"], said, f"'{name}:' with an expression")
    _one(judge, feed, [*types, "entity"])
    for name, value in feed.mapping.items():
        if not judge.choose(
            "feeds", feed.code, ["mapping", name], name, types, f"of {feed.record_type}'s columns"
        ):
            continue
        path = ["mapping", name]
        if isinstance(value, Mapped):
            judge.refer("feeds", feed.code, [*path, "crosswalk"], "crosswalks", value.crosswalk)
            _value(judge, catalog, feed, name, value, types[name])
            if value.conceal is not None and (types[name] != "text" or name in MAPPED_ALWAYS):
                said = f"{types[name]} '{name}' cannot be concealed"
                judge.report("feeds", feed.code, [*path, "conceal"], said, "a text of the record type's own")
        else:
            _expression(judge, feed, path, value, types[name])


def _value(judge: Judge, catalog: Catalog, feed: Feed, name: str, value: Mapped, kind: str) -> None:
    """The expression itself; where it is looked up, whatever it is becomes a text, and the look-up gives the type."""
    path = ["mapping", name]
    _expression(judge, feed, [*path, "value"], value.value, "any" if value.look_up else kind)
    if value.look_up is not None:
        verify_look_ups.verify(judge, catalog, feed, name, value.look_up, kind)


def _expression(judge: Judge, feed: Feed, path: Path, text: str | None, wanted: str) -> None:
    """Text is mapped to any type: the record's own conversion says row by row what is wrong."""
    if text is None:
        return
    try:
        found = parse(text, RAW_ROW).type
    except ExpressionError as error:
        judge.refuse("feeds", feed.code, path, error)
        return
    if wanted == "any":
        return
    taken = {wanted, "unknown"} if path[0] != "mapping" else {wanted, "unknown", "text"}
    if found not in taken and not (found in _NUMBERS and wanted in _NUMBERS):
        judge.report("feeds", feed.code, path, f"this is {found}", wanted)
