"""Compares flows under two configurations over the same records, and says what differs. Nothing is taken in, and
nothing is put in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.lifecycle import Status
from exceptions_app.duck import closing_session
from exceptions_app.models import ExceptionCase
from exceptions_app.records.known import OpenReject
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.snapshot import RecordSnapshot
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from exceptions_app.services import check_runs, feed_words, rejects, runs
from exceptions_app.services.bulk import in_batches, is_one_of
from exceptions_app.services.live_lines import LiveLine, live_lines
from exceptions_app.services.openings import told_openings

from . import words
from .comparing import Comparing
from .findings import Findings
from .flows import Standing, can_run, feeds_of, record_types_of, standing
from .unjudged import unjudged_keys

_LIVE = (Status.OPEN.value, Status.AWAITING_CONFIRMATION.value)


class Looking(Protocol):
    """Who compares: a task (`Work`), or a command."""

    @property
    def runtime(self) -> Runtime: ...
    def reading(self) -> AbstractContextManager[Session]: ...
    def go_on(self) -> None: ...


@dataclass(slots=True)
class Found:
    """What one comparison found, by fingerprint; `partial`: checks of which nothing absent can be said."""

    rows: dict[bytes, Discrepancy] = field(default_factory=dict)
    partial: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """What the second configuration would end, raise anew, and say differently."""

    gone: Sequence[Discrepancy]
    new: Sequence[Discrepancy]
    changed: Sequence[Discrepancy]
    partial: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ground:
    """What both comparisons stand on: one state of the records and of what the runs said of them, at one instant `now`.
    What feeds bring and people do meanwhile is seen by neither.
    """

    now: datetime
    at: datetime | None
    unfinished: UnfinishedRuns
    records: RecordSnapshot
    facts: Mapping[str, runs.FeedFacts]
    missing: Sequence[OpenReject]
    unknown: Sequence[str]
    with_cases: Mapping[str, set[str]]
    live: Sequence[LiveLine]


def both(
    look: Looking,
    before: Catalog,
    after: Catalog,
    flows: Iterable[str],
    at: datetime | None = None,
    halfway: Callable[[], None] = lambda: None,
) -> tuple[Found, Found]:
    """What a comparison of these flows would take in under each of two configurations, as `reconcile` does it.

    `at` (aware): over the records as they were then. Raises `AsOfError` where that was not kept. `halfway` is called
    between the two.
    """
    flows = list(flows)
    ground = _ground(look, (before, after), flows, at)
    first = compare(look, before, flows, ground)
    halfway()
    return first, compare(look, after, flows, ground)


def compare(look: Looking, catalog: Catalog, flows: Iterable[str], ground: Ground) -> Found:
    """What a comparison of these flows would take in under a configuration, standing on a common ground."""
    found = Found()
    for flow in flows:
        _compare_flow(look, catalog, _checks_in(catalog, flow), found, ground)
    return found


def _checks_in(catalog: Catalog, flow: str) -> list[Check]:
    return [check for check in catalog.checks_in(flow) if can_run(catalog, check)]


def _ground(look: Looking, catalogs: Iterable[Catalog], flows: Sequence[str], at: datetime | None) -> Ground:
    now = at or utc_now()
    checks = {one: [check for flow in flows for check in _checks_in(one, flow)] for one in catalogs}
    codes = sorted({check.code for each in checks.values() for check in each})
    feeds = sorted({feed for one, each in checks.items() for feed in feeds_of(one, each)})
    with look.reading() as session:
        unfinished = runs.unfinished(session) if at is None else runs.unfinished_at(session, at)
        facts = runs.facts_of(session, feeds) if at is None else runs.facts_at(session, feeds, at)
        missing = rejects.holding(session, feeds) if at is None else []
        unknown = feed_words.feeds_with_unknown(session, feeds) if at is None else []
        with_cases = check_runs.scopes_with_cases(session, codes)
        live = live_lines(session, codes) if at is None else []
    seen = RecordSnapshot({})
    with closing_session() as con:
        for one, each in checks.items():
            types = sorted({name for check in each for name in record_types_of(check)})
            store = RecordStore(look.runtime.settings.records_uri, one)
            seen = RecordSnapshot({**seen.types, **store.snapshot(con, types, unfinished, at, seen).types})
    return Ground(now, at, unfinished, seen, facts, missing, unknown, with_cases, live)


def difference(before: Found, then: Found, after: Catalog) -> Difference:
    """A check that was not run both times whole, or is switched off by the second, ends nothing."""
    partial = before.partial | then.partial
    running = {check.code for check in after.checks.values() if check.enabled and can_run(after, check)}
    gone = [
        row
        for print_, row in before.rows.items()
        if print_ not in then.rows and row.check not in partial and row.check in running
    ]
    new = [row for print_, row in then.rows.items() if print_ not in before.rows and row.check not in partial]
    changed = [
        row
        for print_, row in then.rows.items()
        if print_ in before.rows and before.rows[print_].evidence_hash != row.evidence_hash
    ]
    return Difference(gone, new, changed, partial)


def told(look: Looking, after: Catalog, differs: Difference) -> dict[str, Any]:
    """What would clear, change and open now, by count, amount and category, with samples."""
    return {
        "clear": live_cases(look, differs.gone),
        "change": live_cases(look, differs.changed),
        "open": told_openings(after, differs.new),
        "partial": dict(differs.partial),
    }


def _compare_flow(
    look: Looking, catalog: Catalog, checks: Sequence[Check], found: Found, ground: Ground
) -> None:
    settings = look.runtime.settings
    feeds = set(feeds_of(catalog, checks))
    missing = [one for one in ground.missing if one.feed in feeds]
    unknown = [feed for feed in ground.unknown if feed in feeds]
    standings = {check.code: standing(catalog, check, ground.facts) for check in checks}
    store = RecordStore(settings.records_uri, catalog)
    with closing_session(settings.duck_memory, settings.duck_threads) as con:
        comparing = Comparing(
            con, store, catalog, checks, ground.unfinished, ground.now, look.go_on, ground.at, ground.records
        )
        entities, cases = comparing.entities(), ground.with_cases
        scopes = {c.code: comparing.scopes(c, entities, cases.get(c.code, ())) for c in checks}
        findings = comparing.compare(scopes, standings)
        missing += words.rows_held(con, catalog, checks, comparing.records, unknown)
        unjudged = unjudged_keys(con, catalog, checks, missing)
        if unjudged:
            comparing.choosing.leave_unjudged(findings, unjudged.drops)
        blind = {code for code in standings if code in findings.errors or not standings[code].complete}
        if blind or unjudged:
            live = [one for one in ground.live if one.check in standings]
            comparing.choosing.hold_back(
                findings, live, lambda one: one.check in blind or unjudged.covers(one)
            )
    _add(found, checks, findings, standings)


def _add(
    found: Found, checks: Sequence[Check], findings: Findings, standings: Mapping[str, Standing]
) -> None:
    found.rows |= {row.fingerprint: row for rows in findings.primary.values() for row in rows}
    found.partial |= {
        check.code: f"{check.title}: not every side was read whole"
        for check in checks
        if not standings[check.code].complete
    }
    found.partial |= findings.errors


def live_cases(look: Looking, found: Iterable[Discrepancy]) -> dict[str, Any]:
    """The live exceptions behind some findings: how many, worth what, by category, and the ids of all."""
    prints = [row.fingerprint for row in found]
    case, ids, worth = ExceptionCase, [], 0
    by_category: dict[str, int] = {}
    with look.reading() as session:
        for batch in in_batches(prints):
            wanted = (is_one_of(session, case.fingerprint, batch), case.status.in_(_LIVE))
            rows = select(case.id, case.category, case.reporting_amount_e4).where(*wanted)
            for case_id, category, amount in session.execute(rows.order_by(case.id)):
                ids.append(case_id)
                worth += amount or 0
                by_category[category] = by_category.get(category, 0) + 1
    return {"count": len(ids), "worth_e4": worth, "by_category": by_category, "ids": ids}
