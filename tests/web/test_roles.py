"""Who may call what: every endpoint of the application is in this table, or a test fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode

from .foreign import belongings, path_of, surroundings

EVERYBODY = "specialist manager integration_analyst auditor administrator"
WORKERS = "specialist manager integration_analyst"
READERS = "specialist manager integration_analyst auditor"
ENGINEERS = "integration_analyst auditor administrator"
PUBLIC = None

TABLE: dict[tuple[str, str], str | None] = {
    ("GET", "static"): PUBLIC,
    ("GET", "health.healthz"): PUBLIC,
    ("GET", "auth.sign_in"): PUBLIC,
    ("POST", "auth.sign_in_now"): PUBLIC,
    ("POST", "auth.sign_out"): EVERYBODY,
    ("GET", "auth.me"): EVERYBODY,
    ("POST", "auth.set_theme"): EVERYBODY,
    ("POST", "auth.set_password"): EVERYBODY,
    ("POST", "auth.set_away"): EVERYBODY,
    ("GET", "keys.index"): EVERYBODY,
    ("POST", "keys.make"): EVERYBODY,
    ("POST", "keys.revoke"): EVERYBODY,
    ("GET", "notices.index"): EVERYBODY,
    ("GET", "notices.bell"): EVERYBODY,
    ("POST", "notices.read_all"): EVERYBODY,
    ("POST", "notices.open_one"): EVERYBODY,
    ("POST", "notices.set_mail"): EVERYBODY,
    ("GET", "openapi.spec"): PUBLIC,
    ("GET", "api_exceptions.index"): EVERYBODY,
    ("GET", "api_exceptions.show"): EVERYBODY,
    ("POST", "api_events.receive"): PUBLIC,
    ("POST", "api_validate.validate"): EVERYBODY,
    ("GET", "my_work.index"): EVERYBODY,
    ("GET", "queues.index"): EVERYBODY,
    ("POST", "queues.claim"): WORKERS,
    ("GET", "queues.rows"): EVERYBODY,
    ("POST", "queues.note"): WORKERS,
    ("GET", "views.index"): EVERYBODY,
    ("POST", "views.save"): EVERYBODY,
    ("POST", "views.rename"): EVERYBODY,
    ("POST", "views.delete"): EVERYBODY,
    ("POST", "views.default"): EVERYBODY,
    ("POST", "views.layout"): EVERYBODY,
    ("POST", "views.paste"): EVERYBODY,
    ("GET", "bulk.index"): WORKERS,
    ("POST", "bulk.choose"): WORKERS,
    ("GET", "bulk.new"): WORKERS,
    ("POST", "bulk.start"): WORKERS,
    ("GET", "bulk.show"): WORKERS,
    ("POST", "bulk.cancel"): WORKERS,
    ("POST", "bulk.undo"): WORKERS,
    ("GET", "cases.show"): EVERYBODY,
    ("POST", "cases.claim"): WORKERS,
    ("POST", "cases.release"): WORKERS,
    ("POST", "cases.assign"): "manager",
    ("POST", "cases.hold"): WORKERS,
    ("POST", "cases.resume"): WORKERS,
    ("POST", "cases.resolve"): WORKERS,
    ("POST", "cases.waive"): WORKERS,
    ("POST", "cases.reopen"): WORKERS,
    ("POST", "cases.comment"): WORKERS,
    ("POST", "case_notes.pin"): WORKERS,
    ("POST", "case_notes.unpin"): WORKERS,
    ("POST", "case_notes.record"): "manager integration_analyst auditor",
    ("POST", "queues.retry"): WORKERS,
    ("POST", "watching.watch"): EVERYBODY,
    ("POST", "watching.unwatch"): EVERYBODY,
    ("GET", "case_retry.state"): EVERYBODY,
    ("POST", "case_retry.retry"): WORKERS,
    ("POST", "case_retry.review"): WORKERS,
    ("POST", "case_retry.reread"): WORKERS,
    ("GET", "causes.index"): EVERYBODY,
    ("GET", "causes.show"): EVERYBODY,
    ("GET", "causes.cluster"): EVERYBODY,
    ("POST", "cause_fixes.preview"): WORKERS,
    ("POST", "cause_fixes.preview_limit"): WORKERS,
    ("GET", "cause_fixes.fix"): EVERYBODY,
    ("POST", "cause_fixes.apply"): WORKERS,
    ("POST", "cause_fixes.withdraw"): WORKERS,
    ("GET", "retries.index"): EVERYBODY,
    ("GET", "retries.new"): WORKERS,
    ("POST", "retries.start"): WORKERS,
    ("GET", "retries.batch"): EVERYBODY,
    ("POST", "retries.steer"): WORKERS,
    ("GET", "retries.systems"): EVERYBODY,
    ("GET", "retry_decisions.approvals"): EVERYBODY,
    ("POST", "retry_decisions.judge"): "manager",
    ("GET", "retry_decisions.decisions"): EVERYBODY,
    ("POST", "retry_decisions.decide"): WORKERS,
    ("GET", "retry_gave_up.index"): EVERYBODY,
    ("POST", "retry_gave_up.choose"): WORKERS,
    ("GET", "retry_gave_up.confirm"): WORKERS,
    ("POST", "retry_gave_up.again"): WORKERS,
    ("POST", "retry_gave_up.discard"): WORKERS,
    ("GET", "retry_gave_up.one"): EVERYBODY,
    ("POST", "retry_gave_up.review"): WORKERS,
    ("GET", "dashboards.sla"): EVERYBODY,
    ("GET", "dashboards.sla_figure"): EVERYBODY,
    ("GET", "exports.index"): READERS,
    ("POST", "exports.ask"): READERS,
    ("GET", "exports.download"): READERS,
    ("GET", "tasks.show"): EVERYBODY,
    ("POST", "tasks.cancel"): EVERYBODY,
    ("GET", "integration.feeds"): ENGINEERS,
    ("GET", "integration.runs"): ENGINEERS,
    ("GET", "integration_feed.show"): ENGINEERS,
    ("POST", "integration_feed.pause"): "integration_analyst",
    ("POST", "integration_feed.resume"): "integration_analyst",
    ("POST", "integration_feed.backfill"): "integration_analyst",
    ("POST", "integration_feed.replay"): "integration_analyst",
    ("GET", "interfaces.register"): ENGINEERS,
    ("GET", "interfaces.export"): ENGINEERS,
    ("GET", "interfaces.systems"): ENGINEERS,
    ("GET", "integration.rejects"): ENGINEERS,
    ("GET", "integration.checks"): ENGINEERS,
    ("GET", "integration.configuration"): ENGINEERS,
    ("GET", "dead_events.index"): ENGINEERS,
    ("GET", "dead_events.show"): ENGINEERS,
    ("POST", "dead_events.replay"): "integration_analyst",
    ("POST", "dead_events.replay_feed"): "integration_analyst",
    ("POST", "dead_events.discard"): "integration_analyst",
    ("GET", "storms.index"): f"{ENGINEERS} manager",
    ("GET", "storms.show"): f"{ENGINEERS} manager",
    ("POST", "storms.release"): "integration_analyst manager",
    ("POST", "storms.discard"): "integration_analyst manager",
    ("GET", "try_out.index"): "integration_analyst",
    ("POST", "try_out.ask"): "integration_analyst",
    ("GET", "try_out.show"): "integration_analyst",
    ("GET", "trace.index"): EVERYBODY,
    ("GET", "feed_preview.show"): ENGINEERS,
    ("POST", "feed_preview.ask"): "integration_analyst",
    ("POST", "integration.read_now"): "integration_analyst",
    ("POST", "integration.compare_now"): "integration_analyst",
    ("GET", "admin.people"): "administrator",
    ("GET", "admin.new_person"): "administrator",
    ("POST", "admin.add_person"): "administrator",
    ("GET", "admin.edit_person"): "administrator",
    ("POST", "admin.change_person"): "administrator",
    ("POST", "admin.new_password"): "administrator",
    ("POST", "admin.unlock"): "administrator",
}


def _endpoints(app: Flask) -> set[tuple[str, str]]:
    methods = {"GET", "POST", "PUT", "PATCH", "DELETE"}
    return {(method, rule.endpoint) for rule in app.url_map.iter_rules() for method in rule.methods & methods}


def test_every_endpoint_is_in_the_table(app: Flask) -> None:
    assert _endpoints(app) == set(TABLE)


@pytest.mark.parametrize("role", EVERYBODY.split())
def test_a_role_is_refused_what_is_not_in_its_row_and_nothing_else(
    role: str, app: Flask, world: dict[str, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(role)
    ids = belongings(session, client.person, world) | surroundings(session, world)  # type: ignore[attr-defined]
    for (method, endpoint), roles in sorted(TABLE.items()):
        if endpoint in {"auth.sign_out", "auth.sign_in_now"}:
            continue
        answer = client.open(path_of(app, endpoint, world, ids), method=method)
        refused = roles is not PUBLIC and role not in roles.split()
        assert (answer.status_code == 403) == refused, (endpoint, answer.status_code)
        assert answer.status_code < 500, endpoint


def test_nobody_signed_in_sees_only_what_is_public(
    app: Flask, world: dict[str, Any], session: Session, client: FlaskClient
) -> None:
    ids = belongings(session, world["asker"], world) | surroundings(session, world)
    for (method, endpoint), roles in sorted(TABLE.items()):
        answer = client.open(path_of(app, endpoint, world, ids), method=method)
        if roles is PUBLIC:
            no_such_feed = {404} if endpoint == "api_events.receive" else set()
            assert answer.status_code in {200, 401} | no_such_feed, endpoint
        elif endpoint.startswith("api_"):
            assert answer.status_code == 401, endpoint
            assert answer.content_type == "application/problem+json", endpoint
        else:
            assert answer.status_code == 303, endpoint
            assert answer.location.startswith("/sign-in"), endpoint


def test_an_endpoint_that_declares_nothing_is_refused(
    app: Flask, sign_in: Callable[..., FlaskClient]
) -> None:
    app.add_url_rule("/undeclared", "undeclared", lambda: "secret")
    assert sign_in("administrator").get("/undeclared").status_code == 403


def test_wrong_method_is_a_designed_page_that_names_what_is_allowed(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    answer = sign_in().get(f"/exceptions/{encode(case.id)}/claim")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "belongs to a form" in answer.text
