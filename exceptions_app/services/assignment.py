"""Gives exceptions that nobody has to people, by the rules of the configuration. Flushes, never commits.

Only what is open, running and without an owner, so that what a person did is never undone. Everything it does is in the
trail as an assignment by the job, with the rule that said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, may_work_on, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Assignment
from exceptions_app.domain import assigning, routing
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.money import from_e4
from exceptions_app.models import EVERYTHING, CaseHandBack, ExceptionCase, Role, User

from . import bulk
from .audit import AuditTag
from .context import ActionContext
from .trail import Trail

PORTION = 500
"""Exceptions of one transaction."""
_LIVE = (Status.OPEN.value, Status.AWAITING_CONFIRMATION.value)
_THE_WHOLE_NETWORK = 1_000_000
"""As a breadth: wider than any list of entities."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What one transaction did: how many were looked at and given to somebody, and where the next goes on."""

    given: int
    last_id: int
    more: bool


@dataclass(slots=True)
class _Person:
    user: User
    viewer: Viewer
    everything: bool
    open_now: int

    def candidate(self, knows: int) -> assigning.Candidate:
        breadth = len(self.viewer.entities) if self.viewer.entities is not None else _THE_WHOLE_NETWORK
        return assigning.Candidate(self.user.id, self.open_now, self.user.turn, breadth, knows)


def assign_waiting(session: Session, ctx: ActionContext, after_id: int = 0) -> Portion:
    """The next exceptions with an id above `after_id` that nobody has."""
    if not ctx.catalog.assignment:
        return Portion(0, after_id, more=False)
    cases = list(session.scalars(_waiting(ctx.catalog, after_id)))
    if not cases:
        return Portion(0, after_id, more=False)
    given = _Giving(session, ctx, cases).give()
    return Portion(given, cases[-1].id, more=len(cases) == PORTION)


def _waiting(catalog: Catalog, after_id: int) -> Any:
    named = [rule.queue for rule in catalog.assignment]
    conditions: list[ColumnElement[bool]] = [
        ExceptionCase.status == Status.OPEN.value, ExceptionCase.owner_id.is_(None),
        ExceptionCase.on_hold.is_(False), ExceptionCase.id > after_id,
    ]  # fmt: skip
    if all(named):
        conditions.append(ExceptionCase.queue.in_(sorted({queue for queues in named for queue in queues})))
    rows = select(ExceptionCase).where(*conditions).order_by(ExceptionCase.id).limit(PORTION)
    return rows.with_for_update(skip_locked=True).execution_options(populate_existing=True)


class _Giving:
    """One portion, under the rules, the people and the work of this moment."""

    def __init__(self, session: Session, ctx: ActionContext, cases: Sequence[ExceptionCase]) -> None:
        self._session, self._ctx, self._cases = session, ctx, cases
        self._trail = Trail(ctx)
        self._people = _people(session, ctx)
        self._handed_back = _handed_back(session, cases)
        self._knows = _knows(session, ctx.catalog, cases)

    def give(self) -> int:
        """How many somebody has now."""
        given = 0
        for case in self._cases:
            rule = _rule(self._ctx.catalog, case)
            person = self._chosen(rule, case) if rule is not None else None
            if rule is not None and person is not None:
                self._own(case, person, rule)
                given += 1
        self._session.flush()
        self._trail.store(self._session)
        return given

    def _chosen(self, rule: Assignment, case: ExceptionCase) -> _Person | None:
        fitting = {
            one.user.id: one
            for one in self._people
            if _is_meant(rule, one)
            and may_work_on(one.viewer, case)
            and (case.id, one.user.id, case.cycle) not in self._handed_back
        }
        known = [one.candidate(self._knows[case.counterparty or "", one.user.id]) for one in fitting.values()]
        found = assigning.choose(rule.by, known, rule.at_most)
        return None if found is None else fitting[found.user_id]

    def _own(self, case: ExceptionCase, person: _Person, rule: Assignment) -> None:
        case.owner_id = person.user.id
        case.version += 1
        case.config_snapshot_id = self._ctx.snapshot_id
        person.open_now += 1
        self._knows[case.counterparty or "", person.user.id] += bool(case.counterparty)
        person.user.turn = max(one.user.turn for one in self._people) + 1
        self._trail.record(
            case, AuditTag.CASE_ASSIGNED, before={"owner_id": None},
            after={"owner_id": person.user.id, "rule": rule.code},
        )  # fmt: skip


def _rule(catalog: Catalog, case: ExceptionCase) -> Assignment | None:
    """The first that fits."""
    amount = None if case.reporting_amount_e4 is None else from_e4(case.reporting_amount_e4)
    path = frozenset(catalog.ancestors(case.entity)) | {case.entity}
    subject = routing.Subject(case.category, path, case.severity, amount, case.queue)
    return routing.policy(subject, catalog.assignment)


def _is_meant(rule: Assignment, one: _Person) -> bool:
    """People of the rule's function; without one, specialists whose queues and entities are listed one by one."""
    if rule.function:
        return (one.user.function or "").casefold() == rule.function.casefold()
    return one.viewer.role is Role.SPECIALIST and not one.everything


def _people(session: Session, ctx: ActionContext) -> list[_Person]:
    """Who may be given work now, with how much they have."""
    counted = (
        select(ExceptionCase.owner_id, func.count())
        .where(ExceptionCase.status.in_(_LIVE), ExceptionCase.owner_id.is_not(None))
        .group_by(ExceptionCase.owner_id)
    )
    open_now = {owner or 0: count for owner, count in session.execute(counted)}
    found = []
    for user in session.scalars(select(User).where(User.active.is_(True)).order_by(User.id)):
        viewer = viewer_for(user, ctx.catalog)
        is_away = user.away_until is not None and user.away_until > ctx.now
        if not is_away and can(viewer, Permission.WORK_CASES):
            everything = EVERYTHING in {each.queue for each in user.queues}
            found.append(_Person(user, viewer, everything, open_now.get(user.id, 0)))
    return found


def _handed_back(session: Session, cases: Iterable[ExceptionCase]) -> set[tuple[int, int, int]]:
    """(exception, person, cycle) of what people gave back."""
    ids = [case.id for case in cases]
    rows = select(CaseHandBack.case_id, CaseHandBack.user_id, CaseHandBack.cycle)
    wanted = rows.where(bulk.is_one_of(session, CaseHandBack.case_id, ids))
    return {(case_id, user_id, cycle) for case_id, user_id, cycle in session.execute(wanted)}


def _knows(session: Session, catalog: Catalog, cases: Collection[ExceptionCase]) -> Counter[tuple[str, int]]:
    """How many exceptions of each counterparty each person has or had, where a rule asks for it."""
    names = sorted({case.counterparty for case in cases if case.counterparty})
    if not names or all(rule.by != "supplier" for rule in catalog.assignment):
        return Counter()
    rows = (
        select(ExceptionCase.counterparty, ExceptionCase.owner_id, func.count())
        .where(
            bulk.is_one_of(session, ExceptionCase.counterparty, names), ExceptionCase.owner_id.is_not(None)
        )
        .group_by(ExceptionCase.counterparty, ExceptionCase.owner_id)
    )
    return Counter({(name or "", owner or 0): count for name, owner, count in session.execute(rows)})
