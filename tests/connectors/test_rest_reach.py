"""How a system knows us, where requests may go, and how hard a system is asked."""

from __future__ import annotations

import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import time_machine
from certificates import PASSWORD, Pems, issue
from loopback import Asked, Reply
from rest_feeds import Serve, connector, ids, read_all

from exceptions_app.connectors.base import TransportError
from exceptions_app.connectors.rest.allowance import shared
from exceptions_app.connectors.rest.options import RestConnection

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
LINKED = {"path": "/orders", "records": "value", "paging": {"type": "next_link", "field": "next"}}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "k-4711-secret")
    monkeypatch.setenv("CLIENT", "tieout")


def failure(
    serve: Serve, handler: Any, read: dict[str, Any] | None = None, **connection: Any
) -> TransportError:
    server = serve(handler)
    _, error = read_all(connector(server.url, read or {"path": "/orders"}, **connection).read(None))
    assert isinstance(error, TransportError)
    return error


# -- how a system knows us


def test_a_key_may_stand_in_the_query_and_is_never_said(serve: Serve) -> None:
    server = serve(lambda asked: Reply(f"bad key {asked.query['api_key']}", status=403))
    auth = {"type": "api_key", "query": "api_key", "value": "env:KEY"}
    _, error = read_all(
        connector(server.url, {"path": "/orders", "params": {"a": "1"}}, auth=auth).read(None)
    )
    assert server.asked[0].query == {"a": "1", "api_key": "k-4711-secret"}
    assert isinstance(error, TransportError)
    assert "secret" not in str(error)
    assert "bad key •••" in str(error)


def test_a_key_may_be_written_as_the_system_wants_it(serve: Serve) -> None:
    server = serve(lambda asked: Reply([]))
    auth = {"type": "api_key", "header": "Authorization", "template": "Token {token}", "value": "env:KEY"}
    read_all(connector(server.url, {"path": "/orders"}, auth=auth).read(None))
    assert server.asked[0].headers["authorization"] == "Token k-4711-secret"


def test_client_credentials_may_stand_in_the_form_with_what_the_issuer_wants(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        return Reply({"access_token": "t"}) if asked.path == "/token" else Reply([])

    server = serve(handler)
    auth = {
        "type": "oauth2", "token_url": "/token", "client_id": "env:CLIENT", "client_secret": "env:KEY",
        "client_in": "body", "token_params": {"audience": "erp"},
    }  # fmt: skip
    read_all(connector(server.url, {"path": "/orders"}, auth=auth).read(None))
    form = {name: value for name, [value] in parse_qs(server.asked[0].body).items()}
    assert form["audience"] == "erp"
    assert (form["client_id"], form["client_secret"]) == ("tieout", "k-4711-secret")
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize("taken", [True, False])
def test_a_refresh_token_is_used_before_the_client_is_shown_again(serve: Serve, taken: bool) -> None:
    fetched: list[str] = []

    def handler(asked: Asked) -> Reply:
        if asked.path == "/token":
            grant = parse_qs(asked.body)["grant_type"][0]
            fetched.append(grant)
            if grant == "refresh_token" and not taken:
                return Reply({"error": "invalid_grant"}, status=400)
            return Reply({"access_token": f"t{len(fetched)}", "refresh_token": "r", "expires_in": 3600})
        number = int(asked.query.get("n", 0))
        if number == 1 and asked.headers["authorization"] == "Bearer t1":
            return Reply("expired", status=401)
        return Reply({"value": [{"id": number}], "next": f"/orders?n={number + 1}" if number < 2 else None})

    auth = {"type": "oauth2", "token_url": "/token", "client_id": "env:CLIENT", "client_secret": "env:KEY"}
    pages, error = read_all(connector(serve(handler).url, LINKED, auth=auth).read(None))
    assert error is None
    assert ids(pages) == [0, 1, 2]
    expected = ["client_credentials", "refresh_token"] + ([] if taken else ["client_credentials"])
    assert fetched == expected


def session_server(serve: Serve, lives: int, refused: int = 401) -> Any:
    """Each session is good for `lives` requests."""
    left: dict[str, int] = {}

    def handler(asked: Asked) -> Reply:
        if asked.path == "/login":
            token = f"s{len(left) + 1}"
            left[token] = lives
            cookie = {"X-Session": token, "Set-Cookie": f"SID={token}; Path=/"}
            return Reply({"data": {"token": token}}, headers=cookie)
        if asked.path == "/logout":
            return Reply("", status=204)
        carried = " ".join(asked.headers.get(name, "") for name in ("authorization", "x-session", "cookie"))
        token = next((name for name in left if name in carried), "")
        if left.get(token, 0) <= 0:
            return Reply("session expired", status=refused)
        left[token] -= 1
        number = int(asked.query.get("n", 0))
        return Reply({"value": [{"id": number}], "next": f"/orders?n={number + 1}" if number < 4 else None})

    return serve(handler)


def session(**login: Any) -> dict[str, Any]:
    body = {"user": "tieout", "password": "env:KEY"}
    return {"type": "session", "login": {"path": "/login", "body": body, "field": "data.token", **login}}


def test_a_session_is_opened_renewed_in_the_middle_and_ended(serve: Serve) -> None:
    server = session_server(serve, lives=2)
    source = connector(server.url, LINKED, auth=session(logout="/logout", logout_method="DELETE"))
    pages, error = read_all(source.read(None))
    source.close()
    assert error is None
    assert ids(pages) == [0, 1, 2, 3, 4]
    logins = [asked for asked in server.asked if asked.path == "/login"]
    assert len(logins) == 3
    assert json.loads(logins[0].body) == {"user": "tieout", "password": "k-4711-secret"}
    assert (server.asked[-1].method, server.asked[-1].path) == ("DELETE", "/logout")
    assert server.asked[-1].headers["authorization"] == "Bearer s3"


@pytest.mark.parametrize(
    ("login", "auth", "header", "written"),
    [
        ({"found_in": "header", "field": "X-Session"}, {"header": "X-Session"}, "x-session", "s1"),
        ({"found_in": "cookie", "field": "SID"}, {}, "cookie", "SID=s1"),
        ({}, {"template": "Session {token}"}, "authorization", "Session s1"),
    ],
)
def test_a_session_is_found_and_carried_as_the_system_wants(
    serve: Serve, login: Any, auth: Any, header: str, written: str
) -> None:
    server = session_server(serve, lives=100)
    read_all(connector(server.url, LINKED, auth={**session(**login), **auth}).read(None))
    assert server.asked[1].headers[header] == written


def test_the_login_may_be_a_form_or_basic(serve: Serve) -> None:
    server = session_server(serve, lives=100)
    read_all(connector(server.url, LINKED, auth=session(format="form")).read(None))
    assert parse_qs(server.asked[0].body)["password"] == ["k-4711-secret"]
    basic = session(format="basic", body={"username": "u", "password": "env:KEY"})
    read_all(connector(server.url, LINKED, auth=basic).read(None))
    login = next(
        asked for asked in server.asked if asked.headers.get("authorization", "").startswith("Basic")
    )
    assert base64.b64decode(login.headers["authorization"][6:]) == b"u:k-4711-secret"


def test_a_session_s_cookies_are_carried_beside_its_csrf_token(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        if asked.path == "/login":
            return Reply({"data": {"token": "c1"}}, headers={"Set-Cookie": "sid=s1; Path=/; HttpOnly"})
        known = (asked.headers.get("x-csrf-token"), asked.headers.get("cookie")) == ("c1", "sid=s1")
        return Reply({"value": [{"id": 1}]}) if known else Reply("no session", status=401)

    server = serve(handler)
    auth = {**session(cookies=True), "header": "X-CSRF-Token"}
    pages, error = read_all(connector(server.url, LINKED, auth=auth).read(None))
    assert error is None
    assert ids(pages) == [1]
    assert "401" in str(read_all(connector(server.url, LINKED, auth={**auth, **session()}).read(None))[1])


def test_a_login_that_sets_no_cookie_is_told(serve: Serve) -> None:
    server = serve(lambda _asked: Reply({"data": {"token": "c1"}}))
    _, error = read_all(connector(server.url, LINKED, auth=session(cookies=True)).read(None))
    assert "login /login: the answer to the login sets no cookie" in str(error)


def test_a_session_refused_even_when_new_is_renewed_once_only(serve: Serve) -> None:
    server = session_server(serve, lives=0, refused=440)
    _, error = read_all(connector(server.url, LINKED, auth=session(refused=[440])).read(None))
    assert isinstance(error, TransportError)
    assert error.permanent
    assert [asked.path for asked in server.asked] == ["/login", "/orders"] * 2


def test_a_login_that_fails_is_named_without_the_password(serve: Serve, waits: list[float]) -> None:
    error = failure(serve, lambda asked: Reply("wrong k-4711-secret", status=401), auth=session())
    assert error.permanent
    assert "the login was refused: 401" in error.message
    assert "secret" not in str(error)
    error = failure(serve, lambda asked: Reply({"data": {}}), auth=session())
    assert "no 'data.token' in its body" in error.message
    assert waits == []
    error = failure(serve, lambda asked: Reply("", status=503), auth=session(), tries=2)
    assert not error.permanent


# -- where requests may go


def test_a_next_page_on_another_host_that_is_named_is_asked_without_our_key(serve: Serve) -> None:
    other = serve(lambda asked: Reply({"value": [{"id": 2}]}))
    server = serve(lambda asked: Reply({"value": [{"id": 1}], "next": f"{other.url}/more"}))
    auth = {"type": "bearer", "token": "env:KEY"}
    for known in (False, True):
        hosts = [{"url": other.url, "known": known}]
        pages, error = read_all(connector(server.url, LINKED, auth=auth, hosts=hosts).read(None))
        assert error is None
        assert ids(pages) == [1, 2]
    assert [asked.headers.get("authorization") for asked in other.asked] == [None, "Bearer k-4711-secret"]


@pytest.mark.parametrize("named", [True, False])
def test_a_redirect_is_followed_only_to_a_host_that_is_named(serve: Serve, named: bool) -> None:
    other = serve(lambda asked: Reply([{"id": 1}]))
    server = serve(lambda asked: Reply("", status=302, headers={"Location": f"{other.url}/x?signed=1"}))
    auth = {"type": "bearer", "token": "env:KEY"}
    hosts = [{"url": other.url}] if named else []
    pages, error = read_all(connector(server.url, {"path": "/orders"}, auth=auth, hosts=hosts).read(None))
    if named:
        assert ids(pages) == [1]
        assert other.asked[0].query == {"signed": "1"}
        assert "authorization" not in other.asked[0].headers
    else:
        assert isinstance(error, TransportError)
        assert "name it under connection.hosts" in error.message
        assert other.asked == []


def test_redirects_on_the_same_host_are_followed_but_not_for_ever(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        if asked.path == "/orders":
            return Reply("", status=307, headers={"Location": "/v2/orders?page=1"})
        return Reply([{"id": asked.method}])

    read = {"path": "/orders", "method": "POST", "body": {"a": 1}}
    pages, error = read_all(connector(serve(handler).url, read).read(None))
    assert (ids(pages), error) == (["POST"], None)
    error = failure(serve, lambda asked: Reply("", status=302, headers={"Location": "/orders"}))
    assert error.permanent
    assert "on and on" in error.message


def test_a_proxy_of_the_environment_is_not_used_but_one_that_is_named_is(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(lambda asked: Reply([{"id": "by proxy"}]))
    server = serve(lambda asked: Reply([{"id": "direct"}]))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    pages, _ = read_all(connector(server.url, {"path": "/orders"}).read(None))
    assert ids(pages) == ["direct"]
    monkeypatch.setenv("PROXY", proxy.url)
    named = {"url": "env:PROXY", "username": "u", "password": "env:KEY"}
    pages, _ = read_all(connector("http://erp.invalid", {"path": "/orders"}, proxy=named).read(None))
    assert ids(pages) == ["by proxy"]
    assert proxy.asked[0].headers["host"] == "erp.invalid"
    assert base64.b64decode(proxy.asked[0].headers["proxy-authorization"][6:]) == b"u:k-4711-secret"


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    return issue(tmp_path_factory.mktemp("pems"))


def test_tls_trusts_the_authority_that_is_named_and_shows_our_certificate(
    serve: Serve, pems: Pems, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pems.server, pems.server_key)
    context.load_verify_locations(pems.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = serve(lambda asked: Reply([{"id": 1}]), tls=context)
    monkeypatch.setenv("PEM", PASSWORD)
    ours = {"certificate": str(pems.client), "key": str(pems.client_key), "key_password": "env:PEM"}
    both = {"ca": str(pems.ca), **ours}
    pages, error = read_all(connector(server.url, {"path": "/orders"}, tls=both).read(None))
    assert (ids(pages), error) == ([1], None)
    pages, error = read_all(
        connector(server.url, {"path": "/orders"}, tls={"ca": str(pems.ca)}, tries=1).read(None)
    )
    assert isinstance(error, TransportError), "without our certificate nothing is answered"
    _, error = read_all(connector(server.url, {"path": "/orders"}, tls=ours).read(None))
    assert isinstance(error, TransportError)
    assert error.permanent
    assert "connection.tls.ca" in error.message


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"ca": "missing.pem"}, "connection.tls.ca: missing.pem: No such file"),
        ({"certificate": "own.pem"}, "connection.tls.certificate: own.pem"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.pem").write_text("nonsense")
    with pytest.raises(TransportError, match=said):
        connector("https://erp.example", {"path": "/orders"}, tls=tls)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"auth": {"type": "session"}}, "login"),
        ({"auth": {"type": "api_key", "value": "env:K", "template": "x"}}, "{token}"),
        ({"auth": {"type": "session", "login": {"path": "/l", "format": "basic"}}}, "username"),
        ({"tls": {"key": "k.pem"}}, "certificate"),
        ({"proxy": {"url": "http://p", "username": "u"}}, "go together"),
        ({"headers": {"Authorization": "Bearer x"}}, "written by the connector"),
        ({"quota": {"requests": 0}}, "greater than"),
    ],
)
def test_connections_that_cannot_work_say_what_is_missing(options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RestConnection.model_validate({"base_url": "https://x", **options})


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(TransportError, match=r"connection\.hosts 1: not an http"):
        connector("https://x", {"path": "/"}, hosts=[{"url": "files.example"}])


# -- how hard a system is asked


def test_a_failing_system_is_left_in_peace_by_all_its_feeds_and_probed_once(serve: Serve) -> None:
    down = [True]
    server = serve(lambda asked: Reply("", status=503) if down[0] else Reply([{"id": 1}]))
    rules = {"tries": 2, "breaker": {"failures": 4, "pause": "30s"}}

    def read(path: str) -> Any:
        return read_all(connector(server.url, {"path": path}, **rules).read(None))

    with time_machine.travel(NOW, tick=False) as clock:
        for path in ("/a", "/b"):
            assert "503" in str(read(path)[1])
        assert len(server.asked) == 4
        _, error = read("/c")
        assert isinstance(error, TransportError)
        assert "not asked: it is left in peace until 12:30:30 UTC after 4 failures" in error.message
        assert (error.permanent, error.retry_after, len(server.asked)) == (False, 30, 4)
        clock.shift(timedelta(seconds=31))
        read("/c")
        assert len(server.asked) == 5, "one probe, which failed"
        _, error = read("/c")
        assert "until 12:31:31" in str(error), "twice as long"
        clock.shift(timedelta(seconds=61))
        down[0] = False
        assert ids(read("/c")[0]) == [1]
        assert ids(read("/a")[0]) == [1]


def test_a_long_wait_that_is_asked_for_is_kept_by_all_feeds_of_the_system(serve: Serve) -> None:
    server = serve(lambda asked: Reply("", status=429, headers={"Retry-After": "600"}))
    with time_machine.travel(NOW, tick=False):
        read_all(connector(server.url, {"path": "/a"}).read(None))
        _, error = read_all(connector(server.url, {"path": "/b"}).read(None))
    assert "left in peace until 12:40:00 UTC as it asked" in str(error)
    assert len(server.asked) == 1


def test_a_quota_is_kept_over_all_feeds_and_begins_anew(serve: Serve) -> None:
    server = serve(lambda asked: Reply([{"id": asked.query["page"]}]))
    paged = {"path": "/a", "paging": {"type": "page"}, "read_ahead": False}

    def read() -> Any:
        one = connector(server.url, paged, quota={"requests": 3, "per": "1h"})
        assert one.quota_use is None or one.quota_use.nearly_up
        found = read_all(one.read(None))
        assert (one.quota_use.used, one.quota_use.nearly_up) == (3, True)
        return found

    with time_machine.travel(NOW, tick=False) as clock:
        pages, error = read()
        assert ids(pages) == ["1", "2", "3"]
        assert isinstance(error, TransportError)
        assert (
            "the quota of 3 requests in 1 h is used up; it begins anew at 2026-11-22 13:00:00"
            in error.message
        )
        assert (error.permanent, error.retry_after, error.answered) == (False, 1800, True)
        assert read()[0] == []
        clock.shift(timedelta(minutes=30))
        assert ids(read()[0]) == ["1", "2", "3"]


def test_the_rate_is_shared_by_the_feeds_of_a_system(serve: Serve) -> None:
    connection = RestConnection.model_validate({"base_url": "https://x", "rate_per_second": 2})
    assert shared("erp", connection) is shared("erp", connection)
    assert shared("erp", connection) is not shared("hcm", connection)
    changed = connection.model_copy(update={"rate_per_second": 3.0})
    assert shared("erp", changed) is not shared("erp", connection)


def test_a_system_that_cannot_be_reached_is_named() -> None:
    _, error = read_all(connector("http://127.0.0.1:9", {"path": "/o"}, tries=1).read(None))
    assert isinstance(error, TransportError)
    assert "cannot connect to 127.0.0.1:9" in error.message


def test_a_proxy_that_does_not_know_us_is_named(serve: Serve) -> None:
    proxy = serve(lambda asked: Reply("", status=407))
    for url in ("http://erp.invalid", "https://erp.invalid"):
        _, error = read_all(connector(url, {"path": "/o"}, proxy={"url": proxy.url}).read(None))
        assert isinstance(error, TransportError)
        assert error.permanent
        assert "look at connection.proxy" in error.message


def test_every_request_is_one_that_was_asked_for(serve: Serve) -> None:
    """The closed list: what goes elsewhere by link, redirect, job or download is refused before it leaves."""
    elsewhere = serve(lambda asked: Reply([]))
    there = f"{elsewhere.url}/x"
    bulk = {"body": {}, "job_header": "Location", "done": ["ok"], "result_field": "url"}
    ways: list[tuple[dict[str, Any], Reply]] = [
        ({"paging": {"type": "next_link", "field": "next"}, "records": "v"}, Reply({"v": [], "next": there})),
        ({"paging": {"type": "link_header"}}, Reply([], headers={"Link": f'<{there}>; rel="next"'})),
        (
            {"paging": {"type": "odata"}, "records": "d.results"},
            Reply({"d": {"results": [], "__next": there}}),
        ),
        ({}, Reply("", status=301, headers={"Location": there})),
        ({}, Reply("", status=307, headers={"Location": f"//{there.removeprefix('http://')}"})),
        ({"method": "POST", "body": {}}, Reply("", status=303, headers={"Location": there})),
        ({"bulk": bulk}, Reply({}, headers={"Location": there})),
        ({"bulk": bulk}, Reply({"state": "ok", "url": there}, headers={"Location": "/jobs/1"})),
    ]
    for read, reply in ways:
        server = serve(lambda asked, reply=reply: reply)
        _, error = read_all(connector(server.url, {"path": "/o", **read}).read(None))
        assert isinstance(error, TransportError), read
        assert error.permanent
        assert "not asked" in error.message
    assert elsewhere.asked == []
