"""Signing in and out, the lock-out, and the way back to where one wanted to go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.conftest import NOW

from .conftest import PASSWORD


def _try(client: FlaskClient, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in", data={"email": email, "password": password, **more})


def test_a_person_signs_in_and_out(session: Session, user: Callable[..., Any], client: FlaskClient) -> None:
    person = user()
    session.commit()
    answer = _try(client, person.email.upper())
    assert (answer.status_code, answer.location) == (303, "/")
    assert person.name in client.get("/").text
    assert client.post("/sign-out").status_code == 303
    assert client.get("/").status_code == 303


def test_a_wrong_password_and_an_unknown_account_say_the_same(
    session: Session, user: Callable[..., Any], client: FlaskClient
) -> None:
    person = user()
    session.commit()
    wrong, unknown = _try(client, person.email, "not it"), _try(client, "nobody@example.org")
    assert wrong.status_code == unknown.status_code == 401
    assert "Email or password is not right." in wrong.text
    assert wrong.text.replace(person.email, "") == unknown.text.replace("nobody@example.org", "")
    assert PASSWORD not in unknown.text


def test_five_failures_lock_the_account_until_the_time_has_passed(
    session: Session, user: Callable[..., Any], client: FlaskClient
) -> None:
    person = user()
    session.commit()
    for _ in range(5):
        _try(client, person.email, "not it")
    assert _try(client, person.email).status_code == 429
    with time_machine.travel(NOW + timedelta(minutes=16), tick=False):
        assert _try(client, person.email).status_code == 303


def test_an_unknown_address_is_locked_like_an_account(
    session: Session, user: Callable[..., Any], client: FlaskClient
) -> None:
    person = user()
    session.commit()
    known, unknown = (
        [_try(client, email, "not it").status_code for _ in range(7)]
        for email in (person.email, "nobody@example.org")
    )
    assert known == unknown == [401] * 5 + [429] * 2


def test_signing_out_ends_a_copied_cookie_and_no_other_session(
    app: Flask, sign_in: Callable[..., FlaskClient]
) -> None:
    here, thief, elsewhere = sign_in(), app.test_client(), app.test_client()
    assert _try(elsewhere, here.person.email).status_code == 303  # type: ignore[attr-defined]
    stolen = here.get_cookie("session")
    assert stolen is not None
    thief.set_cookie("session", stolen.value)
    assert thief.get("/").status_code == 200
    here.post("/sign-out")
    assert [each.get("/").status_code for each in (here, thief, elsewhere)] == [303, 303, 200]
    thief.set_cookie("session", stolen.value)
    assert thief.post("/me/theme", data={"theme": "dark"}).status_code == 303
    assert 'data-theme="dark"' not in elsewhere.get("/").text


def test_a_cookie_without_a_session_s_own_mark_is_nobody_s(sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in()
    with client.session_transaction() as kept:
        del kept["sid"]
    assert client.get("/").status_code == 303


def test_a_new_password_ends_every_session_but_the_one_that_gave_it(
    app: Flask, sign_in: Callable[..., FlaskClient]
) -> None:
    here, there = sign_in(), app.test_client()
    assert _try(there, here.person.email).status_code == 303  # type: ignore[attr-defined]
    assert there.get("/").status_code == 200
    here.post("/me/password", data={"current": PASSWORD, "password": "a much longer one"})
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 303)


@pytest.mark.parametrize("forged", ["1", "1.", "1.0", "x", "1.é"])
def test_a_session_without_the_password_s_mark_is_nobody_s(
    forged: str, app: Flask, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    with client.session_transaction() as kept:
        kept["_user_id"] = forged
    assert client.get("/").status_code == 303


def test_someone_switched_off_is_out_at_once(session: Session, sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in()
    person = session.merge(client.person)  # type: ignore[attr-defined]
    person.active = False
    session.commit()
    assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/queue?stage=breached", "/queue?stage=breached"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/queue\r\nX-Header: mine", "/"),
    ],
)
def test_after_signing_in_people_go_where_they_wanted_but_never_elsewhere(
    wanted: str, target: str, session: Session, user: Callable[..., Any], client: FlaskClient
) -> None:
    person = user()
    session.commit()
    assert _try(client, person.email, next=wanted).location == target


def test_a_page_asked_for_before_signing_in_is_remembered(client: FlaskClient) -> None:
    assert client.get("/queue?stage=breached").location == "/sign-in?next=/queue?stage%3Dbreached"


def test_an_htmx_request_without_a_session_sends_the_whole_browser_to_sign_in(client: FlaskClient) -> None:
    asked = {"HX-Request": "true"}
    answer = client.get("/queue", headers=asked)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")
    for page, back in (
        ("http://localhost/causes?x=1", "?next=/causes?x%3D1"),
        ("https://evil.example/a", ""),
    ):
        answer = client.get("/queue/rows", headers=asked | {"HX-Current-URL": page})
        assert answer.headers["HX-Redirect"] == f"/sign-in{back}"


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_the_look_is_kept_with_the_person(theme: str, sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in()
    assert client.post("/me/theme", data={"theme": theme, "next": "/sla"}).location == "/sla"
    assert f'data-theme="{theme}"' in client.get("/").text
    assert client.post("/me/theme", data={"theme": "neon"}).status_code == 400


def test_a_password_is_changed_only_by_who_knows_the_old_one(sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in()
    refused = client.post("/me/password", data={"current": "guess", "password": "a much longer one"})
    assert refused.status_code == 422
    assert "current password is not right" in refused.text
    short = client.post("/me/password", data={"current": PASSWORD, "password": "short"})
    assert "at least 12" in short.text
    assert (
        client.post("/me/password", data={"current": PASSWORD, "password": "a much longer one"}).status_code
        == 303
    )
    client.post("/sign-out")
    assert _try(client, client.person.email, "a much longer one").status_code == 303  # type: ignore[attr-defined]
