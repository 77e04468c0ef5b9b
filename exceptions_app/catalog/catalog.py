"""The configuration in force: everything the YAML declared, resolved and found right. Read only.

Asks no file and no database; `load` builds it. Whoever needs a fact about the site asks here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from exceptions_app.domain.clock import BusinessCalendar

from . import schema
from .calendars import business_calendar
from .problems import Place

Translations = Mapping[tuple[str | None, str], str]
"""(system, or None for every system; local identifier) -> canonical identifier."""


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks: the same content is always the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, eq=False)
class Catalog:
    """All of the configuration, by code, in the order of declaration. The same digest, the same content."""

    site: schema.Site
    entities: Mapping[str, schema.Entity]
    calendars: Mapping[str, schema.Calendar]
    systems: Mapping[str, schema.System]
    record_types: Mapping[str, schema.RecordType]
    feeds: Mapping[str, schema.Feed]
    checks: Mapping[str, schema.Check]
    categories: Mapping[str, schema.Category]
    queues: Mapping[str, schema.Queue]
    crosswalks: Mapping[str, Translations]
    crosswalk_titles: Mapping[str, str]
    routing: tuple[schema.Route, ...]
    sla_policies: tuple[schema.SlaPolicy, ...]
    cutoffs: tuple[schema.Cutoff, ...]
    operations: Mapping[str, schema.Operation]
    common_reasons: tuple[schema.Reason, ...]
    sources: Mapping[tuple[str, str], Place] = field(repr=False)
    reference_rows: tuple[schema.ReferenceRow, ...] = ()
    assignment: tuple[schema.Assignment, ...] = ()

    def _content(self) -> dict[str, Any]:
        def plain(values: Iterable[BaseModel]) -> list[Any]:
            return [value.model_dump(mode="json") for value in values]

        return {
            "site": self.site.model_dump(mode="json"),
            **{
                section: plain(getattr(self, section).values())
                for section in (
                    "entities",
                    "calendars",
                    "systems",
                    "record_types",
                    "feeds",
                    "checks",
                    "categories",
                    "queues",
                    "operations",
                )
            },
            **{
                section: plain(getattr(self, section))
                for section in (
                    "routing",
                    "sla_policies",
                    "assignment",
                    "cutoffs",
                    "common_reasons",
                    "reference_rows",
                )
            },
            "crosswalks": {
                code: sorted([system or "", local, to] for (system, local), to in entries.items())
                for code, entries in self.crosswalks.items()
            },
        }

    def to_json(self) -> str:
        """The whole configuration as canonical JSON; secrets are references, so it holds none."""
        return self._json

    @cached_property
    def _json(self) -> str:
        return canonical(self._content())

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of `to_json()`: the same configuration always has the same digest."""
        return hashlib.sha256(self._json.encode()).hexdigest()

    def source(self, section: str, code: str) -> tuple[str, int]:
        """The file and line that declared `code` in a section such as `checks`."""
        place = self.sources[section, code]
        return place.file, place.line

    # -- entities and calendars

    def below(self, entity: str) -> frozenset[str]:
        """The entity itself and everything below it in the tree."""
        return self._descendants.get(entity, frozenset({entity}))

    @cached_property
    def _descendants(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {code: {code} for code in self.entities}
        for code in self.entities:
            for ancestor in self.ancestors(code):
                found[ancestor].add(code)
        return {code: frozenset(below) for code, below in found.items()}

    def ancestors(self, entity: str) -> list[str]:
        """The entity itself, its parent, and so on to the root."""
        path: list[str] = []
        code: str | None = entity
        while code is not None and code in self.entities:
            path.append(code)
            code = self.entities[code].parent
        return path

    def calendar(self, code: str) -> BusinessCalendar:
        """The business calendar of that code, with its holidays worked out."""
        return business_calendar(self.calendars[code])

    def calendar_for(self, entity: str, queue: str) -> BusinessCalendar:
        """The calendar of the entity or its nearest ancestor, else the queue's. 24×7 queues stay so."""
        queue_calendar = self.calendars[self.queues[queue].calendar]
        if not queue_calendar.always_open:
            for code in self.ancestors(entity):
                own = self.entities[code].calendar
                if own:
                    return self.calendar(own)
        return business_calendar(queue_calendar)

    def rate(self, currency: str, on: date) -> Decimal | None:
        """One unit of `currency` in the reporting currency on that date; None when no rate is known."""
        if currency == self.site.reporting_currency:
            return Decimal(1)
        known = [rate for rate in self.site.rates if rate.currency == currency and rate.valid_from <= on]
        return max(known, key=lambda rate: rate.valid_from).rate if known else None

    # -- feeds and checks

    def feeds_for(
        self, record_type: str, kind: str | None = None, systems: Iterable[str] | None = None
    ) -> list[schema.Feed]:
        """The enabled feeds that bring records of a type, or those of which it keeps the versions; from systems of a
        kind or from named systems.
        """
        wanted = None if systems is None else set(systems)
        known = self.record_types.get(record_type)
        brought = {record_type, known.versions_of if known else None}
        return [
            feed
            for feed in self.feeds.values()
            if feed.enabled
            and feed.record_type in brought
            and (kind is None or self.systems[feed.system].kind == kind)
            and (wanted is None or feed.system in wanted)
        ]

    def landed_by(self, record_type: str) -> list[str]:
        """The record types that a feed of a type fills: its own, and those that keep its versions."""
        kept = [code for code, one in self.record_types.items() if one.versions_of == record_type]
        return [record_type, *kept]

    def side_feeds(self, check: schema.Check, side: str) -> list[schema.Feed]:
        """The feeds behind one side of a check; a duplicate check has one side, whatever it is called."""
        if isinstance(check, schema.ClusterCheck):
            return self.sources_of(check.record, check.record_kind)
        party = check.sides[side]
        return self.sources_of(party.record, party.kind, party.systems)

    def sources_of(
        self, record_type: str, kind: str | None = None, systems: Iterable[str] | None = None
    ) -> list[schema.Feed]:
        """The feeds to read a type from so that nothing counts twice: where neither kind nor systems are
        named,
        its system of record, or all of them where that one has no feed."""
        found = self.feeds_for(record_type, kind, systems)
        right = self.record_types[record_type].system_of_record
        if kind is None and systems is None and right is not None:
            of_record = [f for f in found if right in (f.system, self.systems[f.system].kind)]
            return of_record or found
        return found

    def flows(self) -> list[str]:
        """The flows that have an enabled check, in order of declaration."""
        return list(dict.fromkeys(check.flow for check in self.checks.values() if check.enabled))

    def checks_in(self, flow: str) -> list[schema.Check]:
        """The enabled checks of a flow."""
        return [check for check in self.checks.values() if check.enabled and check.flow == flow]

    # -- people's words

    def reasons(self, category: str) -> list[schema.Reason]:
        """Why an exception of that category may end, as people say it: common reasons, then its own."""
        return [*self.common_reasons, *self.categories[category].reasons]

    def sensitivity(self, record_type: str, column: str) -> schema.Sensitivity:
        """Who may see a column. `<column>_source` is as sensitive as its column; others are internal."""
        columns = self.record_types[record_type].columns
        found = columns.get(column) or columns.get(column.removesuffix("_source"))
        return found.sensitivity if found else "internal"
