"""Signing in and being locked out: alike for an address with an account and for one without."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.config import Settings
from exceptions_app.models import AuditEvent, UnknownSignIn, User
from exceptions_app.services import passwords, people, signing_in
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.signing_in import LockedOutError, PasswordMovedError, SignInError
from tests.conftest import NOW, Database

SETTINGS = Settings(cheap_passwords=True, lockout_after=3, lockout_minutes=15)
PASSWORD = "correct horse battery"
ANN, NOBODY = "ann@example.org", "nobody@example.org"


def _try(session: Session, password: str, email: str = ANN, **later: float) -> User:
    """As the page does it: what only read has ended before anything is written."""
    now = NOW + timedelta(**later)
    session.commit()
    made = signing_in.attempt(session, email, password, now, SETTINGS)
    session.rollback()
    try:
        return signing_in.sign_in(session, made, now, SETTINGS)
    finally:
        session.commit()


@pytest.fixture
def ann(session: Session, user: Callable[..., Any]) -> User:
    person: User = user("specialist", email=ANN)
    session.commit()
    return person


def _tags(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEvent.tag).order_by(AuditEvent.id)))


def test_an_ended_session_is_remembered_while_a_cookie_of_it_may_live(session: Session, ann: User) -> None:
    half_a_day = timedelta(hours=12)
    for hours, ended in ((0, "a"), (6, "bb"), (12, "c")):
        signing_in.sign_out(session, ann.id, ended, NOW + timedelta(hours=hours), half_a_day)
    session.commit()
    assert [ann.has_ended(each) for each in ("a", "b", "bb", "c", "cc", "")] == [
        True,
        False,
        True,
        True,
        False,
        True,
    ]
    signing_in.sign_out(session, ann.id, "d", NOW + timedelta(hours=14), half_a_day)
    assert [ann.has_ended(each) for each in ("a", "bb", "d")] == [False, True, True]
    assert _tags(session)[-1] == "person:signed_out"


def test_the_right_password_signs_in_however_the_address_is_written(session: Session, ann: User) -> None:
    found = _try(session, PASSWORD, " Ann@Example.ORG ")
    assert found is ann
    assert _tags(session) == ["person:added", "person:signed_in"]


def test_a_wrong_password_an_unknown_and_a_disabled_account_are_told_alike(
    session: Session, ann: User
) -> None:
    said = set()
    for email, password in ((ANN, "wrong"), (NOBODY, PASSWORD)):
        with pytest.raises(SignInError) as refused:
            _try(session, password, email)
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


@pytest.mark.parametrize("password", ["wrong", PASSWORD])
def test_an_address_without_an_account_is_counted_locked_and_freed_like_one_with(
    session: Session, ann: User, password: str
) -> None:
    def answers(email: str) -> list[tuple[type[SignInError], str]]:
        given = []
        for minutes in (0, 1, 2, 3, 16, 17, 18, 19):
            with pytest.raises(SignInError) as refused:
                _try(session, password if email == NOBODY else "wrong", email, minutes=minutes)
            given.append((refused.type, str(refused.value)))
        return given

    said = answers(NOBODY)
    assert said == answers(ANN)
    assert [kind is LockedOutError for kind, _ in said] == [
        False,
        False,
        False,
        True,
        True,
        False,
        False,
        False,
    ]
    assert verify(session) == []


def test_the_password_is_looked_at_as_long_for_an_address_without_an_account(
    session: Session, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def matches(known: str, password: str, cheap: bool) -> bool:
        checked.append(known)
        return False

    monkeypatch.setattr(passwords, "matches", matches)
    for email in (ANN, NOBODY):
        with pytest.raises(SignInError):
            _try(session, PASSWORD, email)
    assert checked == [ann.password_hash, passwords.decoy(True)]


def test_others_write_while_a_password_is_looked_at(
    session: Session, ann: User, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    matches = passwords.matches

    def slowly(known: str, password: str, cheap: bool) -> bool:
        with Session(database.engine) as other:
            other.get_one(User, ann.id).theme = "dark"
            other.commit()
        return matches(known, password, cheap)

    monkeypatch.setattr(passwords, "matches", slowly)
    assert _try(session, PASSWORD).theme == "dark"


def test_a_password_that_was_replaced_while_it_was_looked_at_signs_nobody_in(
    session: Session, ann: User
) -> None:
    made = signing_in.attempt(session, ANN, PASSWORD, NOW, SETTINGS)
    session.rollback()
    people.set_password(session, ann, "another long password", by="user:1", now=NOW, cheap=True)
    session.commit()
    with pytest.raises(SignInError):
        signing_in.sign_in(session, made, NOW, SETTINGS)


def test_of_two_who_sign_in_at_once_the_second_is_looked_at_again_where_the_first_renewed_the_hash(
    session: Session, ann: User
) -> None:
    settings = Settings(cheap_passwords=True)
    made = signing_in.attempt(session, ANN, PASSWORD, NOW, settings)
    session.rollback()
    ann.password_hash = passwords.hashed(PASSWORD, True)
    session.commit()
    with pytest.raises(PasswordMovedError):
        signing_in.sign_in(session, made, NOW, settings)
    session.rollback()
    assert (_try(session, PASSWORD), ann.failed_sign_ins) == (ann, 0)


def test_guesses_made_at_once_are_all_counted(session: Session, ann: User) -> None:
    made = [signing_in.attempt(session, ANN, word, NOW, SETTINGS) for word in ("a", "b", "c", PASSWORD)]
    session.rollback()
    for guess in made[:3]:
        with pytest.raises(SignInError):
            signing_in.sign_in(session, guess, NOW, SETTINGS)
    with pytest.raises(LockedOutError):
        signing_in.sign_in(session, made[3], NOW, SETTINGS)


def test_failures_at_addresses_without_an_account_are_forgotten_and_never_kept_in_clear(
    session: Session,
) -> None:
    for days, email in enumerate(("my password", NOBODY)):
        with pytest.raises(SignInError):
            _try(session, "wrong", email, days=100 * days)
    assert session.scalar(select(func.count()).select_from(UnknownSignIn)) == 1
