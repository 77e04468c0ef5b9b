"""Prepares a batch of retries: compares the newest records first, then writes what is to be sent.

An exception whose disagreement is gone is not sent again. What cannot be compared now (a check broke, a side was not
read whole) is said, and its evidence on file holds: nothing is dropped in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from exceptions_app.catalog.schema import Check
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.instant import utc_now
from exceptions_app.duck import closing_session
from exceptions_app.models import ExceptionCase, RetryBatch
from exceptions_app.services import outbox, rejects, retry_preparing, runs, system_gates
from exceptions_app.services.retry_preparing import CHUNK, Prepared

from .comparing import Comparing
from .flows import Standing, can_run, feeds_of, standing
from .unjudged import Unjudged, unjudged_keys
from .work import Work


@dataclass(frozen=True, slots=True)
class Chosen:
    """An exception of the batch, as comparing needs it."""

    id: int
    check: str
    scope: str
    fingerprint: bytes
    entity: str
    business_key: str


@dataclass(slots=True)
class Looked:
    """What the newest records say. `found` lacks what could not be compared; `errors`: check -> why not."""

    found: dict[int, Discrepancy | None] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    read_at: datetime | None = None


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `retry_prepare` tasks; payload `{"batch": id}`."""
    context = work.context()
    with work.transaction() as session:
        batch = session.get_one(RetryBatch, work.payload["batch"])
        if batch.status != "preparing":
            return {"batch": batch.id, "status": batch.status}
        ids = retry_preparing.selected(session, context, batch)
        batch.total = len(ids)
    work.progress(0, len(ids), "comparing the newest records")
    chosen = _chosen(work, ids)
    looked = _look(work, chosen)
    prepared = _prepare(work, batch.id, ids, looked)
    context = work.context()
    with work.transaction() as session:
        batch = retry_preparing.complete(session, context, session.get_one(RetryBatch, batch.id))
        if batch.status == "sending":
            for system in outbox.due_systems(session, utc_now()):
                system_gates.ask_to_send(session, system, utc_now())
    return {
        "batch": batch.id,
        "status": batch.status,
        "waiting": prepared.waiting,
        "awaiting_approval": prepared.awaiting_approval,
        "ready": prepared.ready,
        "skipped": prepared.skipped,
        "not_compared": looked.errors,
    }


def _chosen(work: Work, ids: Sequence[int]) -> list[Chosen]:
    case = ExceptionCase
    columns = (case.id, case.check_code, case.scope, case.fingerprint, case.entity, case.business_key)
    found = []
    with work.reading() as session:
        for some in _chunks(ids):
            rows = session.execute(select(*columns).where(case.id.in_(some)))
            found += [Chosen(*row) for row in rows]
    return found


def _prepare(work: Work, batch_id: int, ids: Sequence[int], looked: Looked) -> Prepared:
    """The outbox, chunk by chunk, each committed: killed in between, the next run does the rest."""
    total = Prepared()
    for number, some in enumerate(_chunks(ids)):
        work.progress(number * CHUNK, len(ids), "preparing")
        context = work.context()
        with work.transaction() as session:
            batch = session.get_one(RetryBatch, batch_id)
            if batch.status != "preparing":  # cancelled meanwhile
                return total
            found = {case_id: looked.found[case_id] for case_id in some if case_id in looked.found}
            total += retry_preparing.prepare(
                session, context, batch, found, case_ids=some, read_at=looked.read_at
            )
    work.progress(len(ids), len(ids), "prepared")
    return total


def _look(work: Work, chosen: Collection[Chosen]) -> Looked:
    """Run the checks of these exceptions again, in their scopes only, as the next comparison would."""
    catalog, looked = work.runtime.catalog, Looked()
    by_check: dict[str, list[Chosen]] = defaultdict(list)
    for each in chosen:
        by_check[each.check].append(each)
    checks = []
    for code in by_check:
        check = catalog.checks.get(code)
        if check is None or not check.enabled or not can_run(catalog, check):
            looked.errors[code] = "it is not a check of this configuration that can run"
        else:
            checks.append(check)
    if checks:
        _compare(work, checks, by_check, looked)
    return looked


def _compare(
    work: Work, checks: Sequence[Check], chosen: Mapping[str, Sequence[Chosen]], looked: Looked
) -> None:
    catalog, settings = work.runtime.catalog, work.runtime.settings
    with work.reading() as session:
        unfinished = runs.unfinished(session)
        facts = runs.facts_of(session, feeds_of(catalog, checks))
        missing = rejects.holding(session, feeds_of(catalog, checks))
    standings = {check.code: standing(catalog, check, facts) for check in checks}
    known = {NETWORK_SCOPE, *catalog.entities}
    scopes = {check.code: sorted({each.scope for each in chosen[check.code]} & known) for check in checks}
    with closing_session(settings.duck_memory, settings.duck_threads) as con:
        comparing = Comparing(con, work.runtime.store, catalog, checks, unfinished, utc_now(), work.go_on)
        findings = comparing.compare(scopes, standings)
        unjudged = unjudged_keys(con, catalog, checks, missing)
    looked.errors |= findings.errors
    read = [at for each in standings.values() if (at := each.earliest) is not None]
    looked.read_at = min(read, default=None)
    for check in checks:
        found = {
            row.fingerprint: row
            for scope in scopes[check.code]
            if (counted := findings.counts.get((check.code, scope))) is not None
            for row in counted.discrepancies
        }
        if check.code not in findings.errors:
            _judge(chosen[check.code], found, standings[check.code], unjudged, looked)


def _judge(
    chosen: Sequence[Chosen],
    found: Mapping[bytes, Discrepancy],
    standing: Standing,
    unjudged: Unjudged,
    looked: Looked,
) -> None:
    """Found: still wrong. Not found: it agrees, if every side was read whole; else nobody can say."""
    for each in chosen:
        if unjudged and unjudged.holds(each.check, each.scope, each.entity, each.business_key, ""):
            looked.errors.setdefault(each.check, "a row of one of the sides was refused")
        elif each.fingerprint in found:
            looked.found[each.id] = found[each.fingerprint]
        elif standing.complete:
            looked.found[each.id] = None
        else:
            looked.errors.setdefault(each.check, "not every side was read whole")


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield list(ids[start : start + CHUNK])
