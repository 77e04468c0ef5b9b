"""Links from an exception to its records, each in its own system, as far as the configuration gives their addresses.

What a side states is put under the record's own columns first, for addresses name those. Nothing that the viewer may
not read becomes part of an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from exceptions_app.access import Viewer, sees
from exceptions_app.catalog import sensitivity
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.own_names import canonical_name
from exceptions_app.catalog.schema import (
    Check,
    DuplicateCheck,
    HierarchyCheck,
    MatchCheck,
    Sensitivity,
    SimilarCheck,
)

from .record_urls import record_url
from .sides import is_elsewhere

_ONE_COLUMN = re.compile(r"(?:(?:MIN|MAX)\()?([a-z_]\w*)\)?")
"""A column as it is, or the first or last of several: that one leads there, too."""
MOST = 8
_levels: WeakKeyDictionary[Catalog, dict[tuple[str, str, str], Sensitivity]] = WeakKeyDictionary()
"""How sensitive each cell of a check is, found out once: a page shows some two hundred."""


@dataclass(frozen=True, slots=True)
class RecordLink:
    """A link to the record in its own system."""

    label: str
    url: str


def record_links(
    viewer: Viewer, catalog: Catalog, check_code: str, key: Mapping[str, Any], evidence: Mapping[str, Any]
) -> tuple[RecordLink, ...]:
    """The first `MOST`. None for a side that was not found: there is nothing to open."""
    check, stated = catalog.checks.get(check_code), evidence.get("sides") or {}
    if isinstance(check, DuplicateCheck | SimilarCheck | HierarchyCheck):
        found = _of_members(viewer, catalog, check, stated)
    elif isinstance(check, MatchCheck):
        found = _of_sides(viewer, catalog, check, canonical_key(catalog, check, key), stated)
    else:
        return ()
    by_url = {link.url: link for link in found}
    return tuple(by_url.values())[:MOST]


def columns_of(
    check: MatchCheck, side: str, key: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """What a side states, under the columns of its record; under the check's own names where they say no more."""
    party = check.sides[side]
    named = {party.key.get(name, name): key[name] for name in check.row_key if key.get(name) is not None}
    for name, value in values.items():
        column = _ONE_COLUMN.fullmatch(party.columns.get(name, name))
        if column is not None:
            named.setdefault(column[1], value)
    return {**key, **values, **named}


def readable(
    viewer: Viewer, catalog: Catalog, check: Check, side: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Of what a side states, what the viewer may read."""
    levels = _levels.setdefault(catalog, {})
    for cell in values:
        if (check.code, side, cell) not in levels:
            level = sensitivity.of_cell(check, catalog.record_types, side, cell)
            levels[check.code, side, cell] = level
    return {cell: value for cell, value in values.items() if sees(viewer, levels[check.code, side, cell])}


def canonical_key(catalog: Catalog, check: MatchCheck, key: Mapping[str, Any]) -> dict[str, Any]:
    """The business key, which is written as the first system writes it, under canonical names."""
    return {name: _canonical(catalog, check, name, value) for name, value in key.items()}


def _canonical(catalog: Catalog, check: MatchCheck, name: str, value: Any) -> Any:
    for side in check.sides.values():
        column = catalog.record_types[side.record].columns.get(side.key.get(name, name))
        if value and column is not None and column.crosswalk is not None:
            systems = {feed.system for known in check.sides for feed in catalog.side_feeds(check, known)}
            return canonical_name(catalog, column.crosswalk, str(value), systems)
    return value


def _of_sides(
    viewer: Viewer, catalog: Catalog, check: MatchCheck, key: Mapping[str, Any], stated: Mapping[str, Any]
) -> Iterator[RecordLink]:
    for name, side in check.sides.items():
        if name in stated and not stated[name]:
            continue
        named = columns_of(check, name, key, readable(viewer, catalog, check, name, stated.get(name) or {}))
        yield from _links(catalog, side.record, side.kind, named, side.systems)


def _of_members(
    viewer: Viewer,
    catalog: Catalog,
    check: DuplicateCheck | SimilarCheck | HierarchyCheck,
    stated: Mapping[str, Any],
) -> Iterator[RecordLink]:
    for values in stated.values():
        if not values or is_elsewhere(viewer, values):
            continue
        shown = readable(viewer, catalog, check, "", values)
        named = shown | {check.columns.get(cell, cell): value for cell, value in shown.items()}
        which = "/".join(str(shown[part]) for part in check.key if shown.get(part))
        yield from _links(catalog, check.record, check.record_kind, named, which=which)


def _links(
    catalog: Catalog, record: str, kind: str | None, named: Mapping[str, Any],
    systems: list[str] | None = None, which: str = "",
) -> Iterator[RecordLink]:  # fmt: skip
    """One for each system that holds such a record; `source_system` says that only one does."""
    for feed in catalog.sources_of(record, kind, systems):
        if named.get("source_system") not in (None, feed.system):
            continue
        if url := record_url(catalog, feed.system, record, named):
            title, system = catalog.record_types[record].title, catalog.systems[feed.system].name
            yield RecordLink(f"{title} {which} in {system}".replace("  ", " "), url)
