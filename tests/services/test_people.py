"""Adding people, changing what they may see, giving them passwords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import AuditEvent, Role, User
from exceptions_app.services import passwords, people
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.people import PersonError
from tests.conftest import NOW

PASSWORD = "correct horse battery"


@pytest.fixture
def ann(user: Callable[..., Any]) -> User:
    person: User = user("specialist", email="ann@example.org")
    return person


def _tags(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEvent.tag).order_by(AuditEvent.id)))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"email": "nowhere"}, "email"),
        ({"email": "ann@example.org"}, "already"),
        ({"name": " "}, "name"),
        ({"password": "short"}, "12 characters"),
        ({"time_zone": "Mars/Olympus"}, "time zone"),
    ],
)
def test_a_person_that_cannot_be_added_is_refused_with_why(
    session: Session, ann: User, user: Callable[..., Any], given: dict[str, str], why: str
) -> None:
    with pytest.raises(PersonError, match=why):
        user("specialist", **given)


def test_a_changed_scope_leaves_before_and_after(session: Session, ann: User) -> None:
    people.set_scope(session, ann, role=Role.MANAGER, queues=["ap"], entities=["H01"], by="user:1", now=NOW)
    session.expire_all()
    assert (ann.role, [q.queue for q in ann.queues], [e.entity for e in ann.entities]) == (
        "manager",
        ["ap"],
        ["H01"],
    )
    people.set_scope(session, ann, queues=["ap"], by="user:1", now=NOW)
    assert _tags(session) == ["person:added", "person:changed"]
    assert verify(session) == []


def test_a_new_password_replaces_the_old_one(session: Session, ann: User) -> None:
    people.set_password(session, ann, "another long password", by="user:1", now=NOW, cheap=True)
    assert passwords.matches(ann.password_hash, "another long password", True)
    assert not passwords.matches(ann.password_hash, PASSWORD, True)


def test_a_new_password_ends_every_session_and_a_new_scope_none(session: Session, ann: User) -> None:
    before = ann.get_id()
    people.set_scope(session, ann, role=Role.MANAGER, by="user:1", now=NOW)
    assert ann.get_id() == before
    people.set_password(session, ann, PASSWORD, by="user:1", now=NOW, cheap=True)  # the same, said again
    assert ann.get_id() != before
    assert before.startswith(f"{ann.id}.")
