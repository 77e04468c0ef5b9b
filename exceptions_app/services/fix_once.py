"""Fix once: who may ask for an addition to the configuration, who may put it in force, and doing so.

A missing entry is added by whoever works on the cause. A wider limit for some admits real differences, so it takes the
business owner of the category, ends by a date, and leaves closed periods alone. Nothing here is in force before
`apply`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, may_work_on, sees_network
from exceptions_app.catalog.additions import Addition, ToleranceAddition, overlaid
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import CatalogAddition, ExceptionCase, Role, User

from . import additions, tasks
from .acting import NotAllowedError
from .check_runs import rules_of
from .context import ActionContext
from .remedies import said


def may_fix(viewer: Viewer, case: ExceptionCase) -> bool:
    """Whether the person may have a missing entry looked at, and add it: they work on the cause."""
    return may_work_on(viewer, case)


def may_ask(viewer: Viewer, catalog: Catalog, addition: Addition, case: ExceptionCase | None) -> bool:
    """Whether the person may have this looked at: they work on the cause, and a wider limit is within their
    entities.
    """
    if not isinstance(addition, ToleranceAddition):
        return case is not None and may_fix(viewer, case)
    if not can(viewer, Permission.WORK_CASES):
        return False
    scope = addition.scoped.entity
    return sees_network(viewer, catalog) or (
        bool(scope) and viewer.entities is not None and viewer.entities >= set(scope)
    )


def owns(person: User, catalog: Catalog, category: str) -> bool:
    """Whether the person answers for the category: its owner by function, or the manager whom its queue's breaches
    reach.
    """
    declared, function = catalog.categories.get(category), (person.function or "").strip().casefold()
    if declared is None or not function:
        return False
    if function == declared.owner.strip().casefold():
        return True
    escalation = catalog.queues[declared.queue].escalation.strip().casefold()
    return person.role == Role.MANAGER and function == escalation


def may_apply(
    viewer: Viewer,
    person: User,
    catalog: Catalog,
    addition: Addition,
    case: ExceptionCase | None,
    category: str,
) -> bool:
    """Whether the person may put it in force."""
    if not may_ask(viewer, catalog, addition, case):
        return False
    return not isinstance(addition, ToleranceAddition) or owns(person, catalog, category)


def affected_flows(before: Catalog, after: Catalog) -> list[str]:
    """The flows of the enabled checks that find something else under the other configuration."""
    old, new = json.loads(before.to_json()), json.loads(after.to_json())
    changed = [
        check.flow
        for check in after.checks.values()
        if check.enabled and rules_of(old, check) != rules_of(new, check)
    ]
    return list(dict.fromkeys(changed))


def apply(
    session: Session, ctx: ActionContext, base: Catalog, addition: Addition, *, reason: str, asked_by: int,
    approved_by: int, expires_at: datetime | None, case_id: int | None,
) -> tuple[CatalogAddition, list[str]]:  # fmt: skip
    """Put it in force, and ask for the checks to be run now; the flows that will be compared. `base` is what the
    files say. Raises `NotAllowedError` where it is in force already, or no longer fits.
    """
    if not reason.strip():
        raise NotAllowedError("Say why.")
    if expires_at is not None and expires_at <= ctx.now:
        raise NotAllowedError("The day until which it was to hold has passed. Ask for it anew.")
    after, aside = overlaid(ctx.catalog, [addition])
    if aside[0]:
        raise NotAllowedError(f"It cannot be added: {aside[0]}.")
    if after.digest == ctx.catalog.digest:
        raise NotAllowedError("That is in force already.")
    row = additions.put_in_force(
        session, ctx, base, addition, summary=said(ctx.catalog, addition), reason=reason.strip(),
        asked_by=asked_by, approved_by=approved_by, expires_at=expires_at, case_id=case_id,
    )  # fmt: skip
    flows = affected_flows(ctx.catalog, after)
    compare(session, ctx, flows)
    return row, flows


def withdraw(
    session: Session, ctx: ActionContext, base: Catalog, row: CatalogAddition, *, by: int, why: str
) -> list[str]:
    """Take it out of force, and ask for the checks to be run now. Raises `NotAllowedError`."""
    if not why.strip():
        raise NotAllowedError("Say why it is withdrawn.")
    if not additions.withdraw(session, ctx, base, row, by=by, why=why.strip()):
        raise NotAllowedError("It is withdrawn already.")
    after = additions.catalog_with(base, additions.in_force(session, ctx.now))
    flows = affected_flows(ctx.catalog, after)
    compare(session, ctx, flows)
    return flows


def compare(session: Session, ctx: ActionContext, flows: Iterable[str]) -> None:
    """Have these flows compared next."""
    for flow in flows:
        tasks.request(
            session, "reconcile", f"reconcile:{flow}", {"flow": flow}, ctx.actor.id, ctx.now,
            correlation_id=ctx.correlation_id,
        )  # fmt: skip
