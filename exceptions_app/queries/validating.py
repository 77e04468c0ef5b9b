"""Whether a record, before it is written anywhere, would break a check, be there twice or miss a crosswalk.

The checks that read such records are run over what is known, once as it is and once with the record in it (`trying`):
what the record changes is what is told. Nothing is stored, no exception is opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check, ClusterCheck, MatchCheck
from exceptions_app.config import Settings
from exceptions_app.domain import wording
from exceptions_app.domain.clock import business_days_before
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.reconcile.errors import CheckError
from exceptions_app.reconcile.parameters import RunParameters
from exceptions_app.records.candidate import Candidate
from exceptions_app.records.store import RecordStore
from exceptions_app.services import runs

from .trying import Trial, scope_of, trying


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that is wrong with the record. Kind: value, crosswalk, exists, duplicate, check."""

    kind: str
    said: str
    column: str = ""
    suggestion: str = ""
    check: str = ""
    category: str = ""
    severity: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What can be said of a record: objections, the checks that were run, and why others were not."""

    objections: list[Objection] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)


def judge(
    session: Session, settings: Settings, store: RecordStore, candidate: Candidate, *, new: bool
) -> Judgement:
    """All that is wrong with it. `new`: it is to be added, so that one that is there already is wrong, too."""
    unfinished = runs.unfinished(session)  # before the record store is opened
    checks = _checks(candidate.catalog, candidate)
    with trying(settings, store, candidate, checks, unfinished) as trial:
        objections = [
            Objection("value", f.said, f.column, f.suggestion) for f in candidate.misfits(trial.con)
        ]
        objections += [
            Objection("crosswalk", f.said, f.column, f.suggestion) for f in candidate.untranslated()
        ]
        if any(one.kind == "value" for one in objections):
            return Judgement(objections, [], {check.code: "the record cannot be read" for check in checks})
        judged = Judgement(objections)
        for scope in sorted({scope_of(check, candidate) for check in checks} | {candidate.entity}, key=str):
            trial.open(scope)
            if scope == candidate.entity:
                judged.objections.extend(_twice(trial.con, candidate, new=new))
            for check in checks:
                if scope_of(check, candidate) == scope:
                    _run(trial, session, check, judged)
    return judged


def _checks(catalog: Catalog, candidate: Candidate) -> list[Check]:
    """The enabled checks one of whose sides reads such records of this system."""
    found = []
    for check in catalog.checks.values():
        sides = [""] if isinstance(check, ClusterCheck) else list(check.sides)
        feeds = [feed for side in sides for feed in catalog.side_feeds(check, side)]
        mine = (candidate.record_type, candidate.system)
        if check.enabled and mine in {(feed.record_type, feed.system) for feed in feeds}:
            found.append(check)
    return found


def _twice(con: DuckDBPyConnection, candidate: Candidate, *, new: bool) -> list[Objection]:
    """What is there already: under this key, or the same under another."""
    name = candidate.catalog.systems[candidate.system].name
    found = []
    if new and candidate.is_there(con):
        found.append(Objection("exists", f"{name} already has a record with this key"))
    twins = candidate.twins(con)
    return found + [Objection("duplicate", f"the same is known as {twin}", reference=twin) for twin in twins]


def _run(trial: Trial, session: Session, check: Check, judged: Judgement) -> None:
    """What is new or changed with the record is its doing."""
    catalog = trial.candidate.catalog
    parameters = _parameters(session, trial.candidate, check, scope_of(check, trial.candidate))
    try:
        found = trial.found(check, parameters)
    except CheckError as error:
        judged.not_run[check.code] = str(error)
        return
    judged.checks.append(check.code)
    judged.objections.extend(_objection(catalog, one) for one in found)


def _objection(catalog: Catalog, found: Discrepancy) -> Objection:
    category = catalog.categories[found.category]
    facts: dict[str, Any] = json.loads(found.facts)
    said = wording.render(category.sentence, facts, found.currency)
    return Objection(
        "check", said, check=found.check, category=found.category, severity=category.severity,
        reference=found.reference,
    )  # fmt: skip


def _parameters(session: Session, candidate: Candidate, check: Check, entity: str | None) -> RunParameters:
    catalog, now = candidate.catalog, candidate.now
    queue = catalog.categories[check.categories[0]].queue
    calendar = (
        catalog.calendar(catalog.queues[queue].calendar)
        if entity is None
        else catalog.calendar_for(entity, queue)
    )
    read = _read_through(session, catalog, check)
    return RunParameters(now, lambda days: business_days_before(now, days, calendar), read)


def _read_through(session: Session, catalog: Catalog, check: Check) -> Mapping[str, datetime | None]:
    """Until when each side and look-up is known; nothing is missing in what was never read."""
    if not isinstance(check, MatchCheck):
        return {}
    feeds = {name: catalog.side_feeds(check, name) for name in check.sides}
    feeds |= {
        f"{name}.{code}": catalog.sources_of(one.record, one.kind)
        for name, side in check.sides.items()
        for code, one in side.lookups.items()
    }
    facts = runs.facts_of(session, {feed.code for some in feeds.values() for feed in some})
    found: dict[str, datetime | None] = {}
    for name, some in feeds.items():
        times = [facts[feed.code].read_through for feed in some]
        known = [time for time in times if time is not None]
        found[name] = min(known) if known and len(known) == len(times) else None
    return found
