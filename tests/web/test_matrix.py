"""Every endpoint × every role × own and other entity × own and other queue: nothing of another's exception shows.

Each endpoint of the application is listed below by what it shows of an exception; one that is not listed fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.models import Notice
from tests.conftest import NOW

from .foreign import MARK, OWN, SCOPES
from .test_roles import EVERYBODY, TABLE

SHOW = {
    "my_work.index", "queues.index", "api_exceptions.index", "retries.batch", "retry_decisions.approvals",
    "retry_decisions.decisions", "notices.index",
}  # fmt: skip
"""Pages that show the exceptions that one may see."""
ABOUT_ONE = {
    "queues.note",
    "cases.show", "cases.claim", "cases.release", "cases.assign", "cases.hold", "cases.resume", "cases.resolve",
    "cases.waive", "cases.reopen", "cases.comment",
    "case_notes.pin", "case_notes.unpin", "case_notes.record",
    "case_retry.state", "case_retry.retry", "case_retry.review",
    "case_retry.reread", "watching.watch", "watching.unwatch", "api_exceptions.show", "retry_gave_up.one",
    "retry_gave_up.review",
    "retry_decisions.judge", "retry_decisions.decide",
}  # fmt: skip
"""What is about one exception, which its address names: for others it does not exist."""
SILENT = {
    "causes.index", "causes.show", "causes.cluster", "cause_fixes.preview", "cause_fixes.preview_limit",
    "cause_fixes.fix", "cause_fixes.apply", "cause_fixes.withdraw",
    "static", "health.healthz", "auth.sign_in", "auth.sign_in_now", "auth.sign_out", "auth.me", "auth.set_theme",
    "auth.set_password", "auth.set_away", "keys.index", "keys.make", "keys.revoke", "notices.bell", "notices.read_all",
    "notices.open_one", "notices.set_mail", "openapi.spec", "queues.claim", "queues.rows", "queues.retry",
    "retries.index", "retries.new", "retries.start", "retries.steer", "retries.systems", "retry_gave_up.index",
    "retry_gave_up.choose", "retry_gave_up.confirm", "retry_gave_up.again", "retry_gave_up.discard",
    "dashboards.sla", "dashboards.sla_figure", "exports.index", "exports.ask", "exports.download", "tasks.show",
    "tasks.cancel", "integration.feeds", "integration.runs", "integration.rejects", "integration.checks",
    "dead_events.index", "dead_events.show", "dead_events.replay", "dead_events.discard", "trace.index",
    "storms.index", "storms.show", "storms.release", "storms.discard",
    "try_out.index", "try_out.ask", "try_out.show",
    "feed_preview.show", "feed_preview.ask", "integration_feed.show", "integration_feed.pause",
    "integration_feed.resume", "integration_feed.backfill", "integration_feed.replay", "interfaces.register",
    "interfaces.export", "interfaces.systems",
    "api_events.receive", "api_validate.validate", "integration.configuration", "integration.read_now",
    "integration.compare_now",
    "admin.people",
    "admin.new_person", "admin.add_person", "admin.edit_person", "admin.change_person", "admin.new_password",
    "admin.unlock", "views.index", "views.save", "views.rename", "views.delete", "views.default", "views.layout",
    "views.paste", "bulk.index", "bulk.choose", "bulk.new", "bulk.start", "bulk.show", "bulk.cancel", "bulk.undo",
}  # fmt: skip
"""What shows no exception at all, or at most counts them."""


def _paths(app: Flask, world: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(method, endpoint, path) of every endpoint, with the ids of this world."""
    waiting = {"retry_decisions.judge": "awaiting_approval", "retry_decisions.decide": "unsure"}
    for method, endpoint in sorted(TABLE):
        known = {
            "reference": encode(world["cases"]["open"].id), "comment_id": 1, "batch_id": world["batch"], "task_id": 1,
            "feed": "erp_orders", "flow": "procure_to_pay", "user_id": 1, "key_id": 1, "notice_id": 1,
            "filename": "css/app.css", "view_id": 1, "bulk_id": 1, "addition_id": 1, "event_id": 1,
            "step": "pause", "verdict": "approve", "storm_id": 1, "record_type": "page_order",
            "delivery_id": world["deliveries"][waiting.get(endpoint, "failed")],
        }  # fmt: skip
        rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
        with app.test_request_context():
            yield method, endpoint, app.url_for(endpoint, **{name: known[name] for name in rule.arguments})


def _tell(session: Session, person: Any, case: Any) -> None:
    session.add(Notice(
        user_id=person.id, case_id=case.id, kind="breached", text=MARK, link="/", dedupe=f"event:{person.id}",
        created_at=NOW,
    ))  # fmt: skip
    session.commit()


def _may(role: str, method: str, endpoint: str) -> bool:
    roles = TABLE[method, endpoint]
    return roles is None or role in roles.split()


def test_every_endpoint_is_listed_once(app: Flask) -> None:
    listed = [*SHOW, *ABOUT_ONE, *SILENT]
    assert len(listed) == len(set(listed))
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(listed)


@pytest.mark.parametrize("role", EVERYBODY.split())
@pytest.mark.parametrize(("entity", "queue"), SCOPES)
def test_nothing_of_another_entity_or_queue_shows_anywhere(
    role: str, entity: str, queue: str, app: Flask, world: dict[str, Any], session: Session,
    sign_in: Callable[..., FlaskClient],
) -> None:  # fmt: skip
    client = sign_in(role, entities=(entity,), queues=(queue,))
    _tell(session, client.person, world["cases"]["open"])  # type: ignore[attr-defined]
    for method, endpoint, path in _paths(app, world):
        if endpoint in {"auth.sign_out", "auth.set_password"}:
            continue
        answer = client.open(path, method=method)
        assert MARK not in answer.text, endpoint
        assert "REF-" not in answer.text, endpoint
        if endpoint in ABOUT_ONE and _may(role, method, endpoint):
            assert answer.status_code == 404, (endpoint, answer.status_code)


@pytest.mark.parametrize("role", EVERYBODY.split())
def test_what_is_ones_own_shows_where_it_should(
    role: str, app: Flask, world: dict[str, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(role, entities=(OWN[0],), queues=(OWN[1],))
    _tell(session, client.person, world["cases"]["open"])  # type: ignore[attr-defined]
    for method, endpoint, path in _paths(app, world):
        if endpoint not in SHOW | ABOUT_ONE or not _may(role, method, endpoint):
            continue
        answer = client.open(path, method=method)
        assert answer.status_code not in {403, 404}, (endpoint, answer.status_code)
        if endpoint in SHOW:
            assert MARK in answer.text or "REF-" in answer.text, endpoint
