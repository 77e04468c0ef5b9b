"""A person sees only the queues, entities and sensitive columns that are theirs, and does only what the
role may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission as P
from exceptions_app.access import Viewer, can, may_waive, may_work_on, sees, sees_case, viewer_for, visible
from exceptions_app.models import ExceptionCase, Role

STORMS = {P.SEE_STORMS, P.DECIDE_STORMS}
READER = {P.SEE_CASES, P.SEE_RETRIES, P.SEE_INTEGRATION, P.SEE_AUDIT, P.SEE_STORMS}
SPECIALIST = {P.SEE_CASES, P.SEE_RETRIES, P.WORK_CASES, P.WAIVE, P.EXPORT, P.RETRY}


@pytest.fixture
def viewer(user: Callable[..., Any], catalog: Any) -> Callable[..., Viewer]:
    return lambda *given, **more: viewer_for(user(*given, **more), catalog)


@pytest.mark.parametrize(
    ("queues", "entities", "seen"),
    [
        (("*",), ("*",), {"a", "b", "c", "d"}),
        (("ap",), ("*",), {"a", "b", "d"}),
        (("ap",), ("H01",), {"a"}),
        (("ap", "hr"), ("NET",), {"a", "b", "c"}),
        ((), ("*",), set()),
        (("*",), (), set()),
    ],
)
def test_a_person_sees_their_queues_and_the_entities_below_theirs(
    session: Session, make_case: Callable[..., Any], viewer: Callable[..., Viewer],
    queues: tuple[str, ...], entities: tuple[str, ...], seen: set[str],
) -> None:  # fmt: skip
    make_case(queue="ap", entity="H01", reference="a")
    make_case(queue="ap", entity="H02", reference="b")
    make_case(queue="hr", entity="H01", reference="c")
    make_case(queue="ap", entity="*", reference="d")
    person = viewer("specialist", queues=queues, entities=entities)
    found = session.scalars(select(ExceptionCase).where(*visible(person))).all()
    assert {case.reference for case in found} == seen
    every = session.scalars(select(ExceptionCase)).all()
    assert {case.reference for case in every if sees_case(person, case)} == seen


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.SPECIALIST, SPECIALIST),
        (
            Role.MANAGER,
            SPECIALIST
            | STORMS
            | {P.ASSIGN_OTHERS, P.WAIVE_MATERIAL, P.SEE_AUDIT, P.APPROVE_RETRY, P.SEE_PAYLOAD},
        ),
        (Role.ANALYST, SPECIALIST | STORMS | {P.SEE_INTEGRATION, P.REPEAT_RUNS, P.SEE_PAYLOAD}),
        (Role.AUDITOR, READER | {P.EXPORT, P.SEE_PAYLOAD}),
        (Role.ADMINISTRATOR, READER | {P.ADMINISTER}),
    ],
)
def test_each_role_may_do_exactly_this(viewer: Callable[..., Viewer], role: Role, may: set[P]) -> None:
    person = viewer(role)
    assert {permission for permission in P if can(person, permission)} == may


def test_an_auditor_changes_nothing_even_in_scope(
    make_case: Callable[..., Any], viewer: Callable[..., Viewer]
) -> None:
    assert sees_case(viewer("auditor"), make_case())
    assert not may_work_on(viewer("auditor"), make_case())


@pytest.mark.parametrize(("role", "allowed"), [("specialist", False), ("manager", True), ("auditor", False)])
def test_what_is_critical_takes_a_manager_to_waive(
    make_case: Callable[..., Any], viewer: Callable[..., Viewer], catalog: Any, role: str, allowed: bool
) -> None:
    assert may_waive(viewer(role), make_case(severity="critical"), catalog) is allowed


@pytest.mark.parametrize(
    ("role", "sensitive"),
    [
        ("specialist", set()),
        ("manager", {"hr", "bank"}),
        ("auditor", {"hr", "bank"}),
        ("administrator", set()),
    ],
)
def test_sensitive_columns_are_for_who_needs_them_and_patients_for_nobody(
    viewer: Callable[..., Viewer], role: str, sensitive: set[str]
) -> None:
    person = viewer(role)
    found = {each for each in ("public", "internal", "hr", "bank", "patient") if sees(person, each)}
    assert found == {"public", "internal"} | sensitive
