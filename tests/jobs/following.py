"""An install without a database: its records, its comparisons, and what stands after each, in full or incrementally."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from arro3.core import Table
from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.duck import closing_session, literal
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.store import RecordStore
from exceptions_app.services import basis
from exceptions_app.services.basis import CaseKey, LastRun
from exceptions_app.services.runs import FeedFacts
from jobs import grouping
from jobs.comparing import Comparing
from jobs.findings import Place
from jobs.flows import standing
from jobs.full_sweeps import Known
from jobs.reconcile import compared
from jobs.sweeping import Sweeping

Standing = dict[Place, dict[bytes, tuple[Any, ...]]]


@dataclass
class Following:
    """`run` compares; `stands` is what the incremental runs have led to, `anew` what a full sweep says now."""

    place: Path
    catalog: Catalog
    flow: str
    now: datetime
    store: RecordStore = field(init=False)
    newest: int = 0
    running: set[int] = field(default_factory=set)
    facts: dict[str, FeedFacts] = field(default_factory=dict)
    last: dict[Place, LastRun] = field(default_factory=dict)
    stands: Standing = field(default_factory=dict)
    keys: dict[bytes, tuple[str, str, str]] = field(default_factory=dict)
    modes: dict[Place, str] = field(default_factory=dict)
    probed: dict[Place, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = RecordStore(str(self.place), self.catalog)
        self.checks = self.catalog.checks_in(self.flow)
        for feed in self.catalog.feeds:
            self.facts[feed] = FeedFacts(feed, None, "complete", self.now)

    # -- what happens to the records

    def bring(self, feed: str, rows: list[dict[str, Any]], *, finished: bool = True) -> int:
        """One run of a feed; its number. `_deleted` makes a tombstone."""
        self.newest += 1
        if rows:
            with closing_session() as con:
                self.store.land(
                    self.catalog.feeds[feed].record_type, feed, self.newest, 0, self._table(con, feed, rows)
                )
        if not finished:
            self.running.add(self.newest)
        return self.newest

    def _table(self, con: DuckDBPyConnection, feed: str, rows: list[dict[str, Any]]) -> Table:
        declared, layout = self.catalog.feeds[feed], self.store.layout(self.catalog.feeds[feed].record_type)
        selects = []
        for row in rows:
            values = {
                "source_system": declared.system,
                "source_time": self.now,
                "fetched_at": self.now,
                "_deleted": False,
                **row,
            }
            columns = {**layout.visible, "_deleted": "BOOLEAN"}
            selects.append(
                "SELECT "
                + ", ".join(f'CAST({_sql(values.get(n))} AS {kind}) AS "{n}"' for n, kind in columns.items())
            )
        return Table.from_arrow(con.sql(" UNION ALL ".join(selects)).to_arrow_table())

    def read(self, feed: str, *, whole: bool = True) -> None:
        """The feed was read until now."""
        before = self.facts[feed].read_through
        self.facts[feed] = FeedFacts(
            feed, self.newest, *(("complete", self.now) if whole else ("partial", before))
        )

    def finish(self, run: int) -> None:
        self.running.discard(run)

    # -- comparisons

    def seen(self) -> UnfinishedRuns:
        return UnfinishedRuns(self.newest, frozenset(self.running))

    def run(self, *, asked: list[CaseKey] | None = None, every: timedelta = timedelta(days=400)) -> None:
        """One comparison, incremental where that can be; `modes` says why a place was compared in full."""
        with closing_session("300MB", 2) as con:
            sweeping = self._sweeping(con, every, asked or [])
            findings = compared(sweeping)
            assert not findings.errors
            self.modes = dict(sweeping.why)
            narrowed = sweeping.narrowed
            self.probed = {place: narrowed.probed(*place) for place in sweeping.within()} if narrowed else {}
            for check in self.checks:
                for scope in sweeping.scopes[check.code]:
                    self._take(sweeping, check, scope, findings.primary.get((check.code, scope), []))
            for check in self.checks:
                whole = sweeping.standings[check.code].complete
                for scope in sweeping.scopes[check.code]:
                    place = (check.code, scope)
                    rows = findings.counts[place].discrepancies
                    said = sweeping.judged(place, rows, usable=whole).basis
                    status = "complete" if whole else "partial"
                    self.last[place] = LastRun(
                        status, self.catalog.digest, basis.read(said) if said else None
                    )

    def _take(self, sweeping: Sweeping, check: Any, scope: str, found: list[Discrepancy]) -> None:
        place, holds = (check.code, scope), sweeping.holds(check, scope)
        before = self.stands.get(place, {})
        left = {
            mark: row for mark, row in before.items() if holds is not None and not holds(self.keys[mark][2])
        }
        self.keys |= {one.fingerprint: (check.code, one.entity, one.business_key) for one in found}
        self.stands[place] = left | {one.fingerprint: _told(one) for one in found}

    def anew(self) -> Standing:
        """What a full sweep of the records says now, and of nothing else, each entity compared alone."""
        with closing_session("300MB", 2) as con, mock.patch.multiple(grouping, LEAST=0, MOST=0):
            sweeping = self._sweeping(con, timedelta(0), [])
            sweeping.known = Known(self.now, self.seen(), {}, {}, (), full=True)
            findings = compared(sweeping)
            places = [(code, scope) for code, scopes in sweeping.scopes.items() for scope in scopes]
            return {p: {one.fingerprint: _told(one) for one in findings.primary.get(p, [])} for p in places}

    def _sweeping(self, con: DuckDBPyConnection, every: timedelta, asked: list[CaseKey]) -> Sweeping:
        comparing = Comparing(con, self.store, self.catalog, self.checks, self.seen(), self.now)
        entities = comparing.entities() | {"H01", "H02"}
        scopes = {check.code: comparing.scopes(check, entities, ()) for check in self.checks}
        standings = {check.code: standing(self.catalog, check, self.facts) for check in self.checks}
        live = {mark for rows in self.stands.values() for mark in rows}
        cases = [CaseKey(*self.keys[mark], asked=False) for mark in sorted(live)]
        known = Known(self.now, self.seen(), dict(self.last), {}, [*cases, *asked])
        return Sweeping(comparing, scopes, standings, known, every)


def _told(one: Discrepancy) -> tuple[Any, ...]:
    return (one.reference, one.category, one.lines, one.also, one.evidence_hash, one.since, one.amount)


def _sql(value: Any) -> str:
    return literal(str(value)) if not isinstance(value, (datetime, bool, type(None))) else literal(value)
