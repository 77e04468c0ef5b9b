"""A real browser on a real server: Chromium on loopback, with exceptions, feeds and people to look at.

Without Chromium these tests are skipped and say so; with CI=true its absence is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy.engine import make_url
from werkzeug.serving import make_server

from exceptions_app import create_app
from exceptions_app.config import Settings
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.public_id import encode
from exceptions_app.extensions import db
from exceptions_app.models import EVERYTHING, ExceptionCase, FeedState, Reject, Role, SyncRun, Task
from exceptions_app.runtime import runtime
from exceptions_app.services import people, search_index
from tests.conftest import _case_columns
from tests.web.conftest import EVIDENCE, PASSWORD

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "tests" / "web" / "site"
SLOWEST = 20_000
"""Milliseconds that a page may take to show something, on a busy machine; costs nothing where it does."""
LOST = re.compile(r"ERR_FAILED|Failed to fetch|status of (401|419|503)")
"""What the browser notes where an answer is lost or refused, as a test wants it."""
FRUGAL = ["--no-sandbox", "--disable-gpu", "--js-flags=--single-threaded"]
"""Nothing is drawn by a card, and each page lives too short for scripts to be compiled beside it."""


@dataclass
class Site:
    """A running install: its address, and the references of its exceptions in the order of their due time."""

    url: str
    app: Flask
    references: list[str]
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    missing = "Chromium is missing" if path is None else ""
    if not (ROOT / "node_modules" / "axe-core" / "axe.min.js").exists():
        missing = "node_modules is missing: make assets"
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"{missing}, and CI must run the browser tests")
    if missing:
        pytest.skip(f"{missing}: the browser tests did not run")
    with sync_playwright() as playwright:
        expect.set_options(timeout=SLOWEST)
        browser = playwright.chromium.launch(executable_path=path, args=FRUGAL)
        yield browser
        browser.close()


@contextmanager
def serving(
    instance: Path, empty: Path, prepare: Callable[[Flask], Any] = lambda app: None
) -> Iterator[Site]:
    """A running install with a few exceptions in a copy of the database `empty`; `prepare` is called with the
    application before those are there.
    """
    settings = Settings(instance=instance, catalog=SITE, secret_key="for tests only", cheap_passwords=True)
    shutil.copyfile(empty, make_url(settings.sqlalchemy_url).database or "")
    app = create_app(settings)
    prepare(app)
    with app.app_context():
        references = _fill()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.port}", app, references)
    server.shutdown()
    thread.join()
    server.server_close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def site(tmp_path: Path, sqlite_template: Path) -> Iterator[Site]:
    with serving(tmp_path, sqlite_template) as running:
        yield running


def _fill() -> list[str]:
    from exceptions_app.models import CaseEvidence

    session, now = db.session(), utc_now()
    snapshot = runtime().snapshot_id(session, "system:test", now)
    for role in Role:
        people.create_user(
            session, email=f"{role.value}@example.org", name=role.value.replace("_", " ").title(), role=role,
            password=PASSWORD, queues=(EVERYTHING,), entities=(EVERYTHING,), by="system:test", now=now,
            time_zone="America/Chicago", cheap=True,
        )  # fmt: skip
    references = []
    for i, hours in enumerate((-30, 1, 200, 400), 1):
        due = now + timedelta(hours=hours)
        about = {
            "since_at": now, "first_seen_at": now, "opened_at": now - timedelta(hours=90), "due_at": due,
            "due_soon_at": due - timedelta(hours=5), "next_sla_at": due - timedelta(hours=5),
            "sentence": f"Number {i} charged $43.75, the order says $31.00.",
        }  # fmt: skip
        held = (
            {
                "on_hold": True,
                "held_at": now,
                "ball_in_court": "supplier",
                "hold_reason": "x",
                "sla_stage": "paused",
                "next_sla_at": None,
            }
            if i == 4
            else {}
        )
        case = ExceptionCase(**_case_columns(i, snapshot) | about | held)
        session.add(case)
        session.flush()
        session.add(CaseEvidence(case_id=case.id, version=1, evidence=EVIDENCE, taken_at=now))
        references.append(encode(case.id))
        search_index.refresh(session, runtime().catalog, [case.id])
    _integration(snapshot)
    session.commit()
    return references


def _integration(snapshot: int) -> None:
    session, now = db.session(), utc_now()
    run = SyncRun(
        feed="ap_invoices", status="partial", started_at=now, read_started_at=now, finished_at=now, rows_rejected=1,
        correlation_id="c", config_snapshot_id=snapshot,
    )  # fmt: skip
    session.add(run)
    session.flush()
    reject = Reject(
        run_id=run.id,
        feed="ap_invoices",
        position="file.csv:3",
        reason="no price",
        raw_masked="{}",
        created_at=now,
    )
    state = FeedState(
        feed="erp_orders", failing_since=now, read_through=now, last_error="503", consecutive_failures=2
    )
    task = Task(
        kind="export", scope="export:x", payload="{}", status="running", not_before=now, progress_done=1,
        progress_total=4, requested_by_id=2, correlation_id="c", created_at=now,
    )  # fmt: skip
    session.add_all([reject, state, task])


def signed_in(context: BrowserContext, site: Site, role: str) -> Page:
    """A page of the person with that role; what the browser complains of is noted."""
    page = context.new_page()
    page.on("console", lambda m: site.complaints.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: site.complaints.append(str(error)))
    page.goto("/sign-in")
    page.fill("#email", f"{role}@example.org")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(site.url + "/")
    return page


@pytest.fixture
def open_as(chromium: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """`open_as(role, path, …)`: a page signed in as that role. What the browser complains of fails the test."""
    contexts: list[Any] = []

    def enter(role: str, path: str = "/", **options: Any) -> Page:
        context = chromium.new_context(base_url=site.url, **options)
        contexts.append(context)
        page = signed_in(context, site, role)
        page.goto(path)
        return page

    yield enter
    for context in contexts:
        context.close()
    assert site.complaints == []
