"""Fix once: what may be added to the configuration for a cause, who may ask for it, who may put it in force.

A missing entry is added by whoever works on the cause. A wider limit for some admits real differences, so it takes the
business owner of the category, ends by a date, and leaves closed periods alone. Nothing here is in force before
`apply`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, may_work_on, sees_network
from exceptions_app.catalog.additions import (
    Addition,
    CrosswalkAddition,
    ReferenceAddition,
    ToleranceAddition,
    overlaid,
)
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import MatchCheck, ScopedTolerance
from exceptions_app.catalog.verify_causes import is_of
from exceptions_app.domain.cutoffs import Schedule
from exceptions_app.models import CatalogAddition, ExceptionCase, Role, User

from . import additions, tasks
from .acting import NotAllowedError
from .cause_keys import CROSSWALK, SYSTEM
from .check_runs import rules_of
from .context import ActionContext

LONGEST = timedelta(days=366)
"""A wider limit is looked at again at least once a year."""
_LOOK_BACK = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Limit:
    """A tolerance that decides over exceptions of a category: of which check, and what it allows all."""

    check: str
    check_title: str
    tolerance: str
    absolute: Decimal | None
    percent: Decimal | None
    currency: str


def limits_for(catalog: Catalog, category: str) -> list[Limit]:
    """The tolerances by which checks raise a category."""
    found: dict[tuple[str, str], Limit] = {}
    for check in catalog.checks.values():
        if not isinstance(check, MatchCheck) or not check.enabled:
            continue
        for finding in check.findings:
            use = finding.tolerance
            if finding.category == category and use is not None:
                tolerance = check.tolerances[use.name]
                currency = tolerance.currency or catalog.site.reporting_currency
                found[check.code, use.name] = Limit(
                    check.code, check.title, use.name, tolerance.absolute, tolerance.percent,
                    currency if use.format == "money" else "",
                )  # fmt: skip
    return list(found.values())


def last_close(catalog: Catalog, now: datetime) -> datetime | None:
    """The last close cut-off that has passed; what dates from before it belongs to a closed period. None where the
    configuration has none.
    """
    passed: list[datetime] = []
    for cutoff in catalog.cutoffs:
        if cutoff.kind == "close":
            schedule = Schedule(cutoff, catalog.calendar(cutoff.calendar))
            at = schedule.after(now - _LOOK_BACK)
            while at is not None and at <= now:
                passed.append(at)
                at = schedule.after(at)
    return max(passed, default=None)


# -- what is asked for


def entry_for(
    catalog: Catalog, case: ExceptionCase, canonical: str, *, everywhere: bool
) -> CrosswalkAddition:
    """The entry that a cause lacks. Raises `NotAllowedError` in words."""
    key: Mapping[str, str] = json.loads(case.business_key)
    crosswalk = key.get(CROSSWALK)
    if crosswalk is None or crosswalk not in catalog.crosswalks:
        raise NotAllowedError("No crosswalk entry would mend this cause.")
    if not canonical.strip():
        raise NotAllowedError("Say what it is known as here.")
    local = next(value for name, value in key.items() if name not in (CROSSWALK, SYSTEM))
    system = None if everywhere else key.get(SYSTEM) or None
    return CrosswalkAddition(crosswalk=crosswalk, system=system, local=local, canonical=canonical.strip())


def row_for(catalog: Catalog, case: ExceptionCase, given: Mapping[str, str]) -> ReferenceAddition:
    """The row of reference data that a cause lacks, with what a person gives. Raises `NotAllowedError`."""
    wanted = catalog.categories[case.category].supplies if case.category in catalog.categories else None
    if wanted is None:
        raise NotAllowedError("No reference data would mend this cause.")
    key, columns = json.loads(case.business_key), catalog.record_types[wanted.record].columns
    values = {column: str(key[fact]) for column, fact in wanted.columns.items()}
    for name in wanted.ask:
        value, kind = given.get(name, "").strip(), columns[name].type
        label = columns[name].label or name
        if not is_of(kind, value):
            raise NotAllowedError(f"{label}: “{value}” is no {kind}.")
        if kind != "text" and Decimal(value) <= 0:
            raise NotAllowedError(f"{label}: a number over 0.")
        values[name] = value
    return ReferenceAddition(record=wanted.record, values=values)


def limit_for(
    ctx: ActionContext, category: str, *, check: str, tolerance: str, absolute: str, percent: str,
    entity: Sequence[str], counterparty: Sequence[str], until: datetime | None,
) -> ToleranceAddition:  # fmt: skip
    """A wider limit for some. `absolute` and `percent` are as typed; it holds from the last close on."""
    if (check, tolerance) not in {(one.check, one.tolerance) for one in limits_for(ctx.catalog, category)}:
        raise NotAllowedError("That limit does not decide over these exceptions.")
    if until is None or until <= ctx.now:
        raise NotAllowedError("A wider limit needs a day on which it ends.")
    if until > ctx.now + LONGEST:
        raise NotAllowedError("A wider limit ends within a year: it is looked at again then.")
    figures = {"absolute": _figure("amount", absolute), "percent": _figure("percentage", percent)}
    if not any(figures.values()):
        raise NotAllowedError("Give an amount or a percentage.")
    if not entity and not counterparty:
        raise NotAllowedError("Say for whom: a facility, or a supplier.")
    scoped = ScopedTolerance(
        entity=list(entity), counterparty=list(counterparty), **figures, combine="any",
        since=last_close(ctx.catalog, ctx.now), until=until,
    )  # fmt: skip
    return ToleranceAddition(check=check, tolerance=tolerance, scoped=scoped)


def _figure(what: str, text: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        found = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        raise NotAllowedError(f"“{text}” is no {what}.") from None
    if not found.is_finite() or not 0 < found < 10**12:
        raise NotAllowedError(f"The {what} must be over 0.")
    return found


# -- who


def may_ask(viewer: Viewer, catalog: Catalog, addition: Addition, case: ExceptionCase | None) -> bool:
    """Whether the person may have this looked at: they work on the cause, and a wider limit is within their
    entities.
    """
    if not isinstance(addition, ToleranceAddition):
        return case is not None and may_work_on(viewer, case)
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


# -- doing it


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


def said(catalog: Catalog, addition: Addition) -> str:
    """An addition in one line."""
    if isinstance(addition, CrosswalkAddition):
        system = catalog.systems.get(addition.system or "")
        where = system.name if system else "every system"
        return f"{addition.local} of {where} is {addition.canonical}"
    if isinstance(addition, ReferenceAddition):
        record = catalog.record_types.get(addition.record)
        title = record.title if record and record.title else addition.record
        return f"{title}: {', '.join(f'{name} {value}' for name, value in addition.values.items())}"
    scoped = addition.scoped
    figures = [f"{scoped.percent} %"] if scoped.percent is not None else []
    figures = [str(scoped.absolute), *figures] if scoped.absolute is not None else figures
    names = [catalog.entities[code].name if code in catalog.entities else code for code in scoped.entity]
    whom = ", ".join([*scoped.counterparty, *names])
    return f"{addition.tolerance} of {addition.check}: up to {' or '.join(figures)} for {whom}"
