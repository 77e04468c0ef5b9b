"""Signing in, being locked out, and changing what a person may see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.config import Settings
from exceptions_app.models import AuditEvent, Role, User
from exceptions_app.services import people
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.people import LockedOutError, PersonError, SignInError
from tests.conftest import NOW

SETTINGS = Settings(cheap_passwords=True, lockout_after=3, lockout_minutes=15)
PASSWORD = "correct horse battery"


def _try(session: Session, password: str, **later: float) -> User:
    return people.sign_in(session, "ann@example.org", password, NOW + timedelta(**later), SETTINGS)


@pytest.fixture
def ann(user: Callable[..., Any]) -> User:
    person: User = user("specialist", email="ann@example.org")
    return person


def _tags(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEvent.tag).order_by(AuditEvent.id)))


def test_the_right_password_signs_in_however_the_address_is_written(session: Session, ann: User) -> None:
    found = people.sign_in(session, " Ann@Example.ORG ", PASSWORD, NOW, SETTINGS)
    assert found is ann
    assert _tags(session) == ["person:added", "person:signed_in"]


def test_a_wrong_password_an_unknown_and_a_disabled_account_are_told_alike(
    session: Session, ann: User
) -> None:
    said = set()
    for email, password in (("ann@example.org", "wrong"), ("nobody@example.org", PASSWORD)):
        with pytest.raises(SignInError) as refused:
            people.sign_in(session, email, password, NOW, SETTINGS)
        said.add(str(refused.value))
    people.set_scope(session, ann, active=False, by="user:1", now=NOW)
    with pytest.raises(SignInError) as refused:
        _try(session, PASSWORD)
    assert said == {str(refused.value)}


def test_too_many_failures_lock_the_account_for_a_while(session: Session, ann: User) -> None:
    for _ in range(3):
        with pytest.raises(SignInError):
            _try(session, "wrong")
    with pytest.raises(LockedOutError) as locked:
        _try(session, PASSWORD, minutes=14)
    assert locked.value.until == NOW + timedelta(minutes=15)
    assert _try(session, PASSWORD, minutes=15) is ann
    assert (ann.failed_sign_ins, ann.locked_until) == (0, None)
    assert "person:locked_out" in _tags(session)


def test_a_lock_out_that_has_passed_starts_the_count_again(session: Session, ann: User) -> None:
    for _ in range(3):
        with pytest.raises(SignInError):
            _try(session, "wrong")
    with pytest.raises(SignInError) as refused:
        _try(session, "wrong", minutes=20)
    assert not isinstance(refused.value, LockedOutError)
    assert ann.failed_sign_ins == 1


def test_signing_in_ends_the_count_of_failures(session: Session, ann: User) -> None:
    for _ in range(2):
        with pytest.raises(SignInError):
            _try(session, "wrong")
    _try(session, PASSWORD)
    assert ann.failed_sign_ins == 0


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
    assert _try(session, "another long password") is ann
    with pytest.raises(SignInError):
        _try(session, PASSWORD)
