"""A feed's page: pausing it, reading again what was read; the register of interfaces, and the systems."""

from __future__ import annotations

import csv
import io
import json
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import ConfigSnapshot, FeedChange, FeedFields, FeedState, SyncRun, Task
from exceptions_app.runtime import runtime
from exceptions_app.services import configuration, feed_changes
from exceptions_app.services.engine import reading
from tests.conftest import NOW

ANALYST = "integration_analyst"


@pytest.fixture
def feed(app: Flask) -> str:
    """A feed of changes."""
    feeds = runtime(app).catalog.feeds.values()
    return next(each.code for each in feeds if each.mode != "snapshot" and each.enabled)


def state_of(session: Session, feed: str) -> FeedState | None:
    session.rollback()
    return reading(session).scalar(select(FeedState).where(FeedState.feed == feed))


def tasks_of(session: Session, feed: str) -> list[Task]:
    session.rollback()
    return list(
        reading(session).scalars(select(Task).where(Task.kind == "again", Task.scope == f"poll:{feed}"))
    )


def test_a_feed_is_paused_with_a_reason_and_resumed(feed: str, sign_in: Any, session: Session) -> None:
    client = sign_in(ANALYST, name="Ana Reyes")
    page = f"/integration/feeds/{feed}"
    refused = client.post(f"{page}/pause", data={"why": " "})
    assert refused.status_code == 422 and "Say why" in refused.text
    assert client.post(f"{page}/pause", data={"why": "the ERP is upgraded"}).status_code in (302, 303)
    state = state_of(session, feed)
    assert state is not None and state.paused_why == "the ERP is upgraded"
    shown = client.get(page).text
    assert "Paused by Ana Reyes" in shown and "the ERP is upgraded" in shown
    assert "Paused by Ana Reyes" in client.get("/integration").text
    assert client.post(f"{page}/backfill", data={"since": "2026-11-01"}).status_code == 422
    assert client.post(f"{page}/resume").status_code in (302, 303)
    state = state_of(session, feed)
    assert state is not None and state.paused_at is None


def test_a_backfill_is_a_task_in_the_persons_own_days(feed: str, sign_in: Any, session: Session) -> None:
    client = sign_in(ANALYST)
    page = f"/integration/feeds/{feed}/backfill"
    for since in ("", "yesterday", "2099-01-01"):
        assert client.post(page, data={"since": since}).status_code == 422
    assert client.post(page, data={"since": "2026-11-01", "until": "2026-11-03"}).status_code in (302, 303)
    [task] = tasks_of(session, feed)
    assert '"since": "2026-11-01T' in task.payload and '"until": "2026-11-03T' in task.payload
    client.person.time_zone = "Mars/Olympus"  # known when it was chosen
    session.commit()
    assert client.post(page, data={"since": "2099-01-01"}).status_code == 422


def test_fields_that_differ_are_shown_with_since_when(feed: str, sign_in: Any, session: Session) -> None:
    drift = [
        {
            "name": "plant",
            "what": "new",
            "was": "",
            "now": "text",
            "since": "2026-11-20T08:00:00Z",
            "unseen": 0,
        }
    ]
    session.add(
        FeedFields(feed=feed, version="1", known='{"id": ["text"]}', drift=json.dumps(drift), changed_at=NOW)
    )
    session.commit()
    shown = sign_in(ANALYST).get(f"/integration/feeds/{feed}").text
    assert "field &#39;plant&#39; is new (text)" in shown and "accept_fields" in shown


def test_words_that_no_list_knows_are_shown_with_their_rows(
    feed: str, sign_in: Any, session: Session, app: Flask
) -> None:
    at = runtime(app)
    kind = at.catalog.record_types[at.catalog.feeds[feed].record_type]
    column = next(name for name, one in kind.columns.items() if one.type == "text")
    changed = {**kind.columns, column: kind.columns[column].model_copy(update={"words": ["open"]})}
    types = {**at.catalog.record_types, kind.code: kind.model_copy(update={"columns": changed})}
    app.extensions["tieout"] = replace(at, catalog=replace(at.catalog, record_types=types))
    words = [{"column": column, "word": "parked", "rows": 3, "shown": "'parked'"}]
    words += [{"column": "gone since", "word": "x", "rows": 1, "shown": "'x'"}]
    kept = FeedFields(feed=feed, version="1", known="{}", drift=json.dumps(words), changed_at=NOW)
    session.add(kept)
    session.commit()
    shown = sign_in(ANALYST).get(f"/integration/feeds/{feed}").text
    assert "says &#39;parked&#39; in 3 rows; known are open" in shown
    assert "changed shape" not in shown and "&#39;x&#39;" not in shown


def test_a_run_is_replayed_from_its_line(feed: str, sign_in: Any, session: Session, snapshot_id: int) -> None:
    run = SyncRun(
        feed=feed, status="complete", started_at=NOW, read_started_at=NOW, finished_at=NOW + timedelta(seconds=3),
        rows_read=12, rows_stored=10, rows_mapped=11, rows_rejected=1, rows_deleted=1, bytes_read=1_234_567,
        watermark_after='{"since": "2026-11-22T16:30:00Z"}', correlation_id="c-1", config_snapshot_id=snapshot_id,
    )  # fmt: skip
    session.add(run)
    session.commit()
    client = sign_in(ANALYST)
    for page in (f"/integration/feeds/{feed}", f"/integration/runs?feed={feed}"):
        shown = client.get(page).text
        assert "1.2 MB" in shown and "2026-11-22T16:30:00Z" in shown and ">11<" in shown, page
    assert client.post(f"/integration/feeds/{feed}/replay", data={"run": run.id}).status_code in (302, 303)
    assert f'"run": {run.id}' in tasks_of(session, feed)[0].payload
    assert client.post(f"/integration/feeds/{feed}/replay", data={"run": 999_999}).status_code == 422
    assert client.post(f"/integration/feeds/{feed}/replay", data={}).status_code == 422
    assert client.get("/integration/feeds/none").status_code == 404


def test_the_register_names_owner_pattern_contract_schedule_and_last_change(
    app: Flask, feed: str, sign_in: Any, session: Session
) -> None:
    catalog = runtime(app).catalog
    first = configuration.accept(session, catalog, "system:test", NOW)
    declared = catalog.feeds[feed]
    owner = declared.contract.model_copy(update={"owner_business": '=HYPERLINK("http://x")', "version": "1"})
    mended = declared.model_copy(update={"where": "1 = 1", "contract": owner})
    changed = replace(catalog, feeds={**catalog.feeds, feed: mended})
    configuration.accept(session, changed, "system:test", NOW + timedelta(days=1))
    session.commit()
    rows = session.scalars(select(FeedChange).where(FeedChange.feed == feed).order_by(FeedChange.id)).all()
    assert [(row.said, row.silent) for row in rows] == [("added", False), ("mapping, contract", True)]
    assert rows[0].config_snapshot_id == first
    client = sign_in("auditor")
    shown = client.get("/integration/register")
    assert shown.status_code == 200 and f'id="interface-{feed}"' in shown.text
    app.extensions["tieout"] = replace(runtime(app), catalog=changed)
    exported = client.get("/integration/register.csv")
    lines = list(csv.DictReader(io.StringIO(exported.text.removeprefix("\ufeff"))))
    [mine] = [line for line in lines if line["code"] == feed]
    assert mine["changed"] == "mapping, contract" and mine["silent"] == "yes"
    assert mine["owner business"] == '\'=HYPERLINK("http://x")', "a formula stays text"
    assert mine["schedule"].startswith("every ") and mine["version"] == "1"
    assert "under the same version" in client.get("/integration/register").text


def test_a_configuration_that_comes_back_has_its_own_time(app: Flask, feed: str, session: Session) -> None:
    from exceptions_app.queries import interfaces

    catalog = runtime(app).catalog
    changed = replace(
        catalog, feeds={**catalog.feeds, feed: catalog.feeds[feed].model_copy(update={"title": "X"})}
    )
    for day, one in enumerate((catalog, changed, catalog)):
        configuration.accept(session, one, "system:test", NOW + timedelta(days=day))
    at = {line.code: line.changed_at for line in interfaces.register(session, catalog)}
    assert at[feed] == NOW
    assert feed_changes.newest_before(session, 10**6) is not None


def test_systems_say_how_they_stand(sign_in: Any, session: Session, app: Flask, feed: str) -> None:
    system = runtime(app).catalog.feeds[feed].system
    session.add(
        FeedState(feed=feed, consecutive_failures=1, failing_since=NOW, out_since=NOW, last_error="no route")
    )
    session.commit()
    shown = sign_in(ANALYST).get("/integration/systems").text
    assert f'id="system-{system}"' in shown and "Out since" in shown and "no route" in shown


def test_a_snapshot_of_long_ago_is_read(session: Session, app: Flask) -> None:
    old = ConfigSnapshot(
        digest=b"o" * 32,
        content=zlib.compress(b'{"feeds": []}'),
        summary="",
        accepted_by="system:t",
        accepted_at=NOW,
    )
    session.add(old)
    session.flush()
    number = configuration.accept(session, runtime(app).catalog, "system:test", NOW)
    found = session.scalars(select(FeedChange).where(FeedChange.config_snapshot_id == number)).all()
    assert {row.feed for row in found} == set(runtime(app).catalog.feeds)
