"""Watching, handing back and being away, as people do it on the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.instant import iso
from exceptions_app.domain.public_id import encode
from exceptions_app.models import CaseHandBack, CaseWatch, ExceptionCase, Notice
from tests.conftest import NOW

Enter = Callable[..., FlaskClient]


def newest(session: Session, case: Any) -> ExceptionCase:
    session.rollback()
    return session.get_one(ExceptionCase, case.id, populate_existing=True)


def test_watching_is_a_form_and_finds_what_is_watched(session: Session, case: Any, sign_in: Enter) -> None:
    client = sign_in("auditor")
    address = f"/exceptions/{encode(case.id)}"
    for _ in range(2):
        assert client.post(f"{address}/watch").status_code == 303
    sentence = case.sentence
    assert len(session.scalars(select(CaseWatch)).all()) == 1
    session.rollback()
    assert sentence in client.get("/queue?watched=yes").text
    assert "Watched" in client.get("/").text
    assert sentence not in sign_in("auditor").get("/queue?watched=yes").text
    assert client.post(f"{address}/unwatch").status_code == 303
    assert sentence not in client.get("/queue?watched=yes").text


def test_handing_back_keeps_why(session: Session, case: Any, sign_in: Enter) -> None:
    client = sign_in()
    address = f"/exceptions/{encode(case.id)}"
    client.post(f"{address}/claim", data={"version": 1})
    answer = client.post(f"{address}/release", data={"version": 2, "reason": "not my supplier"})
    assert answer.status_code == 303
    assert newest(session, case).owner_id is None
    assert session.scalars(select(CaseHandBack.reason)).one() == "not my supplier"
    session.rollback()
    assert "not my supplier" in client.get(address).text


def test_what_was_newly_assigned_is_one_click_away(session: Session, case: Any, sign_in: Enter) -> None:
    client = sign_in()
    person = client.person  # type: ignore[attr-defined]
    newest(session, case).owner_id = person.id
    person.last_visit_at = NOW - timedelta(days=1)
    session.add(Notice(
        user_id=person.id, case_id=case.id, kind="assigned", text="x", link="/", dedupe="event:9", created_at=NOW,
    ))  # fmt: skip
    sentence = case.sentence
    session.commit()
    page = client.get("/").text
    assert "Newly assigned to me" in page
    assert sentence in client.get("/queue", query_string={"given": iso(NOW)}).text
    later = iso(NOW + timedelta(seconds=1))
    assert sentence not in client.get("/queue", query_string={"given": later}).text


@pytest.mark.parametrize(
    ("typed", "away"),
    [("2026-12-24", "2026-12-25 06:00"), ("", None), ("tomorrow", None), ("2020-01-01", None)],
)
def test_away_until_the_end_of_a_day(session: Session, typed: str, away: str | None, sign_in: Enter) -> None:
    client = sign_in()
    assert client.post("/me/away", data={"until": typed}).status_code == 303
    session.rollback()
    session.expire_all()
    until = client.person.away_until  # type: ignore[attr-defined]
    session.rollback()
    assert (f"{until:%Y-%m-%d %H:%M}" if until else None) == away
    page = client.get("/me").text
    assert ("You are away until" in page) == (away is not None)
    if typed in {"tomorrow", "2020-01-01"}:
        assert "Choose a day" in page or "is not a date" in page
