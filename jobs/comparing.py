"""Runs the checks of one flow over the records, entity by entity (small ones together), as many side by side as there
are threads. Pure of the database: facts in, findings out.

A check that breaks stops only itself. What two checks find on one transaction line becomes one primary
exception.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from itertools import product
from typing import Any, TypeVar

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check, MatchCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import connections, thread_sharing, threads_of
from exceptions_app.reconcile.engine import CheckResult, begin_check, run_together
from exceptions_app.reconcile.errors import CheckError
from exceptions_app.reconcile.lanes import one_after_another, side_by_side
from exceptions_app.reconcile.probe import Probed, probe
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.snapshot import RecordSnapshot
from exceptions_app.records.store import RecordStore

from .findings import Choosing, Findings, Place
from .flows import Standing, record_types_of
from .grouping import Group, apart, grouped
from .judged_at import JudgedAt
from .narrowed import Narrowed
from .scope_views import ScopeViews
from .shown_scopes import ShownScopes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Places:
    """What one call compares: per check where, how far its sides were read, and what is probed."""

    scopes: Mapping[str, Sequence[str]]
    standings: Mapping[str, Standing]
    narrowed: Narrowed | None


Outcome = CheckResult | str
"""What a check found in a scope, or how it broke there."""
Some = TypeVar("Some")


def _same(value: Some) -> Some:
    return value


class Comparing:
    """One comparison of a flow at one instant. `go_on` is asked before each group of scopes, and raises to stop. `at`
    shows the records as they were then; those that `seen` shows are looked at as they are there.

    It is asked in the caller's thread. What a group needs, up to its evidence, is done in one lane; the session's
    limit of memory holds for all lanes together.
    """

    def __init__(
        self,
        con: DuckDBPyConnection,
        store: RecordStore,
        catalog: Catalog,
        checks: Sequence[Check],
        unfinished: UnfinishedRuns,
        now: datetime,
        go_on: Callable[[], None] = lambda: None,
        at: datetime | None = None,
        seen: RecordSnapshot | None = None,
    ) -> None:
        self.con, self.catalog, self.checks, self.now, self.go_on = con, catalog, checks, now, go_on
        self.record_types = sorted({name for check in checks for name in record_types_of(check)})
        self.records = store.snapshot(con, self.record_types, unfinished, at, seen)
        self._standings: dict[str, Standing] = {}
        self.judged_at, self.choosing = JudgedAt(catalog, now), Choosing(catalog)
        self.times = self.judged_at.times
        self._views = ScopeViews(con, self.records, catalog)
        self._kept: set[str] = set()
        self._shown = ShownScopes(catalog, self.records, checks)

    @cached_property
    def _rows(self) -> Mapping[str, Mapping[str, int]]:
        return self.records.rows_by_entity(self.con)

    def entities(self) -> set[str]:
        """The entities that any record of the flow belongs to."""
        return {entity for rows in self._rows.values() for entity in rows} & set(self.catalog.entities)

    def scopes(self, check: Check, entities: Iterable[str], with_cases: Iterable[str]) -> list[str]:
        """Where a check runs: in each entity with records or open exceptions; one of the network over all at
        once, as a duplicate check does.
        """
        if not isinstance(check, MatchCheck) or check.scope == "network":
            return [NETWORK_SCOPE]
        return sorted({*entities, *(set(with_cases) & set(self.catalog.entities))})

    def compare(
        self,
        scopes: Mapping[str, Sequence[str]],
        standings: Mapping[str, Standing],
        narrowed: Narrowed | None = None,
        within: Container[Place] = frozenset(),
        findings: Findings | None = None,
    ) -> Findings:
        """Run every check in its scopes, then choose what is primary on each line.

        In the places `within`, only what was `narrowed` is compared. `findings` are those of other checks, run
        before: they are chosen among with the rest.
        """
        findings = findings or Findings()
        self._shown.near = narrowed.near if narrowed else self._shown.near
        found = {place: result.discrepancies for place, result in findings.counts.items()}
        self._standings.update(standings)
        places = Places(scopes, standings, narrowed)
        for (code, scope), outcome in self._outcomes(places, within).items():
            if isinstance(outcome, CheckResult):
                findings.counts[code, scope] = outcome
                found[code, scope] = outcome.discrepancies
            else:
                findings.errors.setdefault(code, outcome)
        usable = {place: rows for place, rows in found.items() if place[0] not in findings.errors}
        self.choosing.choose(usable, findings)
        return findings

    def _outcomes(self, places: Places, within: Container[Place]) -> dict[Place, Outcome]:
        """What each check found in each of its scopes, or how it broke there; scope by scope."""
        names = sorted({s for of_check in places.scopes.values() for s in of_check})
        narrowed = places.narrowed
        for name in names:
            self._shown.of_scope.setdefault(name, {}).update(
                (
                    check.code,
                    narrowed.checks[check.code].among if narrowed and (check.code, name) in within else None,
                )
                for check in self.checks
                if name in places.scopes.get(check.code, ())
            )
        alike, size = partial(self._alike, places), partial(self._size, places)
        groups = grouped(names, alike, size, threads_of(self.con))
        large, others = apart(groups, size)
        with self._lanes(groups, len(others)) as lanes:
            begin = partial(self._begin_group, places, set())
            compared = one_after_another(large, partial(begin, self._views), self.go_on)
            share = thread_sharing(self.con)
            compared |= side_by_side(
                lanes, others, lambda lane, group: begin(lane, group)(), self.go_on, share
            )
        found = {place: outcome for of_group in compared.values() for place, outcome in of_group.items()}
        order = product(names, self.checks)
        return {place: found[place] for name, check in order if (place := (check.code, name)) in found}

    @contextmanager
    def _lanes(self, groups: Sequence[Group], most: int) -> Iterator[list[ScopeViews]]:
        """The comparison's own views, and others beside them, as far as there are threads, `most` in all."""
        self._keep_network([group[0] for group in groups])
        _, *beside = connections(self.con, max(most, 1))
        try:
            yield [self._views, *(ScopeViews(con, self.records, self.catalog) for con in beside)]
        finally:
            for con in beside:
                con.close()

    def _alike(self, places: Places, scope: str) -> Hashable:
        """Scopes of which this is equal are compared in one statement: the same checks, lines and times."""
        if scope == NETWORK_SCOPE:
            return scope
        here = [check for check in self.checks if scope in places.scopes.get(check.code, ())]
        try:
            times = [tuple(self.times(check, scope, places.standings[check.code]).items()) for check in here]
        except CheckError:  # it is told where the check is run
            return scope
        return tuple(self._shown.of_scope[scope].items()), tuple(times)

    def _size(self, places: Places, scopes: Sequence[str]) -> dict[str, int]:
        """About how many rows are compared in each of some scopes that are alike."""
        showing = self._shown.showing(scopes[0])
        counts: list[Mapping[Any, int]] = [self._rows.get(name, {}) for name in showing.whole]
        if places.narrowed is not None:
            counts += [places.narrowed.places[table] for table in showing.lines]
        return {scope: sum(count.get(scope, 0) for count in counts) for scope in scopes}

    def _begin_group(
        self, places: Places, broken: set[str], views: ScopeViews, group: Group
    ) -> Callable[[], dict[Place, Outcome]]:
        """Compare a group as far as its views are needed; what is returned makes the evidence: what each check found in
        each scope, or how it broke there. One that is broken is not run again; what cannot be compared together is
        compared alone.
        """
        begun: dict[Place, Callable[[], Outcome]] = {}
        alone = [c for c in self.checks if group[0] in places.scopes.get(c.code, ()) and c.code not in broken]
        if len(group) > 1:
            views.show(group, self._shown.showing(group[0]))
            of_all = {c.code: self._run_together(views.con, c, group, places) for c in alone}
            begun |= {
                (code, s): partial(_same, one) for code, of in of_all.items() if of for s, one in of.items()
            }
            alone = [check for check in alone if not of_all[check.code]]
        for scope in group if alone else ():
            views.show([scope], self._shown.showing(scope))
            for check in alone:
                if check.code not in broken:
                    standing = places.standings[check.code]
                    begun[check.code, scope] = self._begin(views.con, check, scope, standing, broken)
        return lambda: {place: outcome() for place, outcome in begun.items()}

    def _run_together(
        self, con: DuckDBPyConnection, check: Check, group: Group, places: Places
    ) -> Mapping[str, CheckResult] | None:
        """None where it broke in any: then it is found out in which."""
        parameters = self.judged_at.parameters(check, group[0], places.standings[check.code])
        try:
            among = self._shown.of_scope[group[0]][check.code]
            return run_together(con, check, self.catalog, group, parameters, among)
        except Exception:
            log.exception("check %s broke in one of %s", check.code, ", ".join(group))
            return None

    def _begin(
        self, con: DuckDBPyConnection, check: Check, scope: str, standing: Standing, broken: set[str]
    ) -> Callable[[], Outcome]:
        def how_it_broke(error: Exception) -> str:
            log.error("check %s broke in %s", check.code, scope, exc_info=error)
            broken.add(check.code)
            return f"{type(error).__name__} in {scope}: {error}"

        def outcome() -> Outcome:
            try:
                return evidence()
            except Exception as error:
                return how_it_broke(error)

        entity = None if scope == NETWORK_SCOPE else scope
        parameters = self.judged_at.parameters(check, scope, standing)
        among = self._shown.of_scope[scope][check.code]
        try:
            evidence = begin_check(con, check, self.catalog, entity, parameters, among)
        except Exception as error:
            return partial(_same, how_it_broke(error))
        return outcome

    def _keep_network(self, names: Collection[str]) -> None:
        of_entities = [self._shown.showing(name) for name in names if name != NETWORK_SCOPE]
        wanted = {record for showing in of_entities for record in showing.whole} - self._kept
        if wanted:
            self._views.keep_network(wanted)
            self._kept |= wanted

    def probe(self, check: Check, scope: str, keys: Sequence[Mapping[str, str]]) -> Mapping[str, Probed]:
        """What the records say about keys that are no longer found wrong."""
        self._keep_network([scope])
        self._views.show([scope], self._shown.showing(scope))
        entity = None if scope == NETWORK_SCOPE else scope
        feeds = self._standings[check.code].feeds if check.code in self._standings else ()
        read = {one.feed: one.read_through for one in feeds if one.read_through is not None}
        return probe(self.con, check, self.catalog, entity, keys, read)
