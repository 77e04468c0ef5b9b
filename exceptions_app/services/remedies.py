"""What would mend a cause once, as an addition to the configuration: a missing entry, a missing row, a wider limit for
some. Reads what people typed and says in words what cannot be. Knows nothing of who may ask, and puts nothing in force.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from exceptions_app.catalog.additions import Addition, CrosswalkAddition, ReferenceAddition, ToleranceAddition
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import MatchCheck, ScopedTolerance
from exceptions_app.catalog.verify_causes import is_of
from exceptions_app.domain import wording
from exceptions_app.domain.cutoffs import Schedule
from exceptions_app.models import ExceptionCase

from .acting import NotAllowedError
from .cause_keys import CROSSWALK, SYSTEM
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


def limits_for(catalog: Catalog, category: str, fact: str | None = None) -> list[Limit]:
    """The tolerances by which checks raise a category; with a `fact`, where their findings state it."""
    found: dict[tuple[str, str], Limit] = {}
    for check in catalog.checks.values():
        if not isinstance(check, MatchCheck) or not check.enabled:
            continue
        for finding in check.findings:
            use = finding.tolerance
            stated = fact is None or fact in finding.facts or fact in check.key
            if finding.category == category and use is not None and stated:
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


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would mend a cause: an entry of a crosswalk for `local`, or a row with `ask` to be given."""

    kind: str
    title: str
    local: str = ""
    system: str = ""
    given: tuple[tuple[str, str], ...] = ()
    ask: tuple[tuple[str, str], ...] = ()


def remedy(catalog: Catalog, case: ExceptionCase) -> Remedy | None:
    """What a cause lacks; None where nothing can be added for it."""
    key: Mapping[str, str] = json.loads(case.business_key)
    if key.get(CROSSWALK) in catalog.crosswalks:
        system = catalog.systems.get(key.get(SYSTEM, ""))
        return Remedy(
            "crosswalk", catalog.crosswalk_titles[key[CROSSWALK]], _local(key), system.name if system else ""
        )
    declared = catalog.categories.get(case.category)
    if declared is None or declared.supplies is None:
        return None
    record = catalog.record_types[declared.supplies.record]
    labels = {name: column.label or name for name, column in record.columns.items()}
    given = tuple((labels[name], str(key.get(fact, ""))) for name, fact in declared.supplies.columns.items())
    asked = tuple((name, labels[name]) for name in declared.supplies.ask)
    return Remedy("reference_row", record.title or record.code, given=given, ask=asked)


def canonical_identifiers(catalog: Catalog, case: ExceptionCase, most: int = 500) -> list[str]:
    """What the crosswalk of a cause already leads to, to choose from; empty where it lacks something else."""
    crosswalk = json.loads(case.business_key).get(CROSSWALK, "")
    return sorted(set(catalog.crosswalks.get(crosswalk, {}).values()))[:most]


def _local(key: Mapping[str, str]) -> str:
    return next(value for name, value in key.items() if name not in (CROSSWALK, SYSTEM))


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
    local = _local(key)
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
        if not is_of(columns[name], value):
            raise NotAllowedError(f"{label}: “{value}” is no {kind}.")
        if kind != "text" and Decimal(value) <= 0:
            raise NotAllowedError(f"{label}: a number over 0.")
        values[name] = value
    return ReferenceAddition(record=wanted.record, values=values)


def limit_for(
    ctx: ActionContext, category: str, *, check: str, tolerance: str, absolute: str, percent: str,
    entity: Sequence[str], counterparty: Sequence[str], facts: Mapping[str, str], until: datetime | None,
) -> ToleranceAddition:  # fmt: skip
    """A wider limit for some. `absolute` and `percent` are as typed; it holds from the last close on."""
    known = limits_for(ctx.catalog, category, next(iter(facts), None))
    if (check, tolerance) not in {(one.check, one.tolerance) for one in known}:
        raise NotAllowedError("That limit does not decide over these exceptions.")
    if until is None or until <= ctx.now:
        raise NotAllowedError("A wider limit needs a day on which it ends.")
    if until > ctx.now + LONGEST:
        raise NotAllowedError("A wider limit ends within a year: it is looked at again then.")
    figures = {"absolute": _figure("amount", absolute), "percent": _figure("percentage", percent)}
    if not any(figures.values()):
        raise NotAllowedError("Give an amount or a percentage.")
    if not entity and not counterparty and not facts:
        raise NotAllowedError("Say for whom: a facility, a supplier, or what they have in common.")
    scoped = ScopedTolerance(
        entity=list(entity), counterparty=list(counterparty), **figures, combine="any",
        facts={name: [value] for name, value in facts.items()},
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
    figures = [] if scoped.absolute is None else [_amount(catalog, addition, scoped.absolute)]
    figures += [] if scoped.percent is None else [wording.percent(scoped.percent)]
    names = [catalog.entities[code].name if code in catalog.entities else code for code in scoped.entity]
    facts = [f"{name.replace('_', ' ')} {value}" for name, values in scoped.facts.items() for value in values]
    whom = ", ".join([*scoped.counterparty, *facts, *names])
    check = catalog.checks.get(addition.check)
    limit = f"limit of {addition.tolerance.replace('_', ' ')}"
    return f"{check.title if check else addition.check}, {limit}: up to {' or '.join(figures)} for {whom}"


def _amount(catalog: Catalog, addition: ToleranceAddition, figure: Decimal) -> str:
    """Money in the currency of the limit; anything else as a number."""
    check = catalog.checks.get(addition.check)
    if not isinstance(check, MatchCheck) or addition.tolerance not in check.tolerances:
        return wording.number(figure)
    used = [each.tolerance for each in check.findings if each.tolerance is not None]
    money = any(use.name == addition.tolerance and use.format == "money" for use in used)
    own = check.tolerances[addition.tolerance].currency or catalog.site.reporting_currency
    return wording.money(figure, own) if money else wording.number(figure)
