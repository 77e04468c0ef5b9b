"""Who sees which exceptions and sensitive columns, and who may do what: the one place.

Every page, fragment, export and search asks here. Must not know how anything is shown or written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypedDict, TypeVar

from sqlalchemy import ColumnElement

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.money import to_e4
from exceptions_app.models import EVERYTHING, ExceptionCase, Role, User

PUBLIC = "public"
SIGNED_IN = "signed in"

V = TypeVar("V", bound=Callable[..., Any])


class Scope(TypedDict):
    """Queues and entities; None: all of them."""

    queues: list[str] | None
    entities: list[str] | None


class Permission(StrEnum):
    """What a role may do, within the queues and entities of the person."""

    SEE_CASES = "see_cases"
    WORK_CASES = "work_cases"
    ASSIGN_OTHERS = "assign_others"
    WAIVE = "waive"
    WAIVE_MATERIAL = "waive_material"
    EXPORT = "export"
    SEE_INTEGRATION = "see_integration"
    REPEAT_RUNS = "repeat_runs"
    SEE_STORMS = "see_storms"
    DECIDE_STORMS = "decide_storms"
    SEE_RETRIES = "see_retries"
    RETRY = "retry"
    APPROVE_RETRY = "approve_retry"
    SEE_PAYLOAD = "see_payload"
    SEE_AUDIT = "see_audit"
    ADMINISTER = "administer"


_P = Permission
_SEES = frozenset({_P.SEE_CASES, _P.SEE_RETRIES})
_SPECIALIST = _SEES | {_P.WORK_CASES, _P.WAIVE, _P.EXPORT, _P.RETRY}
_STORMS = frozenset({_P.SEE_STORMS, _P.DECIDE_STORMS})
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.SPECIALIST: _SPECIALIST,
    Role.MANAGER: _SPECIALIST
    | {_P.ASSIGN_OTHERS, _P.WAIVE_MATERIAL, _P.SEE_AUDIT, _P.APPROVE_RETRY, _P.SEE_PAYLOAD}
    | _STORMS,
    Role.ANALYST: _SPECIALIST | {_P.SEE_INTEGRATION, _P.REPEAT_RUNS, _P.SEE_PAYLOAD} | _STORMS,
    Role.AUDITOR: _SEES | {_P.EXPORT, _P.SEE_INTEGRATION, _P.SEE_AUDIT, _P.SEE_PAYLOAD, _P.SEE_STORMS},
    Role.ADMINISTRATOR: _SEES | {_P.SEE_INTEGRATION, _P.SEE_AUDIT, _P.ADMINISTER, _P.SEE_STORMS},
}
"""Role -> what it may do. The auditor reads everything in scope and changes nothing."""

_EVERYBODY = frozenset({"public", "internal"})
SENSITIVITIES: dict[Role, frozenset[str]] = {
    Role.SPECIALIST: _EVERYBODY,
    Role.MANAGER: _EVERYBODY | {"hr", "bank"},
    Role.ANALYST: _EVERYBODY,
    Role.AUDITOR: _EVERYBODY | {"hr", "bank"},
    Role.ADMINISTRATOR: _EVERYBODY,
}
"""Role -> the sensitive columns it reads. Patient identifiers are nobody's: they are dropped at the door."""


def needs(requirement: Permission | str) -> Callable[[V], V]:
    """Declare what a view needs: a permission, `SIGNED_IN` or `PUBLIC`. What declares nothing is refused."""

    def declare(view: V) -> V:
        view.requirement = requirement  # type: ignore[attr-defined]
        return view

    return declare


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person as access sees them. `queues` and `entities` None: all of them; entities hold what is
    below.
    """

    user_id: int
    name: str
    role: Role
    queues: frozenset[str] | None
    entities: frozenset[str] | None
    time_zone: str


def viewer_for(user: User, catalog: Catalog) -> Viewer:
    """What this person may see under this configuration."""
    queues = frozenset(q.queue for q in user.queues)
    entities = frozenset(e.entity for e in user.entities)
    below = frozenset(code for entity in entities for code in catalog.below(entity))
    return Viewer(
        user_id=user.id,
        name=user.name,
        role=Role(user.role),
        queues=None if EVERYTHING in queues else queues,
        entities=None if EVERYTHING in entities else below,
        time_zone=user.time_zone,
    )


def visible(viewer: Viewer) -> list[ColumnElement[bool]]:
    """Conditions on `ExceptionCase` that hold for what this person may see."""
    conditions: list[ColumnElement[bool]] = []
    if viewer.queues is not None:
        conditions.append(ExceptionCase.queue.in_(sorted(viewer.queues)))
    if viewer.entities is not None:
        conditions.append(ExceptionCase.entity.in_(sorted(viewer.entities)))
    return conditions


def sees_network(viewer: Viewer, catalog: Catalog) -> bool:
    """Whether every entity is theirs, so that what belongs to none of them is, too."""
    return viewer.entities is None or viewer.entities >= set(catalog.entities)


def sees_case(viewer: Viewer, case: ExceptionCase) -> bool:
    """Whether `visible` holds for one exception that is already loaded."""
    return sees_place(viewer, case.entity, case.queue)


def sees_place(viewer: Viewer, entity: str, queue: str) -> bool:
    """Whether what belongs to an entity and a queue is theirs: an exception, or one that there would be."""
    in_queue = viewer.queues is None or queue in viewer.queues
    return in_queue and (viewer.entities is None or entity in viewer.entities)


def reaches(viewer: Viewer, scope: Scope) -> bool:
    """Whether all of this scope is theirs: what was made for somebody who saw so much."""
    pairs = ((viewer.queues, scope["queues"]), (viewer.entities, scope["entities"]))
    return all(mine is None or (asked is not None and mine >= set(asked)) for mine, asked in pairs)


def scope_of(viewer: Viewer) -> Scope:
    """The person's scope, to be kept with what is made for them."""
    queues, entities = viewer.queues, viewer.entities
    return {
        "queues": None if queues is None else sorted(queues),
        "entities": None if entities is None else sorted(entities),
    }


def can(viewer: Viewer, permission: Permission) -> bool:
    """Whether the person's role may do that at all."""
    return permission in PERMISSIONS[viewer.role]


def may_work_on(viewer: Viewer, case: ExceptionCase) -> bool:
    """Whether the person may change this exception."""
    return can(viewer, Permission.WORK_CASES) and sees_case(viewer, case)


def may_retry(viewer: Viewer, case: ExceptionCase) -> bool:
    """Whether the person may have this exception sent or read again."""
    return can(viewer, Permission.RETRY) and sees_case(viewer, case)


def may_waive(viewer: Viewer, case: ExceptionCase, catalog: Catalog) -> bool:
    """A critical exception, or one over the site's materiality (where it states one), takes a manager."""
    if not (can(viewer, Permission.WAIVE) and sees_case(viewer, case)):
        return False
    limit = to_e4(catalog.site.materiality)
    material = bool(limit) and abs(case.reporting_amount_e4 or 0) > limit
    return not (material or case.severity == "critical") or can(viewer, Permission.WAIVE_MATERIAL)


def sees(viewer: Viewer, sensitivity: str) -> bool:
    """Whether the person may read columns of this sensitivity."""
    return sensitivity in SENSITIVITIES[viewer.role]
