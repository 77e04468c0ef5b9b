"""Why a check is compared in full in a scope, where what changed since the run before will not do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exceptions_app.catalog.schema import Check, MatchCheck
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.services.basis import Basis, CaseKey, LastRun
from exceptions_app.services.check_runs import HELD
from exceptions_app.services.runs import COMPLETE

from .comparing import Comparing
from .findings import Place
from .flows import Standing, feeds_of

VERSION = "1"
"""Of how statements are compiled and records are read: another one, and everything is compared anew."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says before a comparison. `settled`: feed -> when a rejected row of it was settled last."""

    at: datetime
    seen: UnfinishedRuns
    last: Mapping[Place, LastRun]
    settled: Mapping[str, datetime]
    cases: Sequence[CaseKey] = ()
    full: bool = False
    changed: Collection[Place] = frozenset()
    """Where a check is not what it was."""


@dataclass(frozen=True, slots=True)
class FullSweeps:
    """Judges it by the run before. `times`: the instants that a place is judged at now; `every`: at least so often."""

    comparing: Comparing
    standings: Mapping[str, Standing]
    known: Known
    every: timedelta
    times: Mapping[Place, Mapping[str, datetime | None]]

    def why(self, check: Check, scope: str) -> str | None:
        """None: what was found before, and what changed since, will do."""
        last = self.known.last.get((check.code, scope))
        if self.known.full:
            return "asked for"
        if not self.standings[check.code].complete:
            return "a side was not read completely"
        if last is None:
            return "the first run"
        if last.status != COMPLETE:
            return "the run before was held" if last.status == HELD else "the run before was not complete"
        return self._anew(check, scope, last)

    def _anew(self, check: Check, scope: str, last: LastRun) -> str | None:
        if last.basis is None or last.basis.version != VERSION:
            return "the run before left nothing to build on"
        if last.digest != self.comparing.catalog.digest or (check.code, scope) in self.known.changed:
            return "the configuration has changed"
        if self.known.at - last.basis.full_at >= self.every:
            return "the time for a full sweep has come"
        return self._by_time(check, (check.code, scope), last.basis) or self._by_settling(check, last.basis)

    def _by_time(self, check: Check, place: Place, basis: Basis) -> str | None:
        """What the passing of time changes in another way than line by line."""
        for name, now in self.times[place].items():
            before = basis.times.get(name)
            if (now is None) != (before is None):
                return "a side was read for the first time"
        tolerances = check.tolerances.values() if isinstance(check, MatchCheck) else ()
        ends = [scoped.until for tolerance in tolerances for scoped in tolerance.scoped if scoped.until]
        if any(basis.at <= end <= self.comparing.now for end in ends):
            return "a wider limit has ended"
        return None

    def _by_settling(self, check: Check, basis: Basis) -> str | None:
        for feed in feeds_of(self.comparing.catalog, [check]):
            settled = self.known.settled.get(feed)
            if settled is not None and settled >= basis.at:
                return "a rejected row was settled"
        return None
