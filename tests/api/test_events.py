"""The door for events: who is believed, what is taken, and that taking is a durable append and nothing more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.events.signatures import sign_standard
from exceptions_app.models import InboxEvent, SyncRun, Task
from exceptions_app.runtime import runtime
from exceptions_app.services import inbox
from exceptions_app.services.engine import reading
from tests.conftest import NOW

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_" + base64.b64encode(b"the secret before this one").decode()
AT = int(NOW.timestamp())
URL = "/api/v1/events/portal.suppliers"
CLOUD = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def cloud(number: str = "E1", **more: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": number, "source": "/portal", "type": "supplier.changed", **more}


@pytest.fixture
def feed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`feed(signature, **read)`: the portal's suppliers come as events, signed like that."""
    monkeypatch.setenv("PORTAL_NEW", SECRET)
    monkeypatch.setenv("PORTAL_OLD", OLD)
    monkeypatch.setenv("PORTAL_TOKEN", "t0p")

    def configure(signature: dict[str, Any] | None = None, **read: Any) -> None:
        catalog = runtime(app).catalog
        connection = {"signature": signature or {"type": "bearer", "secrets": ["env:PORTAL_TOKEN"]}}
        catalog.systems["PORTAL"] = System(
            code="PORTAL", name="Portal", kind="supplier_portal", connector="events", connection=connection
        )
        about = {"code": "portal.suppliers", "system": "PORTAL", "record_type": "test_order", "read": read}
        catalog.feeds["portal.suppliers"] = Feed.model_validate(about | {"mapping": {"order_number": "x"}})

    configure()
    return configure


TOKEN = {"Authorization": "Bearer t0p"}


def kept(session: Session) -> list[InboxEvent]:
    session.rollback()
    return list(reading(session).scalars(select(InboxEvent).order_by(InboxEvent.id)))


def post(client: FlaskClient, body: Any, **headers: str) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        URL, data=data, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def test_an_id_that_comes_again_with_another_body_is_told_and_kept_for_a_person(
    feed: Any, client: FlaskClient, session: Session
) -> None:
    def told(body: Any, **headers: str) -> tuple[int, int, int]:
        answer = post(client, body, **headers, **TOKEN)
        assert answer.status_code == 202
        return answer.json["kept"], answer.json["known"], answer.json["differing"]

    first = cloud(data={"a": 1.1, "b": 2})
    assert told(first, **CLOUD) == (1, 0, 0)
    again = b'{"source":"/portal", "id":"E1","type":"supplier.changed","specversion":"1.0",\n "data":{"b":2,"a":1.10}}'
    assert told(again, **CLOUD) == (0, 1, 0)
    assert told([first, cloud("E2", data={"a": 1})], **BATCH) == (1, 1, 0)
    other = cloud(data={"a": 1.2, "b": 2})
    assert told(other, **CLOUD) == (0, 0, 1)
    assert told([other, first, cloud("E3")], **BATCH) == (1, 1, 1)
    assert told(cloud(type="supplier.deleted"), **CLOUD) == (0, 0, 1)
    events = kept(session)
    assert [event.state for event in events] == ["waiting", "waiting", "dead", "waiting", "dead"]
    assert events[2].event_id.startswith("E1 (another body ")
    assert "The id 'E1' came before, at 2026-" in str(events[2].reason)
    assert json.loads(str(events[2].body))["data"]["a"] == 1.2


def test_an_id_from_before_bodies_were_kept_apart_is_known(
    feed: Any, client: FlaskClient, session: Session
) -> None:
    post(client, cloud(), **CLOUD, **TOKEN)
    session.execute(update(InboxEvent).values(digest=None))
    session.commit()
    answer = post(client, cloud(data={"a": 1}), **CLOUD, **TOKEN)
    assert (answer.json["known"], answer.json["differing"]) == (1, 0)


def test_structured_event_is_kept_as_it_was_written(feed: Any, client: FlaskClient, session: Session) -> None:
    text = b'{"specversion":"1.0","id":"E1","source":"/p","type":"t","time":"2026-11-24T14:00+01:00","data":{"a":1.10}}'
    answer = post(client, text, **CLOUD, **TOKEN)
    assert (answer.status_code, answer.json["kept"], answer.json["known"]) == (202, 1, 0)
    [one] = kept(session)
    assert one.body == text.decode()
    assert (one.state, one.received_at, one.source_time) == ("waiting", NOW, NOW.replace(hour=13))
    assert [session.scalar(select(func.count()).select_from(table)) for table in (SyncRun, Task)] == [0, 0]


def test_binary_event_takes_its_attributes_from_the_headers(
    feed: Any, client: FlaskClient, session: Session
) -> None:
    about = {
        "ce-specversion": "1.0",
        "ce-id": "E1",
        "ce-source": "/p%20x",
        "ce-type": "t",
        "Content-Type": "application/json",
    }
    assert client.post(URL, data=b'{"a": 0.10}', headers=about | TOKEN).status_code == 202
    about |= {"ce-id": "E2", "Content-Type": "text/xml"}
    assert client.post(URL, data=b"<a/>", headers=about | TOKEN).status_code == 202
    first, second = kept(session)
    assert (first.event_id, first.source) == ("E1", "/p x")
    assert first.body is not None and first.body.endswith('"data": {"a": 0.10}}')
    assert json.loads(second.body or "")["data_base64"] == base64.b64encode(b"<a/>").decode()


def test_batch_is_kept_whole_and_each_event_once(feed: Any, client: FlaskClient, session: Session) -> None:
    body = (
        b'[ {"specversion":"1.0","id":"A","source":"s","type":"t","data":1.0} , '
        + json.dumps(cloud("B")).encode()
        + b"\n]"
    )
    assert post(client, body, **BATCH, **TOKEN).json["kept"] == 2
    again = post(client, [cloud("B"), cloud("C"), cloud("C")], **BATCH, **TOKEN).json
    assert (again["kept"], again["known"]) == (1, 2)
    assert [one.event_id for one in kept(session)] == ["A", "B", "C"]
    assert kept(session)[0].body == '{"specversion":"1.0","id":"A","source":"s","type":"t","data":1.0}'
    assert post(client, b"[]", **BATCH, **TOKEN).status_code == 202


def test_large_batch_with_known_ones_in_it_is_kept_once(
    feed: Any, client: FlaskClient, session: Session
) -> None:
    first, second = ([cloud(f"E{number}") for number in numbers] for numbers in (range(30), range(20, 60)))
    assert post(client, first, **BATCH, **TOKEN).json["kept"] == 30
    assert post(client, second, **BATCH, **TOKEN).json["kept"] == 30
    assert {one.event_id for one in kept(session)} == {f"E{number}" for number in range(60)}


def test_a_feed_that_is_configured_anew_is_asked_for_anew(feed: Any, client: FlaskClient) -> None:
    assert post(client, cloud(), **CLOUD, **TOKEN).status_code == 202
    feed({"type": "standard", "secrets": ["env:PORTAL_NEW"]})
    assert post(client, cloud(), **CLOUD, **TOKEN).status_code == 401


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b'{"id": "E1",\n  oops}', CLOUD, "body, line 2 column 3: is not JSON"),
        (b"\xff\xfe", CLOUD, "body, byte 1: is not UTF-8"),
        (cloud(id=""), CLOUD, "body, id: is missing or empty; expected a text"),
        (cloud(specversion="0.3"), CLOUD, "body, specversion: is '0.3'; expected '1.0'"),
        (cloud(time="yesterday"), CLOUD, "body, time: 'yesterday' is no time"),
        (cloud(time="2026-11-24T10:00:00"), CLOUD, "has no zone"),
        (cloud(time="0001-01-01T00:00:00+14:00"), CLOUD, "body, time: '0001-01-01T00:00:00+14:00' is no time"),
        (cloud(time="9999-12-31T23:59:59-14:00"), CLOUD, "is no time"),
        (b'{"id": 1e999999999999999999999}', CLOUD, "the number 1e999999999999999999999 is beyond all measure"),
        (cloud(id="x" * 201), CLOUD, "at most 200 characters"),
        (cloud(type="\ud800"), CLOUD, "body, type: has 1 characters or holds a zero byte or half a character"),
        (cloud(data=1, data_base64="MQ=="), CLOUD, "data_base64: stands beside data"),
        (b"[1]", CLOUD, "body: is a list; expected a JSON object"),
        (b"null", CLOUD, "body: is null; expected a JSON object"),
        (b"7.5", CLOUD, "body: is a number; expected a JSON object"),
        ([cloud("A"), {"id": "B"}], BATCH, "event 2, specversion"),
        (b'[{"id": NaN}]', BATCH, "event 1: NaN is no JSON number"),
        (b'[{"a":1} {"a":2}]', BATCH, "event 1, specversion"),
        (cloud(), BATCH, "body: is no list"),
        (b"[" * 100_000, BATCH, "nested too deeply"),
        (cloud(), {"Content-Type": "text/plain"}, "header Content-Type: 'text/plain' and no ce-specversion"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_with_what_and_where(
    body: Any, headers: dict[str, str], said: str, feed: Any, client: FlaskClient, session: Session
) -> None:
    answer = post(client, body, **headers, **TOKEN)
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert said in answer.json["detail"]
    assert kept(session) == []


def test_webhook_in_its_own_form(feed: Any, client: FlaskClient, session: Session) -> None:
    feed(None, format="webhook", id="header:X-Delivery", type="event", time="meta.at", correlation="meta.tx")
    body = {"event": "supplier.changed", "meta": {"at": AT, "tx": "TX-9"}, "payload": {}}
    assert post(client, body, X_Delivery="D1", **TOKEN).status_code == 202
    [one] = kept(session)
    assert (one.event_id, one.type, one.source_time, one.correlation_id) == (
        "D1",
        "supplier.changed",
        NOW,
        "TX-9",
    )
    assert "header X-Delivery: is missing" in post(client, body, **TOKEN).json["detail"]


# ---- who is believed
def standard(body: bytes, secret: str = SECRET, *, at: int = AT, number: str = "msg_1") -> dict[str, str]:
    return {
        **CLOUD, "webhook-id": number, "webhook-timestamp": str(at),
        "webhook-signature": sign_standard(secret, number, at, body),
    }  # fmt: skip


def test_published_vector_of_standard_webhooks() -> None:
    body = b'{"test": 2432232314}'
    signed = sign_standard(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_standard_webhooks_by_either_secret_and_any_of_several_signatures(
    feed: Any, client: FlaskClient, session: Session
) -> None:
    feed({"type": "standard", "secrets": ["env:PORTAL_NEW", "env:PORTAL_OLD"]})
    body = json.dumps(cloud("E1")).encode()
    for number, secret in enumerate((SECRET, OLD)):
        assert (
            client.post(URL, data=body, headers=standard(body, secret, number=f"m{number}")).status_code
            == 202
        )
    several = standard(body)
    several["webhook-signature"] = f"v1,bm9wZQ== v2,x {several['webhook-signature']}"
    assert client.post(URL, data=body, headers=several).status_code == 202
    assert len(kept(session)) == 1


def test_library_of_standard_webhooks_agrees() -> None:
    library = pytest.importorskip("standardwebhooks")
    signed = library.Webhook(SECRET).sign("m", NOW, "{}")
    assert signed == sign_standard(SECRET, "m", AT, b"{}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"webhook-signature": "v1,AAAA"}, "none of its v1 signatures fits"),
        ({"webhook-signature": "v0,AAAA é"}, "none of its v1 signatures fits"),
        ({"webhook-id": "other"}, "none of its v1 signatures fits"),
        ({"webhook-timestamp": str(AT - 301)}, "more than 300 seconds away"),
        ({"webhook-timestamp": str(AT + 301)}, "more than 300 seconds away"),
        ({"webhook-timestamp": "soon"}, "whole seconds since 1970"),
        ({"webhook-timestamp": "9" * 20}, "webhook-timestamp"),
        ({"webhook-id": ""}, "webhook-id is missing"),
    ],
)
def test_wrong_or_old_signature_is_401_and_nothing_is_kept(
    change: dict[str, str], said: str, feed: Any, client: FlaskClient, session: Session
) -> None:
    feed({"type": "standard", "secrets": ["env:PORTAL_NEW"]})
    body = json.dumps(cloud()).encode()
    answer = client.post(URL, data=body, headers=standard(body) | change)
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert said in answer.json["detail"]
    assert SECRET not in answer.text
    assert kept(session) == []


def test_a_changed_body_is_not_believed(feed: Any, client: FlaskClient, session: Session) -> None:
    feed({"type": "standard", "secrets": ["env:PORTAL_NEW"]})
    headers = standard(json.dumps(cloud("E1")).encode())
    assert client.post(URL, data=json.dumps(cloud("E2")).encode(), headers=headers).status_code == 401
    assert kept(session) == []


GENERIC = {"type": "hmac", "secrets": ["env:PORTAL_TOKEN"]}


@pytest.mark.parametrize(
    ("options", "signature"),
    [
        ({"header": "X-Hub-Signature-256", "prefix": "sha256="},
         lambda body: {"X-Hub-Signature-256": "sha256=" + _mac(body, "sha256").hex()}),
        ({"header": "X-Shop-Hmac", "encoding": "base64", "algorithm": "sha512"},
         lambda body: {"X-Shop-Hmac": base64.b64encode(_mac(body, "sha512")).decode()}),
        ({"header": "X-Sig", "prefix": "v0=", "timestamp": "X-Time", "signed": "v0:{timestamp}:{body}"},
         lambda body: {"X-Sig": "v0=" + _mac(b"v0:%d:" % AT + body, "sha256").hex(), "X-Time": str(AT)}),
        ({"header": "Pay-Signature", "key": "v1", "timestamp": "t", "signed": "{timestamp}.{body}"},
         lambda body: {"Pay-Signature": f"t={AT}, v1=00, v1=" + _mac(b"%d." % AT + body, "sha256").hex().upper()}),
        ({"signed": "{id}.{body}", "id_header": "X-Id", "algorithm": "sha1"},
         lambda body: {"X-Signature": _mac(b"77." + body, "sha1").hex(), "X-Id": "77"}),
    ],
)  # fmt: skip
def test_generic_hmac_headers(
    options: dict[str, Any], signature: Callable[[bytes], dict[str, str]], feed: Any, client: FlaskClient,
    session: Session,
) -> None:  # fmt: skip
    feed(GENERIC | options)
    body = json.dumps(cloud()).encode()
    assert client.post(URL, data=body + b" ", headers=CLOUD | signature(body)).status_code == 401
    assert client.post(URL, data=body, headers=CLOUD).status_code == 401
    assert kept(session) == []
    assert client.post(URL, data=body, headers=CLOUD | signature(body)).status_code == 202


def _mac(body: bytes, algorithm: str) -> bytes:
    return hmac.new(b"t0p", body, getattr(hashlib, algorithm)).digest()


def test_old_time_of_a_generic_signature_is_refused(feed: Any, client: FlaskClient) -> None:
    feed(GENERIC | {"timestamp": "X-Time", "signed": "{timestamp}{body}", "tolerance": "1m"})
    body, at = json.dumps(cloud()).encode(), (NOW - timedelta(seconds=61)).isoformat()
    headers = CLOUD | {"X-Time": at, "X-Signature": _mac(at.encode() + body, "sha256").hex()}
    answer = client.post(URL, data=body, headers=headers)
    assert (answer.status_code, "more than 60 seconds" in answer.text) == (401, True)


def test_bearer_token(feed: Any, client: FlaskClient, session: Session) -> None:
    for said in ("Bearer wrong", "Basic t0p", "t0p", ""):
        assert post(client, cloud(), **CLOUD, Authorization=said).status_code == 401
    assert kept(session) == []


def test_a_secret_that_cannot_be_read_is_our_fault(
    feed: Any, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PORTAL_TOKEN")
    answer = post(client, cloud(), **CLOUD, **TOKEN)
    assert answer.status_code == 503
    assert "PORTAL_TOKEN" not in answer.text


def test_unknown_feeds_and_feeds_of_other_kinds_are_not_there(
    feed: Any, app: Flask, client: FlaskClient
) -> None:
    assert client.post("/api/v1/events/nothing", data=b"{}", headers=TOKEN).status_code == 404
    assert client.post("/api/v1/events/erp_orders", data=b"{}", headers=TOKEN).status_code == 404
    feeds = runtime(app).catalog.feeds
    feeds["portal.suppliers"] = feeds["portal.suppliers"].model_copy(update={"enabled": False})
    answer = post(client, cloud(), **CLOUD, **TOKEN)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_larger_than_allowed_is_413(feed: Any, client: FlaskClient, session: Session) -> None:
    feed(None, max_bytes=200)
    answer = post(client, cloud(data="x" * 300), **CLOUD, **TOKEN)
    assert (answer.status_code, kept(session)) == (413, [])
    assert "expected at most 200 bytes" in answer.json["detail"]


def test_neither_session_nor_form_token_is_asked_for(feed: Any, app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    answer = post(client, cloud(), **CLOUD, **TOKEN)
    assert answer.status_code == 202
    assert "Set-Cookie" not in answer.headers
    assert client.get(URL).status_code == 405


# ---- what follows the transaction
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("event", "headers", "wanted"),
    [
        ({}, {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, {}, TRACE),
        ({"correlationid": "TX 1"}, {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, "TX_1"),
        ({}, {"X-Correlation-ID": "abc-1"}, "abc-1"),
    ],
)
def test_trace_of_the_sender_is_honoured_and_continued(
    event: dict[str, str],
    headers: dict[str, str],
    wanted: str,
    feed: Any,
    client: FlaskClient,
    session: Session,
) -> None:
    answer = post(client, cloud(**event), **CLOUD, **TOKEN, **headers)
    assert kept(session)[0].correlation_id == wanted
    version, trace, span, _ = answer.headers["traceparent"].split("-")
    assert (version, len(trace), span == "00f067aa0ba902b7") == ("00", 32, False)
    if wanted == TRACE:
        assert trace == TRACE


@pytest.mark.parametrize(
    "broken", ["", "00-0-0-0", f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"]
)
def test_broken_traceparent_begins_a_new_trace(
    broken: str, feed: Any, client: FlaskClient, session: Session
) -> None:
    post(client, cloud(), **CLOUD, **TOKEN, traceparent=broken)
    [one] = kept(session)
    assert len(one.correlation_id) == 32
    assert one.correlation_id != TRACE


def test_a_database_that_takes_nothing_is_said_and_nothing_is_accepted(
    feed: Any, client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> int:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(inbox, "append", locked)
    answer = post(client, cloud(), **CLOUD, **TOKEN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert kept(session) == []
