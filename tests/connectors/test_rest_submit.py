"""Writes over HTTP against real servers on loopback: what is sent, what is told, whether it may have arrived."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2
import pytest
import time_machine
from loopback import Asked, Loopback, Reply
from pydantic import ValidationError

from exceptions_app.catalog.schema import Operation, System
from exceptions_app.connectors.base import TransportError
from exceptions_app.connectors.registry import build_submitter
from exceptions_app.connectors.rest.refusals import retry_after
from exceptions_app.connectors.rest.submit import traceparent
from exceptions_app.connectors.rest.write_options import RestReadBack, RestSubmit
from exceptions_app.connectors.writing import Submitter, Write

Serve = Callable[..., Loopback]
CORRELATION = "0af7651916cd43dd8448eb211c80319c"
FIELDS = {
    "invoice": {"source": "key.invoice"},
    "amount": {"source": "erp.amount", "type": "money"},
    "lines": {"source": "erp.lines", "type": "integer"},
    "urgent": {"source": "erp.urgent", "type": "boolean"},
    "note": {"source": "erp.note", "required": False},
    "account": {"source": "erp.account", "sensitivity": "bank", "required": False},
}


def system(url: str, **connection: Any) -> System:
    given = {"base_url": url, "timeout": "2s", **connection}
    return System.model_validate(
        {"code": "erp", "name": "ERP", "kind": "erp", "connector": "rest", "connection": given}
    )


def operation(submit: dict[str, Any], read_back: dict[str, Any] | None = None) -> Operation:
    return Operation.model_validate(
        {
            "code": "erp.send", "title": "Send it again", "system": "erp", "category": ["differs"],
            "fields": FIELDS, "submit": submit, "read_back": read_back,
        }
    )  # fmt: skip


@pytest.fixture
def submitter(request: pytest.FixtureRequest) -> Callable[..., Submitter]:
    def build(
        url: str, submit: dict[str, Any], read_back: dict[str, Any] | None = None, **connection: Any
    ) -> Submitter:
        left = connection.pop("left", lambda: None)
        made = build_submitter(system(url, **connection), operation(submit, read_back), left)
        request.addfinalizer(made.close)
        return made

    return build


Build = Callable[..., Submitter]


def write(key: str = "k-1", **fields: Any) -> Write:
    given = {
        "invoice": "INV-1", "amount": Decimal("12.50"), "lines": 3, "urgent": True, "note": None, "account": None,
    }  # fmt: skip
    return Write({**given, **fields}, key, CORRELATION)


def ok(_: Asked) -> Reply:
    return Reply({"status": "ok"})


def test_placeholders_that_stand_alone_keep_their_type_and_numbers_stay_exact(
    serve: Serve, submitter: Build
) -> None:
    body = {
        "number": "{invoice}", "total": "{amount}", "count": "{lines}", "urgent": "{urgent}",
        "text": "{invoice}: {amount}", "nested": [{"sum": "{amount}"}], "fixed": 7, "braces": "{not a field}",
    }  # fmt: skip
    server = serve(ok)
    submitter(server.url, {"path": "/invoices", "body": body}).submit(
        write(amount=Decimal("1234567890123.0001"))
    )
    [asked] = server.asked
    assert '"total":1234567890123.0001,"count":3,"urgent":true' in asked.body
    sent = json.loads(asked.body)
    assert sent["text"] == "INV-1: 1234567890123.0001"
    assert (sent["fixed"], sent["braces"]) == (7, "{not a field}")
    assert asked.headers["content-type"] == "application/json"


def test_dates_and_times_are_written_as_iso_text(serve: Serve, submitter: Build) -> None:
    server = serve(ok)
    at = datetime(2026, 11, 30, 17, tzinfo=UTC)
    body = {"day": "{note}", "at": "{account}", "both": "{note} {account}"}
    submitter(server.url, {"path": "/i", "body": body}).submit(write(note=at.date(), account=at))
    day, time_ = "2026-11-30", "2026-11-30T17:00:00Z"
    assert json.loads(server.asked[0].body) == {"day": day, "at": time_, "both": f"{day} {time_}"}


def test_absent_optional_field_leaves_its_entry_out(serve: Serve, submitter: Build) -> None:
    server = serve(ok)
    options = {"path": "/i", "query": {"n": "{note}", "i": "{invoice}"}, "body": {"note": "{note}", "a": [1]}}
    submitter(server.url, options).submit(write())
    assert (server.asked[0].query, server.asked[0].body) == ({"i": "INV-1"}, '{"a":[1]}')


def test_values_are_percent_encoded_in_paths_and_queries(serve: Serve, submitter: Build) -> None:
    server = serve(ok)
    options = {"method": "PUT", "path": "/invoices/{invoice}/status", "query": {"q": "{note}"}}
    submitter(server.url, options).submit(write(invoice="A/../b?c#d é", note="x&admin=1"))
    [asked] = server.asked
    assert asked.method == "PUT"
    assert asked.path == "/invoices/A%2F..%2Fb%3Fc%23d%20%C3%A9/status"
    assert asked.query == {"q": "x&admin=1"}


@pytest.mark.parametrize("value", ["..", ".", "", "  "])
def test_value_that_would_lead_to_another_path_is_never_sent(
    serve: Serve, submitter: Build, value: str
) -> None:
    server = serve(ok)
    with pytest.raises(TransportError, match="invoice cannot stand in an address") as refused:
        submitter(server.url, {"path": "/invoices/{invoice}"}).submit(write(invoice=value))
    assert (refused.value.permanent, refused.value.sent, server.asked) == (True, False, [])


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "é"])
def test_value_cannot_make_a_header_of_its_own(serve: Serve, submitter: Build, value: str) -> None:
    server = serve(ok)
    with pytest.raises(TransportError, match="invoice cannot stand in a header") as refused:
        submitter(server.url, {"path": "/i", "headers": {"X-Ref": "ref {invoice}"}}).submit(
            write(invoice=value)
        )
    assert (refused.value.permanent, refused.value.sent, server.asked) == (True, False, [])
    assert value not in str(refused.value)


def test_form_and_xml_bodies_are_escaped(serve: Serve, submitter: Build) -> None:
    server = serve(ok)
    form = {"path": "/f", "format": "form", "body": {"inv": "{invoice}", "n": "{note}", "sum": "{amount}"}}
    submitter(server.url, form).submit(write(invoice="a&b=c"))
    xml = {"path": "/x", "format": "xml", "body": '<inv n="{invoice}"><note>{note}</note></inv>'}
    submitter(server.url, xml).submit(write(invoice='"><x/>', note="R&D's <b>"))
    first, second = server.asked
    assert (first.body, first.headers["content-type"]) == (
        "inv=a%26b%3Dc&sum=12.50", "application/x-www-form-urlencoded",
    )  # fmt: skip
    assert second.body == ('<inv n="&quot;&gt;&lt;x/&gt;"><note>R&amp;D&apos;s &lt;b&gt;</note></inv>')
    assert second.headers["content-type"].startswith("application/xml")
    with pytest.raises(TransportError, match="control character"):
        submitter(server.url, xml).submit(write(note="a\x0bb"))


def test_idempotency_key_trace_and_correlation_are_sent(serve: Serve, submitter: Build) -> None:
    server = serve(ok)
    made = submitter(server.url, {"path": "/i"})
    made.submit(write("key-1"))
    made.submit(write("key-1"))
    first, second = (asked.headers for asked in server.asked)
    assert first["idempotency-key"] == second["idempotency-key"] == "key-1"
    assert first["x-correlation-id"] == CORRELATION
    assert re.fullmatch(rf"00-{CORRELATION}-[0-9a-f]{{16}}-01", first["traceparent"])
    assert first["traceparent"] != second["traceparent"]


def test_key_can_go_in_another_header_or_into_the_body(serve: Serve, submitter: Build) -> None:
    server = serve(ok)
    options = {"path": "/i", "idempotency_header": "X-Request-Id", "body": {"ref": "{idempotency_key}"}}
    submitter(server.url, options).submit(write("key-2"))
    submitter(server.url, {"path": "/i", "idempotency_header": None}).submit(write("key-3"))
    first, second = server.asked
    assert (first.headers["x-request-id"], json.loads(first.body)) == ("key-2", {"ref": "key-2"})
    assert "key-3" not in str(second.headers)


def test_correlation_id_of_any_shape_makes_a_valid_trace() -> None:
    for correlation in ("", "0" * 32, "job:42", "0AF76519-16CD-43DD-8448-EB211C80319C"):
        assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01", traceparent(correlation))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sunday, 22-Nov-26 12:00:30 GMT", 30.0),
        ("Sun Nov 22 12:00:30 2026", 30.0),
        ("Sun, 22 Nov 2026 11:59:00 GMT", 0.0),
        ("soon", None),
        ("\xb2", None),
    ],
)
def test_retry_after_is_read_in_each_form_that_a_date_may_have(said: str, seconds: float | None) -> None:
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC), tick=False):
        assert retry_after(httpx2.Response(429, headers={"retry-after": said.encode("latin-1")})) == seconds


def test_answer_of_any_status_is_told_with_its_retry_after(serve: Serve, submitter: Build) -> None:
    replies = [Reply({"m": "no"}, 422), Reply("", 429, {"Retry-After": "7"}), Reply("busy", 503)]
    server = serve(lambda _: replies.pop(0))
    made = submitter(server.url, {"path": "/i"})
    answers = [made.submit(write()) for _ in range(3)]
    assert [(a.status, a.retry_after) for a in answers] == [(422, None), (429, 7.0), (503, None)]
    assert answers[0].body == '{"m": "no"}'


def test_redirect_is_an_answer_and_is_not_followed(serve: Serve, submitter: Build) -> None:
    other = serve(ok)
    server = serve(lambda _: Reply("", 307, {"Location": other.url}))
    assert submitter(server.url, {"path": "/i"}).submit(write()).status == 307
    assert other.asked == []


def test_success_must_read_like_one_where_the_operation_says_so(serve: Serve, submitter: Build) -> None:
    server = serve(lambda _: Reply("<html>Please sign in</html>"))
    answer = submitter(server.url, {"path": "/i", "success": "ok"}).submit(write())
    assert (answer.status, answer.as_expected) == (200, False)


def test_refused_connection_has_sent_nothing(submitter: Build) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TransportError) as failed:
        submitter(f"http://127.0.0.1:{port}", {"path": "/i"}).submit(write())
    assert (failed.value.sent, failed.value.permanent) == (False, False)


def test_tls_that_cannot_be_agreed_on_has_sent_nothing(serve: Serve, submitter: Build) -> None:
    server = serve(ok)
    with pytest.raises(TransportError) as failed:
        submitter(server.url.replace("http:", "https:"), {"path": "/i"}).submit(write())
    assert (failed.value.sent, failed.value.permanent, server.asked) == (False, False, [])


def test_connection_that_breaks_after_sending_leaves_the_outcome_open(serve: Serve, submitter: Build) -> None:
    server = serve(lambda _: Reply(dropped=True))
    with pytest.raises(TransportError) as failed:
        submitter(server.url, {"path": "/i"}).submit(write())
    assert (failed.value.sent, failed.value.permanent, len(server.asked)) == (True, False, 1)


def test_slow_answer_leaves_the_outcome_open(serve: Serve, submitter: Build) -> None:
    release = threading.Event()

    def slow(_: Asked) -> Reply:
        release.wait(5)
        return Reply("")

    server = serve(slow)
    with pytest.raises(TransportError, match="no answer within 1 s") as failed:
        submitter(server.url, {"path": "/i"}, timeout="1s").submit(write())
    release.set()
    assert failed.value.sent


def test_half_an_answer_is_none_for_a_success_but_a_refusal_stands(serve: Serve, submitter: Build) -> None:
    replies = [Reply("x" * 100, 200, cut=10), Reply("x" * 100, 422, cut=10)]
    server = serve(lambda _: replies.pop(0))
    made = submitter(server.url, {"path": "/i"})
    with pytest.raises(TransportError) as failed:
        made.submit(write())
    assert failed.value.sent
    assert made.submit(write()).status == 422


def test_endless_answer_is_cut(serve: Serve, submitter: Build) -> None:
    server = serve(lambda _: Reply("x" * 1_000_000))
    assert len(submitter(server.url, {"path": "/i"}).submit(write()).body) == 64 * 1024


def test_token_is_renewed_once_when_it_is_refused(
    serve: Serve, submitter: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_ID", "me")
    monkeypatch.setenv("CLIENT_SECRET", "pw")
    tokens = iter(range(1, 100))

    def answer(asked: Asked) -> Reply:
        if asked.path == "/token":
            return Reply({"access_token": f"t{next(tokens)}", "token_type": "Bearer", "expires_in": 3600})
        return Reply({}) if asked.headers["authorization"] == "Bearer t2" else Reply({}, 401)

    server = serve(answer)
    auth = {
        "type": "oauth2", "token_url": "/token", "client_id": "env:CLIENT_ID", "client_secret": "env:CLIENT_SECRET",
    }  # fmt: skip
    made = submitter(server.url, {"path": "/i"}, auth=auth)
    assert [made.submit(write()).status for _ in range(2)] == [200, 200]
    assert [asked.path for asked in server.asked] == ["/token", "/i", "/token", "/i", "/i"]


def test_token_that_cannot_be_had_is_the_systems_state_and_not_the_writes(
    serve: Serve, submitter: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_ID", "me")
    monkeypatch.setenv("CLIENT_SECRET", "pw")
    server = serve(lambda _: Reply({"error": "invalid_client"}, 401))
    auth = {
        "type": "oauth2", "token_url": "/token", "client_id": "env:CLIENT_ID", "client_secret": "env:CLIENT_SECRET",
    }  # fmt: skip
    with pytest.raises(TransportError) as failed:
        submitter(server.url, {"path": "/i"}, auth=auth).submit(write())
    assert (failed.value.sent, failed.value.permanent) == (False, False)
    assert "pw" not in str(failed.value)


def test_missing_secret_is_told_when_the_submitter_is_made(submitter: Build) -> None:
    auth = {"type": "bearer", "token": "env:NOT_SET"}
    with pytest.raises(TransportError, match="NOT_SET is not set"):
        submitter("http://127.0.0.1:9", {"path": "/i"}, auth=auth)


IBAN = "DE89 3704 0044 0532 0130 00"


def test_sensitive_values_are_hidden_in_request_and_answer_however_written(
    serve: Serve, submitter: Build
) -> None:
    said = f'{{"error": "account {IBAN.replace(" ", "").lower()} or DE89+3704+0044+0532+0130+00 is closed"}}'
    server = serve(lambda _: Reply(said, 422))
    body = {"iban": "{account}", "i": "{invoice}"}
    made = submitter(server.url, {"path": "/a/{account}", "query": {"q": "{account}"}, "body": body})
    answer = made.submit(write(account=IBAN))
    assert json.loads(server.asked[0].body)["iban"] == IBAN
    for text in (answer.request, answer.body, made.request_of(write(account=IBAN))):
        assert "3704" not in text
        assert "•••" in text
    assert "INV-1" in answer.request


def test_short_sensitive_value_is_hidden_only_where_it_stands_alone(serve: Serve, submitter: Build) -> None:
    server = serve(lambda _: Reply("code 7 of 777"))
    assert submitter(server.url, {"path": "/i"}).submit(write(account="7")).body == "code ••• of 777"


FOUND = [
    ({"path": "status", "equals": "{invoice}"}, {"status": "INV-1"}, True),
    ({"path": "status", "equals": "{invoice}"}, {"status": "INV-2"}, False),
    ({"path": "total", "equals": "{amount}"}, {"total": 12.5}, True),
    ({"path": "total", "equals": "{amount}"}, {"total": "12.500"}, True),
    ({"path": "total", "equals": "{amount}"}, {"total": "none"}, False),
    ({"path": "a.ref", "equals": "{idempotency_key}"}, {"a": {"ref": "k-1"}}, True),
    ({"path": "postedAt"}, {"postedAt": "2026-11-24"}, True),
    ({"path": "postedAt"}, {"postedAt": None}, False),
    ({"rows": "value"}, {"value": [{"x": 1}]}, True),
    ({"rows": "value"}, {"value": []}, False),
    ({"rows": "value", "path": "i", "equals": "{invoice}"}, {"value": [{"i": "a"}, {"i": "INV-1"}]}, True),
    ({"rows": "value"}, {"other": 1}, False),
    ({"path": "urgent", "equals": "{urgent}"}, {"urgent": True}, True),
    (None, {}, True),
]


@pytest.mark.parametrize(("found", "body", "wanted"), FOUND)
def test_read_back_finds_what_the_rule_says(
    serve: Serve, submitter: Build, found: dict[str, Any] | None, body: Any, wanted: bool
) -> None:
    server = serve(lambda _: Reply(body))
    read_back = {"path": "/i/{invoice}", "found": found}
    arrival = submitter(server.url, {"path": "/i"}, read_back).read_back(write())
    assert arrival.found is wanted
    assert [(asked.method, asked.path) for asked in server.asked] == [("GET", "/i/INV-1")]
    assert "idempotency-key" not in server.asked[0].headers


def test_read_back_compares_before_hiding(serve: Serve, submitter: Build) -> None:
    server = serve(lambda _: Reply({"iban": IBAN}))
    read_back = {"path": "/i", "found": {"path": "iban", "equals": "{account}"}}
    arrival = submitter(server.url, {"path": "/i"}, read_back).read_back(write(account=IBAN))
    assert arrival.found
    assert "3704" not in arrival.answer.body


def test_read_back_that_is_not_found_is_absent_and_one_that_fails_is_not_known(
    serve: Serve, submitter: Build
) -> None:
    replies = [Reply("", 404), Reply("", 500), Reply("<html>")]
    server = serve(lambda _: replies.pop(0))
    made = submitter(server.url, {"path": "/i"}, {"path": "/i", "found": {"path": "a"}})
    assert not made.read_back(write()).found
    for _ in range(2):
        with pytest.raises(TransportError, match="cannot be read back"):
            made.read_back(write())


def test_many_threads_share_a_few_connections(serve: Serve, submitter: Build) -> None:
    server = serve(ok, keep=True)
    made = submitter(server.url, {"path": "/i", "body": {"i": "{invoice}"}})
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: made.submit(write(invoice=f"I{n}")), range(100)))
    assert all(answer.status == 200 for answer in answers)
    assert sorted(json.loads(asked.body)["i"] for asked in server.asked) == sorted(
        f"I{n}" for n in range(100)
    )
    assert server.connections <= 4
    made.close()


def test_left_is_told_after_the_request_and_before_the_answer(serve: Serve, submitter: Build) -> None:
    order: list[str] = []

    def handler(_: Asked) -> Reply:
        time.sleep(0)
        order.append("asked")
        return Reply("")

    server = serve(handler)
    submitter(server.url, {"path": "/i"}, left=lambda: order.append("left")).submit(write())
    order.append("answered")
    assert sorted(order[:2]) == ["asked", "left"]
    assert order[2] == "answered"


@pytest.mark.parametrize(
    "options",
    [
        {"path": "https://evil.example/x"},
        {"path": "//evil.example/x"},
        {"path": "/a/../b"},
        {"path": "/a?b=c"},
        {"path": "/a", "headers": {"Authorization": "Bearer x"}},
        {"path": "/a", "headers": {"Host": "evil.example"}},
        {"path": "/a", "headers": {"X-A": "b\r\nc: d"}},
        {"path": "/a", "headers": {"X A": "b"}},
        {"path": "/a", "idempotency_header": "Host"},
        {"path": "/a", "format": "xml", "body": {"a": 1}},
        {"path": "/a", "format": "form", "body": {"a": {"b": 1}}},
        {"path": "/a", "method": "GET"},
    ],
)
def test_options_that_could_not_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RestSubmit.model_validate(options)


def test_reading_back_can_only_ask() -> None:
    with pytest.raises(ValidationError):
        RestReadBack.model_validate({"path": "/a", "method": "PUT"})


def test_value_that_looks_like_another_host_stays_in_the_path(serve: Serve, submitter: Build) -> None:
    server = serve(ok)
    submitter(server.url, {"path": "{invoice}"}).submit(write(invoice="//evil.example/@x"))
    assert server.asked[0].path == "/%2F%2Fevil.example%2F%40x"


def test_connector_that_cannot_write_says_so() -> None:
    database = System.model_validate({"code": "d", "name": "D", "kind": "other", "connector": "sql"})
    with pytest.raises(TransportError, match="'sql' cannot write"):
        build_submitter(database, operation({"path": "/i"}))
