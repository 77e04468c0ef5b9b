"""What the checks of a flow read, and how much the last runs of those feeds allow to be said. Asks no
database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check, ClusterCheck, Feed, MatchCheck
from exceptions_app.duck import quoted
from exceptions_app.reconcile.engine import compile_check
from exceptions_app.records.snapshot import RecordSnapshot
from exceptions_app.services.runs import FeedFacts

_ALWAYS = frozenset({"entity", "source_system", "source_time", "fetched_at"})
DOCUMENTS = "documents"
"""The name of a duplicate check's only side."""


def sides_of(catalog: Catalog, check: Check) -> dict[str, list[Feed]]:
    """The feeds behind each side of a check."""
    if isinstance(check, ClusterCheck):
        return {DOCUMENTS: catalog.side_feeds(check, DOCUMENTS)}
    return {name: catalog.side_feeds(check, name) for name in check.sides}


def reference_feeds(catalog: Catalog, check: Check) -> list[Feed]:
    """The feeds behind the look-ups of a check."""
    if isinstance(check, ClusterCheck):
        return []
    lookups = [lookup for side in check.sides.values() for lookup in side.lookups.values()]
    return [feed for lookup in lookups for feed in catalog.sources_of(lookup.record, lookup.kind)]


def record_types_of(check: Check) -> set[str]:
    """The record types whose views a check reads."""
    if isinstance(check, ClusterCheck):
        return {check.record}
    lookups = {lookup.record for side in check.sides.values() for lookup in side.lookups.values()}
    return lookups | {side.record for side in check.sides.values()}


def sides_read(check: Check) -> list[str]:
    """The record type of each side of a check."""
    return (
        [check.record] if isinstance(check, ClusterCheck) else [side.record for side in check.sides.values()]
    )


def records_read(check: Check) -> list[str]:
    """The record type of each side and of each look-up: one that is read twice is there twice."""
    if isinstance(check, ClusterCheck):
        return [check.record] * 2
    asked = [lookup.record for side in check.sides.values() for lookup in side.lookups.values()]
    return [*sides_read(check), *asked]


def columns_read(catalog: Catalog, records: RecordSnapshot, checks: Iterable[Check]) -> dict[str, set[str]]:
    """Per record type what these checks name of it, beside what is asked of every record. Types that are read by
    whoever compares documents with each other are left out.
    """
    found: dict[str, set[str]] = {}
    whole: set[str] = set()
    for check in checks:
        if isinstance(check, ClusterCheck):
            whole.add(check.record)
            continue
        statement = compile_check(check, catalog).statement
        for name in record_types_of(check):
            columns = records.types[name].layout.visible
            found.setdefault(name, {*_ALWAYS}).update(c for c in columns if quoted(c) in statement)
    return {name: columns for name, columns in found.items() if name not in whole}


def can_run(catalog: Catalog, check: Check) -> bool:
    """Whether every side and look-up that the check cannot do without has a feed, and any side has one."""
    sides = sides_of(catalog, check)
    if isinstance(check, ClusterCheck):
        return bool(sides[DOCUMENTS])
    needed = all(feeds or check.sides[name].optional for name, feeds in sides.items())
    lookups = [one for side in check.sides.values() for one in side.lookups.values() if one.needed]
    needed = needed and all(catalog.sources_of(lookup.record, lookup.kind) for lookup in lookups)
    return needed and any(sides.values())


def flows_reading(catalog: Catalog, record_type: str) -> list[str]:
    """The flows whose checks look at what a feed of a type brings."""
    brought = catalog.landed_by(record_type)
    return [
        flow
        for flow in catalog.flows()
        if any(not record_types_of(check).isdisjoint(brought) for check in catalog.checks_in(flow))
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the last runs of the feeds behind a check allow to be said.

    `read_through` is None for a side whose last run is not complete: nothing is "missing" there. For a look-up
    (`side.lookup`) it is None until each of its feeds has been read once. `earliest` is None unless every side has
    been read.
    """

    complete: bool
    read_through: Mapping[str, datetime | None]
    earliest: datetime | None
    lag: timedelta
    proves_absence: bool
    feeds: tuple[FeedFacts, ...]


def standing(catalog: Catalog, check: Check, facts: Mapping[str, FeedFacts]) -> Standing:
    """Judge the feeds of a check by their last runs."""
    sides = sides_of(catalog, check)
    feeds = _unique([feed for side in sides.values() for feed in side] + reference_feeds(catalog, check))
    compared = _unique(feed for side in sides.values() for feed in side)
    read = {name: _read_through(side, facts) for name, side in sides.items()}
    of_sides = [read[name] for name, side in sides.items() if side]
    return Standing(
        complete=all(facts[feed.code].is_complete for feed in feeds),
        read_through={**read, **_lookups_read(catalog, check, facts)},
        earliest=min((at for at in of_sides if at is not None), default=None) if all(of_sides) else None,
        lag=max((feed.lag for feed in compared), default=timedelta(0)),
        proves_absence=all(feed.mode != "changes" for feed in compared),
        feeds=tuple(facts[feed.code] for feed in feeds),
    )


def feeds_of(catalog: Catalog, checks: Iterable[Check]) -> list[str]:
    """The codes of all feeds behind some checks."""
    return [
        feed.code
        for check in checks
        for feed in [f for side in sides_of(catalog, check).values() for f in side]
        + reference_feeds(catalog, check)
    ]


def _read_through(feeds: list[Feed], facts: Mapping[str, FeedFacts]) -> datetime | None:
    known = [facts[feed.code] for feed in feeds]
    if not known or not all(fact.is_complete for fact in known):
        return None
    read = [fact.read_through for fact in known]
    return None if None in read else min(at for at in read if at is not None)


def _lookups_read(
    catalog: Catalog, check: Check, facts: Mapping[str, FeedFacts]
) -> dict[str, datetime | None]:
    """Per look-up: until when its feeds have been read completely, however their last runs ended."""
    read: dict[str, datetime | None] = {}
    for side, party in check.sides.items() if isinstance(check, MatchCheck) else ():
        for name, lookup in party.lookups.items():
            times = [facts[feed.code].read_through for feed in catalog.sources_of(lookup.record, lookup.kind)]
            known = [time for time in times if time is not None]
            read[f"{side}.{name}"] = min(known) if known and len(known) == len(times) else None
    return read


def _unique(feeds: Iterable[Feed]) -> list[Feed]:
    return list({feed.code: feed for feed in feeds}.values())
