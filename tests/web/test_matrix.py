"""Every endpoint × every role × own and other entity × own and other queue: nothing of another's exception shows.

Each endpoint of the application is listed below by what it shows of an exception; one that is not listed fails. Every
id in an address is of something that is there: what shows nothing, or is refused, is so because of who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exceptions_app.runtime import runtime

from .foreign import FORM, MARK, OWN, SCOPES, asked_of, belongings, path_of, state_of, surroundings
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
OF_ONE_PERSON = {
    "tasks.show", "tasks.cancel", "bulk.show", "bulk.cancel", "bulk.undo", "exports.download", "cause_fixes.fix",
    "cause_fixes.apply", "try_out.show", "keys.revoke", "notices.open_one", "views.rename", "views.delete",
    "views.default",
}  # fmt: skip
"""What is about something that one person has: for everybody else it does not exist, or nothing happens."""
NOT_THERE = OF_ONE_PERSON - {"notices.open_one", "views.rename", "views.delete", "views.default"}
"""Of these, what answers so; the others lead back to a page of one's own."""
OF_THE_NETWORK = {"dead_events.show", "dead_events.replay", "dead_events.discard"}
"""What belongs to no entity: only who sees all of them sees it."""
OF_ONE_ENTITY = {"storms.show", "storms.release", "storms.discard"}
SILENT = {
    "causes.index", "causes.show", "causes.cluster", "cause_fixes.preview", "cause_fixes.preview_limit",
    "cause_fixes.withdraw",
    "static", "health.healthz", "auth.sign_in", "auth.sign_in_now", "auth.sign_out", "auth.me", "auth.set_theme",
    "auth.set_password", "auth.set_away", "keys.index", "keys.make", "notices.bell", "notices.read_all",
    "notices.set_mail", "openapi.spec", "queues.claim", "queues.rows", "queues.retry",
    "retries.index", "retries.new", "retries.start", "retries.steer", "retries.systems", "retry_gave_up.index",
    "retry_gave_up.choose", "retry_gave_up.confirm", "retry_gave_up.again", "retry_gave_up.discard",
    "dashboards.sla", "dashboards.sla_figure", "exports.index", "exports.ask",
    "integration.feeds", "integration.runs", "integration.rejects", "integration.checks",
    "dead_events.index", "dead_events.replay_feed", "trace.index", "storms.index", "try_out.index", "try_out.ask",
    "feed_preview.show", "feed_preview.ask", "integration_feed.show", "integration_feed.pause",
    "integration_feed.resume", "integration_feed.backfill", "integration_feed.replay", "interfaces.register",
    "interfaces.export", "interfaces.systems",
    "api_events.receive", "api_validate.validate", "integration.configuration", "integration.read_now",
    "integration.compare_now",
    "admin.people",
    "admin.new_person", "admin.add_person", "admin.edit_person", "admin.change_person", "admin.new_password",
    "admin.unlock", "views.index", "views.save", "views.layout",
    "views.paste", "bulk.index", "bulk.choose", "bulk.new", "bulk.start",
}  # fmt: skip
"""What shows no exception at all, or at most counts them."""
NOT_CALLED = {
    "auth.sign_out", "auth.set_password",
    # These change what belongs to nobody's exception: a feed, the configuration, people, one's own things.
    "integration_feed.pause", "integration_feed.resume", "integration.read_now", "integration.compare_now",
    "feed_preview.ask", "admin.new_password", "try_out.ask",
}  # fmt: skip


def _paths(
    app: Flask, world: dict[str, Any], ids: Mapping[str, int], only: set[str] | None = None
) -> Iterator[tuple[str, str, str]]:
    """(method, endpoint, path) of the endpoints."""
    for method, endpoint in sorted(TABLE):
        if endpoint not in NOT_CALLED and (only is None or endpoint in only):
            yield method, endpoint, path_of(app, endpoint, world, ids)


def _file(app: Flask, person_id: int) -> None:
    """The workbook that a person's export has written."""
    folder = runtime(app).exports
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{person_id}.xlsx").write_bytes(MARK.encode())


def _may(role: str, method: str, endpoint: str) -> bool:
    roles = TABLE[method, endpoint]
    return roles is None or role in roles.split()


def _shows(text: str) -> bool:
    return MARK in text or "REF-" in text


def test_every_endpoint_is_listed_once(app: Flask) -> None:
    listed = [*SHOW, *ABOUT_ONE, *OF_ONE_PERSON, *OF_THE_NETWORK, *OF_ONE_ENTITY, *SILENT]
    assert len(listed) == len(set(listed))
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(listed)


@pytest.mark.parametrize("role", EVERYBODY.split())
@pytest.mark.parametrize(("entity", "queue"), SCOPES)
def test_nothing_of_another_entity_or_queue_shows_anywhere(
    role: str, entity: str, queue: str, app: Flask, world: dict[str, Any], session: Session,
    sign_in: Callable[..., FlaskClient],
) -> None:  # fmt: skip
    """Of what others have and did, nor of what one has had oneself before one's scope was changed."""
    client = sign_in(role, entities=(entity,), queues=(queue,))
    theirs = belongings(session, world["asker"], world) | surroundings(session, world)
    _file(app, world["asker"].id)
    before, asked = state_of(session), asked_of(world, theirs)
    for method, endpoint, path in _paths(app, world, theirs):
        given: dict[str, Any] = {"query_string": asked} if method == "GET" else {"data": asked}
        answer = client.open(path, method=method, **given)
        assert not _shows(answer.text.replace("REF-open", "")), (endpoint, path)
        if not _may(role, method, endpoint):
            continue
        gone = ABOUT_ONE | NOT_THERE | OF_THE_NETWORK
        if endpoint in (gone | OF_ONE_ENTITY if entity != OWN[0] else gone):
            assert answer.status_code == 404, (endpoint, answer.status_code)
    after = state_of(session)
    for table, rows in before.items():
        assert [row for row in rows if row not in after[table]] == [], table
    person = client.person  # type: ignore[attr-defined]
    mine = theirs | belongings(session, person, world)
    _file(app, person.id)
    for method, endpoint, path in _paths(app, world, mine, OF_ONE_PERSON | {"notices.index"}):
        if method == "GET":
            assert not _shows(client.get(path).text), endpoint


@pytest.mark.parametrize("role", EVERYBODY.split())
def test_what_is_ones_own_shows_where_it_should(
    role: str, app: Flask, world: dict[str, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(role, entities=(OWN[0],), queues=(OWN[1],))
    person = client.person  # type: ignore[attr-defined]
    ids = belongings(session, person, world) | surroundings(session, world)
    _file(app, person.id)
    there = SHOW | ABOUT_ONE | OF_ONE_PERSON | OF_ONE_ENTITY
    for method, endpoint, path in _paths(app, world, ids, there):
        if not _may(role, method, endpoint):
            continue
        answer = client.open(path, method=method, data=FORM)
        assert answer.status_code not in {403, 404}, (endpoint, answer.status_code)
        if endpoint in SHOW | {"bulk.show", "storms.show", "cause_fixes.fix", "try_out.show"}:
            assert _shows(answer.text), endpoint


@pytest.mark.parametrize("role", ["integration_analyst", "auditor", "administrator"])
def test_what_belongs_to_no_entity_shows_to_who_sees_all_of_them(
    role: str, app: Flask, world: dict[str, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    ids = belongings(session, world["asker"], world) | surroundings(session, world)
    client = sign_in(role)
    [path] = [path for _, name, path in _paths(app, world, ids, {"dead_events.show"}) if name]
    assert _shows(client.get(path).text)
