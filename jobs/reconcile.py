"""Reconciles one flow: compares its records, then takes in what each check found in each scope.

A check run is complete when every side's last read is; a partial one closes nothing. Intake is committed in
chunks, so that a killed run is finished by the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Check
from exceptions_app.domain.instant import utc_now
from exceptions_app.duck import closing_session
from exceptions_app.reconcile.engine import CheckResult
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.services import basis, check_runs, feed_words, rejects, runs, storms
from exceptions_app.services.check_runs import Compared
from exceptions_app.services.intake import IntakeCounts, ProbedKey, RunFacts
from exceptions_app.services.live_lines import live_lines
from exceptions_app.services.retry_outcomes import tell_rest
from exceptions_app.services.storms import Excess

from . import incidents, words
from .causing import find_causes
from .comparing import Comparing
from .findings import Findings, Place
from .flows import Standing, can_run, feeds_of, standing
from .full_sweeps import Known
from .intaking import take_in
from .line_keys import translated
from .storm_guard import end_those_gone, held_runs, set_aside
from .sweeping import Sweeping
from .unjudged import Unjudged, unjudged_keys
from .work import Work


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `reconcile` tasks; payload `{"flow": code}`, with `"full": true` everything is compared. The
    result has one line per check.
    """
    catalog, settings = work.runtime.catalog, work.runtime.settings
    checks = [check for check in catalog.checks_in(work.payload["flow"]) if can_run(catalog, check)]
    codes, feeds, at = [check.code for check in checks], feeds_of(catalog, checks), utc_now()
    with work.reading() as session:
        missing = rejects.holding(session, feeds)
        unfinished = runs.unfinished(session)
        facts = runs.facts_of(session, feeds)
        missing += rejects.holding(session, feeds)  # a run may have ended in between
        unknown = feed_words.feeds_with_unknown(session, feeds)
        with_cases = check_runs.scopes_with_cases(session, codes)
        changed = check_runs.changed_since_last_run(session, catalog, checks)
        known = replace(_known(work, session, checks, feeds, unfinished, at), changed=changed)
    standings = {check.code: standing(catalog, check, facts) for check in checks}
    with closing_session(settings.duck_memory, settings.duck_threads) as con:
        comparing = Comparing(con, work.runtime.store, catalog, checks, unfinished, utc_now(), work.go_on)
        entities = comparing.entities()
        scopes = {c.code: comparing.scopes(c, entities, with_cases.get(c.code, ())) for c in checks}
        sweeping = Sweeping(comparing, scopes, standings, known, timedelta(hours=settings.full_every))
        run_ids = _begin(work, checks, scopes, standings)
        findings = compared(sweeping)
        blind = {c.code for c in checks if c.code in findings.errors or not standings[c.code].complete}
        missing += words.rows_held(con, catalog, checks, comparing.records, unknown)
        unjudged = unjudged_keys(con, catalog, checks, missing)
        if unjudged:
            comparing.choosing.leave_unjudged(findings, unjudged.drops)
        if blind or unjudged:
            with work.reading() as session:
                live = live_lines(session, codes)
            comparing.choosing.hold_back(
                findings, live, lambda one: one.check in blind or unjudged.covers(one)
            )
        flow = _Flow(work, sweeping, findings, run_ids, changed, unjudged)
        flow.guard()
        told = {c.code: flow.take_in(c, standings[c.code]) for c in checks}
    end_those_gone(work, work.payload["flow"], scopes)
    find_causes(work)
    return told


def _known(
    work: Work,
    session: Session,
    checks: Sequence[Check],
    feeds: Sequence[str],
    unfinished: UnfinishedRuns,
    at: datetime,
) -> Known:
    """What the database says of the runs before, and of what was done since."""
    codes = [check.code for check in checks]
    last = basis.last_runs(session, codes)
    since = min((run.basis.at for run in last.values() if run.basis), default=at)
    settled = basis.feeds_with_settled_rejects(session, feeds, since)
    cases = basis.live_keys(session, codes, translated(work.runtime.catalog, checks), since, at)
    return Known(at, unfinished, last, settled, cases, bool(work.payload.get("full")))


def compared(sweeping: Sweeping) -> Findings:
    """What is swept first, then the rest of what must be swept, and of all else the lines that may have changed."""
    comparing, scopes, standings = sweeping.comparing, sweeping.scopes, sweeping.standings
    sweeping.decide()
    first = sweeping.first()
    findings = comparing.compare(first, standings) if first else Findings()
    sweeping.narrow(one for place in findings.counts.values() for one in place.discrepancies)
    untouched = sweeping.untouched()
    rest = {
        code: [scope for scope in of_check if (code, scope) not in untouched]
        for code, of_check in scopes.items()
        if code not in first
    }
    findings = comparing.compare(rest, standings, sweeping.narrowed, sweeping.within(), findings)
    for place in untouched:
        findings.counts[place] = CheckResult([], 0, 0, "")
    return findings


def _begin(
    work: Work,
    checks: Sequence[Check],
    scopes: Mapping[str, Sequence[str]],
    standings: Mapping[str, Standing],
) -> dict[str, dict[str, int]]:
    context = work.context()
    with work.transaction() as session:
        return {
            check.code: check_runs.begin(
                session, context, check.code, scopes[check.code], standings[check.code].feeds
            )
            for check in checks
        }


class _Flow:
    """The intake of one comparison."""

    def __init__(
        self,
        work: Work,
        sweeping: Sweeping,
        findings: Findings,
        run_ids: Mapping[str, Mapping[str, int]],
        changed: set[tuple[str, str]],
        unjudged: Unjudged,
    ) -> None:
        self.work, self.sweeping, self.comparing = work, sweeping, sweeping.comparing
        self.findings, self.run_ids, self.changed, self.unjudged = findings, run_ids, changed, unjudged
        self.held: dict[Place, Excess] = {}

    def guard(self) -> None:
        """Hold what a person must look at first, before anything is taken in."""
        comparing, findings, standings = self.comparing, self.findings, self.sweeping.standings
        self.held = held_runs(
            self.work,
            comparing.checks,
            self.sweeping.scopes,
            findings,
            lambda check, scope: self._facts(check, scope, standings[check.code]),
        )
        if self.held:
            set_aside(self.work, comparing, findings, self.held)

    def take_in(self, check: Check, standing: Standing) -> dict[str, Any]:
        """One check, scope by scope. One that broke says nothing, and is an exception of its own."""
        error, scopes = self.findings.errors.get(check.code), self.sweeping.scopes[check.code]
        if error is not None:
            with self.work.transaction() as session:
                check_runs.fail(session, self.run_ids[check.code].values(), error, utc_now())
            incidents.after_check(self.work, check.code, error)
            return {"status": "failed", "error": error}
        untouched = self.sweeping.untouched()
        self._finish_untouched([(check.code, scope) for scope in scopes if (check.code, scope) in untouched])
        total, counts = IntakeCounts(), Counter[str]()
        for scope in scopes:
            place = (check.code, scope)
            counted = self.findings.counts[place]
            if place in self.held:
                self._hold(check, scope, standing)
            elif place not in untouched:
                total += self._scope(check, scope, standing)
            counts["incremental"] += place in self.sweeping.within()
            counts["compared"] += counted.compared
            counts["matched"] += counted.matched
            counts["unjudged"] += len(self.sweeping.held(place, self.unjudged.held_back(*place)))
        incidents.after_check(self.work, check.code, None)
        status = "complete" if standing.complete else "partial"
        if any((check.code, scope) in self.held for scope in scopes):
            status = "held"
        told = {name: getattr(total, name) for name in IntakeCounts.__slots__}
        of_runs = {name: counts[name] for name in ("incremental", "compared", "matched", "unjudged")}
        return {"status": status, "scopes": len(scopes), **of_runs, **told}

    def _finish_untouched(self, places: Sequence[Place]) -> None:
        if not places:
            return
        judged = {
            self.run_ids[code][scope]: self.sweeping.judged(
                (code, scope), (), usable=True, held=self.sweeping.held((code, scope), ())
            )
            for code, scope in places
        }
        with self.work.transaction() as session:
            check_runs.finish_untouched(session, judged, utc_now())

    def _facts(self, check: Check, scope: str, standing: Standing) -> RunFacts:
        place = (check.code, scope)
        return RunFacts(
            check=check.code,
            scope=scope,
            check_run_id=self.run_ids[check.code][scope],
            complete=standing.complete,
            read_through=standing.earliest,
            lag=standing.lag,
            proves_absence=standing.proves_absence,
            check_changed=place in self.changed,
            superseded=self.findings.superseded.get(place, frozenset()),
            unjudged=partial(self.unjudged.holds, *place) if self.unjudged else None,
            probed=self.sweeping.holds(check, scope),
        )

    def _hold(self, check: Check, scope: str, standing: Standing) -> None:
        """Nothing of the run is opened or closed."""
        place, context = (check.code, scope), self.work.context()
        excess, found = self.held[place], len(self.findings.primary[place])
        facts = self._facts(check, scope, standing)
        with self.work.transaction() as session:
            storms.hold(session, context, facts, excess, standing.feeds, found)
            run_id = self.run_ids[check.code][scope]
            judged = self.sweeping.judged(place, (), usable=False)
            check_runs.hold(session, run_id, self._compared(place), excess.why, utc_now(), judged)

    def _compared(self, place: Place) -> Compared:
        counted = self.findings.counts[place]
        return Compared(counted.compared, counted.matched, len(counted.discrepancies))

    def _scope(self, check: Check, scope: str, standing: Standing) -> IntakeCounts:
        place = (check.code, scope)
        found = self.findings.primary.get(place, [])
        run_id = self.run_ids[check.code][scope]
        facts = self._facts(check, scope, standing)

        def probe(keys: Sequence[Mapping[str, str]]) -> Mapping[str, ProbedKey]:
            return self.comparing.probe(check, scope, keys)

        counts = take_in(self.work, facts, found, probe)
        context, discrepancies = self.work.context(), self.findings.counts[place].discrepancies
        usable = standing.complete and not counts.skipped
        held = self.sweeping.held(place, self.unjudged.held_back(*place))
        with self.work.transaction() as session:
            check_runs.finish(
                session,
                run_id,
                complete=standing.complete,
                compared=self._compared(place),
                counts=counts,
                now=utc_now(),
                judged=self.sweeping.judged(place, discrepancies, usable=usable, held=held),
            )
            if standing.complete:
                storms.passed(session, context, check.code, scope)
                tell_rest(session, context, facts, {each.fingerprint for each in found})
        return counts
