"""Shows what an addition to the configuration would do: the affected flows are compared twice over the newest
records, as they are and with it, and what differs is told. Nothing is taken in, and nothing is put in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select

from exceptions_app.catalog.additions import Addition, overlaid
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.lifecycle import Status
from exceptions_app.duck import closing_session
from exceptions_app.models import ExceptionCase
from exceptions_app.services import check_runs, fix_once, rejects, runs
from exceptions_app.services.bulk import in_batches, is_one_of
from exceptions_app.services.live_lines import live_lines
from exceptions_app.services.placing import Placing

from .comparing import Comparing
from .flows import can_run, feeds_of, standing
from .unjudged import unjudged_keys
from .work import Work

SAMPLE = 50
_LIVE = (Status.OPEN.value, Status.AWAITING_CONFIRMATION.value)
_ADDITION: TypeAdapter[Any] = TypeAdapter(Addition)


@dataclass(slots=True)
class _Found:
    """What one comparison found, by fingerprint; `partial`: checks of which nothing absent can be said."""

    rows: dict[bytes, Discrepancy] = field(default_factory=dict)
    partial: dict[str, str] = field(default_factory=dict)


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `preview` tasks; payload `{"addition": …}`. The result says what would clear, open, change."""
    now = work.runtime.catalog
    after, aside = overlaid(now, [_ADDITION.validate_python(work.payload["addition"])])
    flows = fix_once.affected_flows(now, after)
    if aside[0] or not flows:
        return {"refused": aside[0] or "it changes nothing that any check looks at", "flows": []}
    work.progress(0, 2, "comparing the newest records as they are")
    before = _compare(work, now, flows)
    work.progress(1, 2, "comparing them with the addition")
    then = _compare(work, after, flows)
    partial = before.partial | then.partial
    gone = [
        row for print_, row in before.rows.items() if print_ not in then.rows and row.check not in partial
    ]
    new = [row for print_, row in then.rows.items() if print_ not in before.rows and row.check not in partial]
    changed = [
        row
        for print_, row in then.rows.items()
        if print_ in before.rows and before.rows[print_].evidence_hash != row.evidence_hash
    ]
    return {
        "flows": flows,
        "clear": _live_cases(work, gone),
        "change": _live_cases(work, changed),
        "open": _would_open(after, new),
        "partial": partial,
    }


def _compare(work: Work, catalog: Catalog, flows: Iterable[str]) -> _Found:
    """What a comparison of these flows would take in under a configuration, as `reconcile` does it."""
    found = _Found()
    for flow in flows:
        _compare_flow(work, catalog, flow, found)
    return found


def _compare_flow(work: Work, catalog: Catalog, flow: str, found: _Found) -> None:
    settings = work.runtime.settings
    checks = [check for check in catalog.checks_in(flow) if can_run(catalog, check)]
    codes = [check.code for check in checks]
    with work.reading() as session:
        unfinished = runs.unfinished(session)
        facts = runs.facts_of(session, feeds_of(catalog, checks))
        missing = rejects.holding(session, feeds_of(catalog, checks))
        with_cases = check_runs.scopes_with_cases(session, codes)
        live = live_lines(session, codes)
    standings = {check.code: standing(catalog, check, facts) for check in checks}
    with closing_session(settings.duck_memory, settings.duck_threads) as con:
        comparing = Comparing(con, work.runtime.store, catalog, checks, unfinished, utc_now(), work.go_on)
        entities = comparing.entities()
        scopes = {c.code: comparing.scopes(c, entities, with_cases.get(c.code, ())) for c in checks}
        findings = comparing.compare(scopes, standings)
        unjudged = unjudged_keys(con, catalog, checks, missing)
        if unjudged:
            comparing.leave_unjudged(findings, unjudged.drops)
        blind = {code for code in codes if code in findings.errors or not standings[code].complete}
        if blind or unjudged:
            comparing.hold_back(findings, live, lambda one: one.check in blind or unjudged.covers(one))
    found.rows |= {row.fingerprint: row for rows in findings.primary.values() for row in rows}
    titles = {check.code: check.title for check in checks}
    found.partial |= {code: f"{titles[code]}: not every side was read whole" for code in sorted(blind)}
    found.partial |= findings.errors


def _live_cases(work: Work, found: Iterable[Discrepancy]) -> dict[str, Any]:
    """The live exceptions behind some findings: how many, worth what, by category, and the ids of all."""
    prints = [row.fingerprint for row in found]
    case, ids, worth = ExceptionCase, [], 0
    by_category: dict[str, int] = {}
    with work.reading() as session:
        for batch in in_batches(prints):
            wanted = (is_one_of(session, case.fingerprint, batch), case.status.in_(_LIVE))
            rows = select(case.id, case.category, case.reporting_amount_e4).where(*wanted)
            for case_id, category, amount in session.execute(rows.order_by(case.id)):
                ids.append(case_id)
                worth += amount or 0
                by_category[category] = by_category.get(category, 0) + 1
    return {"count": len(ids), "worth_e4": worth, "by_category": by_category, "ids": ids}


def _would_open(catalog: Catalog, found: Iterable[Discrepancy]) -> dict[str, Any]:
    """What would be new: how many, worth what, by category, and the first of them."""
    placing, worth, count = Placing(catalog, utc_now()), 0, 0
    sample: list[dict[str, Any]] = []
    by_category: dict[str, int] = {}
    for row in sorted(found, key=lambda row: abs(row.amount or Decimal(0)), reverse=True):
        count += 1
        amounts = placing.amounts(row)
        worth += amounts.reporting_e4 or 0
        by_category[row.category] = by_category.get(row.category, 0) + 1
        if len(sample) < SAMPLE:
            sample.append({
                "category": row.category, "entity": row.entity, "queue": placing.queue(row, amounts.reporting_e4),
                "reference": row.reference, "sentence": placing.sentence(row), "worth_e4": amounts.reporting_e4,
            })  # fmt: skip
    return {"count": count, "worth_e4": worth, "by_category": by_category, "sample": sample}
