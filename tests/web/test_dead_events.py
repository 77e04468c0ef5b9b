"""Dead letters and traces: who sees what of them, and sending an event again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Feed, RecordType, System
from exceptions_app.models import AuditEvent, InboxEvent, Reject, Task
from exceptions_app.records.landing import land
from exceptions_app.runtime import runtime
from exceptions_app.services import inbox, runs
from exceptions_app.services.engine import reading
from exceptions_app.services.runs import COMPLETE, RunCounts
from tests.conftest import NOW

ANALYST = "integration_analyst"
BODY = {
    "specversion": "1.0", "id": "E1", "source": "/portal", "type": "note.changed", "time": "2026-11-24T14:00:00Z",
    "data": {"entity": "H01", "number": "N-1", "amount": "many", "iban": "DE89 3704", "remark": "born 1950"},
}  # fmt: skip


@pytest.fixture
def network(app: Flask) -> Any:
    """The portal sends notes, each with a bank account."""
    catalog = runtime(app).catalog
    catalog.systems["PORTAL"] = System(
        code="PORTAL", name="The portal", kind="supplier_portal", connector="events"
    )
    columns = {"number": {"required": True}, "amount": {"type": "money"}, "iban": {"sensitivity": "bank"}}
    catalog.record_types["note"] = RecordType.model_validate(
        {"code": "note", "title": "Note", "key": ["number"], "columns": columns}
    )
    catalog.feeds["portal.notes"] = Feed.model_validate(
        {
            "code": "portal.notes", "system": "PORTAL", "record_type": "note",
            "mapping": {"entity": "entity", "number": "number", "amount": "amount", "iban": "iban"},
        }
    )  # fmt: skip
    return catalog


@pytest.fixture
def dead(network: Any, session: Session, snapshot_id: int) -> InboxEvent:
    run = runs.begin(session, "portal.notes", now=NOW, snapshot_id=snapshot_id, correlation_id="c-run")
    event = InboxEvent(
        feed="portal.notes", source="/portal", event_id="E1", type="note.changed", received_at=NOW, correlation_id="T",
        state="dead", body=json.dumps(BODY), reason="amount: expected an amount, found 'many'", run_id=run.id,
    )  # fmt: skip
    session.add(event)
    session.flush()
    session.add(
        Reject(
            run_id=run.id, feed="portal.notes", position=f"event {event.id} (E1)", reason="x", raw_masked="{}",
            created_at=NOW,
        )
    )  # fmt: skip
    session.commit()
    return event


def now(session: Session, event: InboxEvent) -> InboxEvent:
    session.rollback()
    session.expire_all()
    return reading(session).get_one(InboxEvent, event.id)


def page_of(event: InboxEvent) -> str:
    return f"/integration/dead-letters/{event.id}"


def text_in(page: str) -> str:
    from html import unescape

    return unescape(page.split("<textarea", 1)[1].split(">", 1)[1].split("</textarea>", maxsplit=1)[0])


def test_dead_letter_shows_why_and_hides_what_nobody_called_open(dead: InboxEvent, sign_in: Any) -> None:
    client = sign_in(ANALYST)
    assert "found &#39;many&#39;" in client.get("/integration/dead-letters").text
    page = client.get(page_of(dead)).text
    assert '"amount": "many"' in text_in(page)
    assert "DE89" not in page
    assert "born" not in page


def test_who_may_read_bank_columns_sees_them_and_changes_nothing(dead: InboxEvent, sign_in: Any) -> None:
    page = sign_in("auditor").get(page_of(dead)).text
    assert "DE89" in page
    assert "born" not in page
    assert "<textarea" not in page


def test_events_are_only_for_those_who_see_the_whole_network(dead: InboxEvent, sign_in: Any) -> None:
    client = sign_in(ANALYST, entities=("H01",))
    assert "not yours to read" in client.get("/integration/dead-letters").text
    assert client.get(page_of(dead)).status_code == 404
    assert client.post(f"{page_of(dead)}/replay").status_code == 404
    assert client.post("/integration/dead-letters/replay", data={"feed": dead.feed}).status_code == 404


def test_all_of_a_feed_are_sent_again_but_those_that_a_person_must_judge(
    dead: InboxEvent, sign_in: Any, session: Session
) -> None:
    other = InboxEvent(
        feed=dead.feed, source="", event_id="E1 (another body 0123456789ab)", type="", received_at=NOW, state="dead",
        correlation_id="c", body="{}", reason="known",
    )  # fmt: skip
    session.add(other)
    session.commit()
    client = sign_in(ANALYST)
    assert "Send all of this feed again" not in client.get("/integration/dead-letters").text
    assert "Send all of this feed again" in client.get(f"/integration/dead-letters?feed={dead.feed}").text
    answer = client.post("/integration/dead-letters/replay", data={"feed": dead.feed}, follow_redirects=True)
    assert f"1 event of {dead.feed} waits to be taken again" in answer.text
    assert (now(session, dead).state, now(session, other).state) == ("waiting", "dead")
    assert client.post("/integration/dead-letters/replay", data={"feed": "nope"}).status_code == 404


def test_edited_event_goes_back_with_what_was_hidden_as_it_was(
    dead: InboxEvent, sign_in: Any, session: Session
) -> None:
    client = sign_in(ANALYST)
    text = text_in(client.get(page_of(dead)).text).replace('"many"', "12.50")
    answer = client.post(f"{page_of(dead)}/replay", data={"event": text.replace("\n", "\r\n")})
    assert answer.status_code == 303
    event = now(session, dead)
    assert (event.state, event.replays, event.source_time) == ("waiting", 1, NOW.replace(hour=14))
    assert '"amount":12.50' in (event.body or "")
    assert json.loads(event.body or "")["data"] == BODY["data"] | {"amount": 12.5}  # type: ignore[operator]
    assert [task.scope for task in session.scalars(select(Task))] == ["poll:portal.notes"]
    trail = list(session.scalars(select(AuditEvent).where(AuditEvent.subject == "feed:portal.notes")))
    assert [one.tag for one in trail] == ["event:replayed"]
    assert client.post(f"{page_of(dead)}/replay", data={"event": text}).status_code == 409


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"many"', "oops", "is not JSON"),
        ('"N-1"', '"•••"', "stands where nothing was hidden"),
        ('"2026-11-24T14:00:00Z"', '"soon"', "is no time"),
    ],
)
def test_what_cannot_be_used_is_said_and_stays(
    old: str, new: str, said: str, dead: InboxEvent, sign_in: Any, session: Session
) -> None:
    client = sign_in(ANALYST)
    text = text_in(client.get(page_of(dead)).text).replace(old, new)
    answer = client.post(f"{page_of(dead)}/replay", data={"event": text})
    assert answer.status_code == 422
    assert said in answer.text
    assert new in text_in(answer.text)
    assert now(session, dead).state == "dead"


def test_discarded_event_needs_a_reason_and_holds_nothing_back(
    dead: InboxEvent, sign_in: Any, session: Session
) -> None:
    client = sign_in(ANALYST)
    assert client.post(f"{page_of(dead)}/discard", data={"reason": " "}).status_code == 422
    assert client.post(f"{page_of(dead)}/discard", data={"reason": "a test of theirs"}).status_code == 303
    event = now(session, dead)
    assert (event.state, event.body) == ("discarded", None)
    assert [reject.ended_at for reject in session.scalars(select(Reject))] == [NOW]
    assert client.post(f"{page_of(dead)}/discard", data={"reason": "again"}).status_code == 404


# ---- traces
@pytest.fixture
def landed(network: Any, app: Flask, session: Session, snapshot_id: int) -> int:
    """Two notes, of two hospitals, that came as events of one transaction."""
    from exceptions_app.duck import closing_session
    from exceptions_app.records.converging import Newest

    run = runs.begin(session, "portal.notes", now=NOW, snapshot_id=snapshot_id, correlation_id="c-run")
    store = runtime(app).store
    with closing_session() as con:
        rows = con.sql(
            "SELECT entity, 'PORTAL' AS source_system, number AS source_id, TIMESTAMPTZ '2026-11-24 14:00+00' AS "
            "source_time, TIMESTAMPTZ '2026-11-24 15:00+00' AS fetched_at, number, 12.50 AS amount, 'DE89' AS iban "
            "FROM (VALUES ('H01', 'N-4711'), ('H02', 'N-4712')) AS v(entity, number)"
        )
        land(store.table_uri("note"), store.layout("note"), "portal.notes", run.id, 0, rows)
    newest = [
        Newest(f"{entity}\x1f{number}", NOW, 0, "E", False, "TX-9")
        for entity, number in (("H01", "N-4711"), ("H02", "N-4712"))
    ]
    inbox.remember(session, "portal.notes", run.id, newest)
    runs.finish(session, run.id, status=COMPLETE, counts=RunCounts(2, 2), watermark=None, now=NOW)
    session.add(
        InboxEvent(
            feed="portal.notes", source="/portal", event_id="E9", type="note.changed", received_at=NOW,
            correlation_id="TX-9", state="taken", run_id=run.id,
        )
    )  # fmt: skip
    session.commit()
    return run.id


def test_a_transaction_is_found_by_what_follows_it_without_any_exception(landed: int, sign_in: Any) -> None:
    page = sign_in(ANALYST).get("/integration/trace?q=TX-9").text
    for said in (
        "The portal",
        "event E9 (note.changed)",
        "N-4711",
        "N-4712",
        "12.50",
        "No exception that you may see",
    ):
        assert said in page, said
    assert "DE89" not in page
    assert "DE89" in sign_in("manager").get("/integration/trace?q=TX-9").text


def test_a_transaction_is_found_by_its_key_in_ones_own_entities_only(landed: int, sign_in: Any) -> None:
    client = sign_in("specialist", entities=("H01",))
    page = client.get("/integration/trace?q=N-4711").text
    assert "12.50" in page
    assert "event E9" not in page
    assert "Nothing follows this" in client.get("/integration/trace?q=N-4712").text
    assert "N-4712" not in client.get("/integration/trace?q=TX-9").text


def test_the_exceptions_of_a_transaction_stand_beside_it(landed: int, case: Any, sign_in: Any) -> None:
    page = sign_in(ANALYST).get(f"/integration/trace?q={case.reference}").text
    assert "Medline charged $43.75" in page


def test_nothing_asked_and_nothing_found_are_said(network: Any, sign_in: Any) -> None:
    client: FlaskClient = sign_in("specialist")
    assert "Enter a correlation ID" in client.get("/integration/trace").text
    for odd in ("x' OR 1=1 --", "%00", "a" * 500, "nothing"):
        assert client.get("/integration/trace", query_string={"q": odd}).status_code == 200
