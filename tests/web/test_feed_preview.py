"""The page of a preview: asked for by a task, and shown to those who may see rows of every entity."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import Task
from exceptions_app.runtime import runtime
from exceptions_app.services.engine import reading
from tests.conftest import NOW

ANALYST = "integration_analyst"
FOUND = {
    "feed": "f", "error": "", "more": True, "columns": ["number"],
    "fields": [{"name": "no", "feeds": ["number"], "sensitivity": "internal"},
               {"name": "note", "feeds": [], "sensitivity": None}],
    "rows": [
        {"position": "r.csv:2", "outcome": "stored", "reason": "", "raw": {"no": "N-1", "note": "xxx <b>"},
         "mapped": {"number": "N-1"}},
        {"position": "r.csv:3", "outcome": "rejected", "reason": "number: expected a value, found nothing",
         "raw": {"no": None}, "mapped": {}},
    ],
}  # fmt: skip


@pytest.fixture
def page(app: Flask) -> str:
    return f"/integration/feeds/{next(iter(runtime(app).catalog.feeds))}/preview"


def task_of(session: Session, page: str) -> Task | None:
    session.rollback()
    scope = f"feed_preview:{page.split('/')[3]}"
    return reading(session).scalar(select(Task).where(Task.scope == scope))


def looked(session: Session, page: str, **values: Any) -> None:
    feed = page.split("/")[3]
    session.add(
        Task(
            kind="feed_preview", scope=f"feed_preview:{feed}", payload=json.dumps({"feed": feed}), not_before=NOW,
            created_at=NOW, correlation_id="c", **values,
        )
    )  # fmt: skip
    session.commit()


def test_asking_makes_one_task_and_the_page_waits_for_it(page: str, sign_in: Any, session: Session) -> None:
    client = sign_in(ANALYST)
    assert "Nobody has looked yet" in client.get(page).text
    for _ in range(2):
        assert client.post(page).status_code in (302, 303)
    task = task_of(session, page)
    assert task is not None
    assert (task.status, json.loads(task.payload)) == ("queued", {"feed": page.split("/")[3]})
    assert 'hx-trigger="every 2s"' in client.get(page).text


def test_rows_are_shown_raw_and_mapped_with_what_would_be_rejected(
    page: str, sign_in: Any, session: Session
) -> None:
    looked(session, page, status="done", result=json.dumps(FOUND), finished_at=NOW)
    text = sign_in(ANALYST).get(page).text
    for said in ("r.csv:2", "Would be stored", "Would be rejected", "number: expected a value, found nothing",
                 "not stored: no mapping names it", "There may be more rows", "xxx &lt;b&gt;"):  # fmt: skip
        assert said in text
    assert "every 2s" not in text


def test_what_broke_is_said(page: str, sign_in: Any, session: Session) -> None:
    broken = {**FOUND, "rows": [], "error": "sftp://erp: shows another key"}
    looked(session, page, status="done", result=json.dumps(broken), finished_at=NOW)
    assert "shows another key" in sign_in(ANALYST).get(page).text


def test_rows_are_only_for_those_who_see_the_whole_network(page: str, sign_in: Any, session: Session) -> None:
    looked(session, page, status="done", result=json.dumps(FOUND), finished_at=NOW)
    text = sign_in(ANALYST, entities=("H01",)).get(page).text
    assert "not yours to read" in text
    assert "N-1" not in text


def test_an_auditor_sees_and_does_not_ask(page: str, sign_in: Any, session: Session) -> None:
    client = sign_in("auditor")
    assert "Show the first rows" not in client.get(page).text
    assert client.post(page).status_code == 403
    assert task_of(session, page) is None


def test_a_feed_that_is_not_there_is_not_found(sign_in: Any) -> None:
    client = sign_in(ANALYST)
    assert client.get("/integration/feeds/nothing/preview").status_code == 404
    assert client.post("/integration/feeds/nothing/preview").status_code == 404
