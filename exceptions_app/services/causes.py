"""Finds what many exceptions follow from: an alias nobody mapped, a conversion nobody knows, a price list.

What a category declares (`caused_by`) is read off the facts of its live exceptions. One cause per distinct key, an
exception of its own through the same intake, so that it has a clock and a trail; those that follow from it are its
children. Reads in `plan`, writes in `report` and `attach`; flushes, never commits.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.catalog.schema import Category, CausedBy
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, fingerprint
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.money import from_e4
from exceptions_app.models import ExceptionCase

from . import incidents
from .audit import AuditTag
from .bulk import in_batches
from .cause_keys import CAUSES_CHECK, CROSSWALK, SYSTEM, CauseKey, Missing, cause_categories
from .context import ActionContext
from .engine import reading
from .fact_sql import fact
from .figures import tell_figures
from .intake_facts import IntakeCounts
from .trail import Trail

__all__ = ["CAUSES_CHECK", "CausePlan", "Child", "attach", "plan", "report"]

LIVE = (Status.OPEN.value, Status.AWAITING_CONFIRMATION.value)
_REFERENCE = 200


@dataclass(frozen=True, slots=True)
class Child:
    """A live exception as far as causes need it; `cause` None: it follows from nothing that is known."""

    id: int
    parent_id: int | None
    cause: CauseKey | None
    worth_e4: int = 0
    since: datetime | None = None


@dataclass(slots=True)
class CausePlan:
    """The causes that hold now, by category, and all exceptions that may follow from one."""

    causes: dict[str, list[Discrepancy]] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    fingerprints: dict[CauseKey, bytes] = field(default_factory=dict)


def plan(session: Session, ctx: ActionContext) -> CausePlan:
    """What holds now. One look at the live exceptions of each category that declares a cause."""
    reading(session)
    planned = CausePlan(causes={code: [] for code in cause_categories(ctx.catalog)})
    least: dict[CauseKey, int] = {}
    children = list(_children(session, ctx.catalog, least))
    groups: dict[CauseKey, list[Child]] = defaultdict(list)
    for child in children:
        if child.cause is not None:
            groups[child.cause].append(child)
    for cause, members in groups.items():
        if len(members) >= least[cause]:
            found = _discrepancy(ctx, cause, members)
            planned.causes[cause.category].append(found)
            planned.fingerprints[cause] = found.fingerprint
    planned.children = children + _left_over(session, ctx.catalog)
    return planned


def report(session: Session, ctx: ActionContext, planned: CausePlan) -> IntakeCounts:
    """Open the causes that are new, close those that are gone, and say of the others what follows from them."""
    counts = IntakeCounts()
    for category, found in planned.causes.items():
        counts += incidents.report(session, ctx, CAUSES_CHECK, category, found)
        tell_figures(session, ctx, found)
    return counts


def changes(session: Session, planned: CausePlan) -> list[tuple[int, int | None]]:
    """(exception, its cause or None) wherever that is not so already. The causes must have been reported."""
    ids: dict[bytes, int] = {}
    for batch in in_batches(set(planned.fingerprints.values())):
        known = select(ExceptionCase.fingerprint, ExceptionCase.id)
        for print_, case_id in session.execute(known.where(ExceptionCase.fingerprint.in_(batch))):
            ids[print_] = case_id
    found = []
    for child in planned.children:
        own = planned.fingerprints.get(child.cause) if child.cause is not None else None
        parent = None if own is None else ids.get(own)
        if parent != child.parent_id:
            found.append((child.id, parent))
    return sorted(found)


def attach(session: Session, ctx: ActionContext, wanted: Sequence[tuple[int, int | None]]) -> int:
    """Make exceptions the children of their causes, or of none. What has ended meanwhile keeps what it has."""
    parents, trail, done = dict(wanted), Trail(ctx), 0
    rows = select(ExceptionCase).where(ExceptionCase.id.in_(parents), ExceptionCase.status.in_(LIVE))
    for case in session.scalars(rows.order_by(ExceptionCase.id).with_for_update()):
        before, case.parent_id = case.parent_id, parents[case.id]
        trail.record(
            case,
            AuditTag.CASE_CAUSE_CHANGED,
            before={"parent_id": before},
            after={"parent_id": case.parent_id},
        )
        done += 1
    session.flush()
    trail.store(session)
    return done


def _children(session: Session, catalog: Catalog, least: dict[CauseKey, int]) -> Iterator[Child]:
    """The live exceptions of categories that declare a cause, each with the first that fits. `least` learns how
    many make each.
    """
    missing, case = Missing(catalog), ExceptionCase
    for category in catalog.categories.values():
        if not category.caused_by:
            continue
        names = _asked(category)
        columns = [fact(session, name).label(f"f{i}") for i, name in enumerate(names)]
        rows = session.execute(
            select(
                case.id, case.parent_id, case.check_code, case.reporting_amount_e4, case.since_at, *columns
            ).where(case.category == category.code, case.status.in_(LIVE))
        )
        seen: dict[tuple[Any, ...], tuple[CauseKey, CausedBy] | None] = {}
        for case_id, parent, check, worth, since, *values in rows:
            asked = (check, *values)
            if asked not in seen:
                seen[asked] = _first(missing, category, check, dict(zip(names, values, strict=True)))
            fitting = seen[asked]
            if fitting is not None:
                least[fitting[0]] = min(fitting[1].at_least, least.get(fitting[0], fitting[1].at_least))
            yield Child(case_id, parent, fitting[0] if fitting else None, worth or 0, since)


def _asked(category: Category) -> list[str]:
    rules = category.caused_by
    sides = {rule.side_fact for rule in rules if rule.side_fact}
    return sorted(sides.union(*((*rule.key.values(), *rule.when) for rule in rules)))


def _first(
    missing: Missing, category: Category, check: str, facts: Mapping[str, str | None]
) -> tuple[CauseKey, CausedBy] | None:
    for rule in category.caused_by:
        cause = missing.cause(check, rule, facts)
        if cause is not None:
            return cause, rule
    return None


def _left_over(session: Session, catalog: Catalog) -> list[Child]:
    """Children whose category no longer declares any cause."""
    declaring = [category.code for category in catalog.categories.values() if category.caused_by]
    case = ExceptionCase
    rows = select(case.id, case.parent_id).where(
        case.parent_id.is_not(None), case.status.in_(LIVE), case.category.not_in(declaring)
    )
    return [Child(case_id, parent, None) for case_id, parent in session.execute(rows)]


def _discrepancy(ctx: ActionContext, cause: CauseKey, members: Sequence[Child]) -> Discrepancy:
    key: dict[str, str] = json.loads(cause.business_key)
    facts = cause_facts(ctx.catalog, key) | figures(len(members), sum(child.worth_e4 for child in members))
    system = key.get(SYSTEM)
    shown = [value for name, value in key.items() if name not in (CROSSWALK, SYSTEM)]
    evidence = canonical({"key": key, "let": {}, "sides": {}, "tolerance": None})
    return Discrepancy(
        fingerprint=fingerprint(
            CAUSES_CHECK, cause.category, NETWORK_SCOPE, [f"{name}={value}" for name, value in key.items()]
        ),
        check=CAUSES_CHECK,
        scope=cause.category,
        category=cause.category,
        entity=NETWORK_SCOPE,
        reference=" / ".join(shown)[:_REFERENCE],
        business_key=cause.business_key,
        lines=(),
        counterparty=ctx.catalog.systems[system].name if system else None,
        facts=canonical(facts),
        evidence=evidence,
        evidence_hash=evidence_hash(evidence),
        amount=None,
        currency=ctx.catalog.site.reporting_currency,
        since=min((child.since for child in members if child.since), default=ctx.now),
    )


def cause_facts(catalog: Catalog, key: Mapping[str, str]) -> dict[str, str]:
    """A cause's key as its sentence says it: systems and crosswalks by their names."""
    facts = dict(key)
    if CROSSWALK in key:
        system = catalog.systems.get(key.get(SYSTEM, ""))
        facts[SYSTEM] = system.name if system else "every system"
        facts[CROSSWALK] = catalog.crosswalk_titles.get(key[CROSSWALK], key[CROSSWALK])
    return facts


def figures(exceptions: int, worth_e4: int) -> dict[str, str]:
    """How many follow from a cause, and what they are worth in the reporting currency."""
    return {"exceptions": str(exceptions), "worth": str(from_e4(worth_e4))}
