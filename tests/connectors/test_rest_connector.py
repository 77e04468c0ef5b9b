"""The `rest` connector against real HTTP servers on loopback."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import time_machine
from loopback import Asked, Loopback, Reply
from rest_feeds import Serve, connector, ids, read_all

from exceptions_app.connectors.base import FeedContentError, TransportError
from exceptions_app.connectors.rest.options import RestConnection, RestRead
from exceptions_app.connectors.rest.transport import HttpSource

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


ODATA = {"path": "/orders", "records": "value", "paging": {"type": "next_link"}}


def test_odata_next_links_are_followed_to_the_end(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        skip = int(asked.query.get("$skip", 0))
        body: dict[str, Any] = {"value": [{"id": skip + 1}, {"id": skip + 2}]}
        if skip < 4:
            body["@odata.nextLink"] = f"orders?$skip={skip + 2}"  # relative, as some gateways write it
        return Reply(body)

    server = serve(handler)
    pages, error = read_all(connector(server.url + "/odata", ODATA).read(None))
    assert error is None
    assert ids(pages) == [1, 2, 3, 4, 5, 6]
    assert [asked.path for asked in server.asked] == ["/odata/orders"] * 3
    assert pages[1].rows[1].position == "erp /orders page 2 row 2"


def test_a_next_link_to_another_host_is_refused_and_never_asked(serve: Serve) -> None:
    elsewhere = serve(lambda asked: Reply({"value": [{"id": 99}]}))
    server = serve(lambda asked: Reply({"value": [{"id": 1}], "@odata.nextLink": elsewhere.url + "/orders"}))
    pages, error = read_all(connector(server.url, ODATA).read(None))
    assert ids(pages) == [1]
    assert isinstance(error, TransportError)
    assert error.permanent
    assert elsewhere.url.removeprefix("http://") in error.message
    assert elsewhere.asked == []


def test_a_next_link_that_goes_in_circles_ends_with_an_error(serve: Serve) -> None:
    server = serve(lambda asked: Reply({"value": [{"id": 1}], "@odata.nextLink": "/orders?$skip=1"}))
    _, error = read_all(connector(server.url, ODATA).read(None))
    assert isinstance(error, FeedContentError)
    assert "already read" in error.message
    assert len(server.asked) == 2


def test_cursor_paging_sends_the_cursor_with_the_page_size(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        at = int(asked.query.get("after", 0))
        following = str(at + 1) if at < 2 else None
        return Reply({"data": {"items": [{"id": at}]}, "meta": {"next": following}})

    server = serve(handler)
    paging = {"type": "cursor", "field": "meta.next", "param": "after", "size_param": "limit", "size": 1}
    read = {"path": "/orders", "params": {"state": "open"}, "records": "data.items", "paging": paging}
    pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert ids(pages) == [0, 1, 2]
    assert server.asked[2].query == {"state": "open", "limit": "1", "after": "2"}


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_short_pages_do_not_end_page_and_offset_paging(serve: Serve, kind: str) -> None:
    """The source gives 2 rows a page although 100 were asked for: all 5 rows must arrive."""

    def handler(asked: Asked) -> Reply:
        start = int(asked.query["offset"]) if kind == "offset" else (int(asked.query["page"]) - 1) * 2
        return Reply([{"id": number} for number in range(start, min(start + 2, 5))])

    server = serve(handler)
    read = {"path": "/orders", "paging": {"type": kind, "size_param": "limit", "size": 100}}
    pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert ids(pages) == [0, 1, 2, 3, 4]


def test_offset_paging_stops_at_a_total_where_the_source_gives_one(serve: Serve) -> None:
    server = serve(lambda asked: Reply({"total": 2, "rows": [{"id": asked.query["offset"]}]}))
    read = {"path": "/orders", "records": "rows", "paging": {"type": "offset", "field": "total"}}
    pages, _ = read_all(connector(server.url, read).read(None))
    assert ids(pages) == ["0", "1"]
    assert len(server.asked) == 2


def test_a_source_that_ignores_the_page_number_is_found_out(serve: Serve) -> None:
    server = serve(lambda asked: Reply([{"id": 1}]))
    pages, error = read_all(connector(server.url, {"path": "/orders", "paging": {"type": "page"}}).read(None))
    assert isinstance(error, FeedContentError)
    assert "ignores page" in error.message
    assert ids(pages) == [1]


def oauth_server(serve: Serve, lives: int, expires_in: int | None = 3600) -> Loopback:
    """Issues tokens t1, t2, …; each is good for `lives` requests."""
    tokens: dict[str, int] = {}

    def handler(asked: Asked) -> Reply:
        if asked.path == "/oauth/token":
            token = f"t{len(tokens) + 1}"
            tokens[token] = lives
            expiry = {} if expires_in is None else {"expires_in": expires_in}
            return Reply({"access_token": token, "token_type": "Bearer", **expiry})
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if tokens.get(token, 0) <= 0:
            return Reply({"error": "expired"}, status=401)
        tokens[token] -= 1
        skip = int(asked.query.get("$skip", 0))
        link = {"@odata.nextLink": f"/orders?$skip={skip + 1}"} if skip < 4 else {}
        return Reply({"value": [{"id": skip}], **link})

    return serve(handler)


@pytest.fixture
def oauth(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("ERP_CLIENT", "tieout")
    monkeypatch.setenv("ERP_SECRET", "s3cret")
    return {
        "type": "oauth2",
        "token_url": "/oauth/token",
        "client_id": "env:ERP_CLIENT",
        "client_secret": "env:ERP_SECRET",
        "scope": "read",
    }


def test_a_token_that_expires_mid_paging_is_renewed_and_reading_goes_on(
    serve: Serve, oauth: dict[str, Any], waits: list[float]
) -> None:
    server = oauth_server(serve, lives=2)
    pages, error = read_all(connector(server.url, ODATA, auth=oauth).read(None))
    assert error is None
    assert ids(pages) == [0, 1, 2, 3, 4]
    asked = [request for request in server.asked if request.path == "/oauth/token"]
    assert len(asked) == 3
    assert "grant_type=client_credentials" in asked[0].body
    assert "scope=read" in asked[0].body
    assert waits == []


def test_a_token_about_to_run_out_is_renewed_first(serve: Serve, oauth: dict[str, Any]) -> None:
    server = oauth_server(serve, lives=100, expires_in=600)
    source = connector(server.url, {**ODATA, "read_ahead": False}, auth=oauth)
    with time_machine.travel(NOW, tick=False) as clock:
        pages = source.read(None)
        next(pages)
        clock.shift(590)
        next(pages)
    assert [asked.path for asked in server.asked] == ["/oauth/token", "/orders", "/oauth/token", "/orders"]


def test_a_token_refused_even_when_new_is_a_permanent_error(serve: Serve, oauth: dict[str, Any]) -> None:
    server = oauth_server(serve, lives=0)
    _, error = read_all(connector(server.url, ODATA, auth=oauth).read(None))
    assert isinstance(error, TransportError)
    assert error.permanent
    assert "401" in error.message
    assert len(server.asked) == 4


def test_wrong_credentials_are_named_without_the_secret(serve: Serve, oauth: dict[str, Any]) -> None:
    server = serve(lambda asked: Reply({"error": "invalid_client"}, status=401))
    _, error = read_all(connector(server.url, ODATA, auth=oauth).read(None))
    assert isinstance(error, TransportError)
    assert error.permanent
    assert "invalid_client" in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    ("status", "answered"), [(400, True), (404, True), (410, True), (401, False), (403, False), (503, False)]
)
def test_a_refusal_says_whether_the_system_itself_is_there_for_us(
    serve: Serve, status: int, answered: bool
) -> None:
    server = serve(lambda asked: Reply("no", status=status))
    _, error = read_all(connector(server.url, ODATA, tries=1).read(None))
    assert isinstance(error, TransportError) and error.answered is answered


def test_a_token_endpoint_that_refuses_us_is_no_matter_of_the_request(
    serve: Serve, oauth: dict[str, Any]
) -> None:
    server = serve(lambda asked: Reply({"error": "invalid_request"}, status=400))
    _, error = read_all(connector(server.url, ODATA, auth=oauth).read(None))
    assert isinstance(error, TransportError) and not error.answered


def test_a_token_endpoint_down_for_a_moment_is_asked_again(serve: Serve, oauth: dict[str, Any]) -> None:
    failures = iter([Reply("down", status=503, headers={"Content-Type": "text/html"})])
    inner = {"access_token": "t", "token_type": "Bearer", "expires_in": 60}

    def handler(asked: Asked) -> Reply:
        return next(failures, Reply(inner)) if asked.path == "/oauth/token" else Reply({"value": [{"id": 1}]})

    pages, error = read_all(connector(serve(handler).url, ODATA, auth=oauth).read(None))
    assert error is None
    assert ids(pages) == [1]


def test_an_unset_secret_is_named_before_anything_is_asked(serve: Serve) -> None:
    server = serve(lambda asked: Reply([]))
    with pytest.raises(TransportError, match="NO_SUCH_SECRET is not set"):
        connector(server.url, ODATA, auth={"type": "bearer", "token": "env:NO_SUCH_SECRET"})
    assert server.asked == []


@pytest.mark.parametrize(
    ("auth", "header", "expected"),
    [
        ({"type": "api_key", "header": "X-Key", "value": "env:KEY"}, "x-key", "k1"),
        ({"type": "bearer", "token": "env:KEY"}, "authorization", "Bearer k1"),
        ({"type": "basic", "username": "u", "password": "env:KEY"}, "authorization", "Basic dTprMQ=="),
    ],
)
def test_each_way_of_saying_who_we_are(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, auth: dict[str, Any], header: str, expected: str
) -> None:
    monkeypatch.setenv("KEY", "k1")
    server = serve(lambda asked: Reply([]))
    read_all(connector(server.url, {"path": "/orders"}, auth=auth, headers={"X-Site": "7"}).read(None))
    assert server.asked[0].headers[header] == expected
    assert server.asked[0].headers["x-site"] == "7"


def test_a_secret_may_stand_in_a_file(serve: Serve, tmp_path: Any) -> None:
    (tmp_path / "key").write_text("k2\n")
    server = serve(lambda asked: Reply([]))
    auth = {"type": "api_key", "value": f"file:{tmp_path / 'key'}"}
    read_all(connector(server.url, {"path": "/orders"}, auth=auth).read(None))
    assert server.asked[0].headers["x-api-key"] == "k2"


def test_base_url_may_come_from_the_environment(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(lambda asked: Reply([{"id": 1}]))
    monkeypatch.setenv("ERP_URL", server.url)
    pages, _ = read_all(connector("env:ERP_URL", {"path": "/orders"}).read(None))
    assert ids(pages) == [1]


def test_retry_after_is_honoured(serve: Serve, waits: list[float]) -> None:
    replies = iter(
        [
            Reply("slow down", status=429, headers={"Retry-After": "7"}),
            Reply("later", status=503, headers={"Retry-After": "Sun, 22 Nov 2026 12:00:30 GMT"}),
        ]
    )
    server = serve(lambda asked: next(replies, Reply([{"id": 1}])))
    with time_machine.travel(NOW, tick=False):
        pages, error = read_all(connector(server.url, {"path": "/orders"}).read(None))
    assert error is None
    assert ids(pages) == [1]
    assert waits == [7, 30]


def test_a_long_retry_after_is_left_to_a_later_run(serve: Serve, waits: list[float]) -> None:
    server = serve(lambda asked: Reply("", status=429, headers={"Retry-After": "3600"}))
    _, error = read_all(connector(server.url, {"path": "/orders"}).read(None))
    assert isinstance(error, TransportError)
    assert (error.permanent, error.retry_after) == (False, 3600)
    assert waits == []


def test_transient_errors_are_tried_again_with_growing_waits(serve: Serve, waits: list[float]) -> None:
    replies = iter([Reply("", status=500), Reply({"v": 1}, cut=2), Reply("", status=502)])
    server = serve(lambda asked: next(replies, Reply([{"id": 1}])))
    pages, error = read_all(connector(server.url, {"path": "/orders"}).read(None))
    assert error is None
    assert ids(pages) == [1]
    assert len(waits) == 3


def test_a_page_that_keeps_failing_gives_what_was_read_and_then_the_error(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        if asked.query.get("$skip") == "2":
            return Reply("boom", status=500)
        return Reply({"value": [{"id": 1}, {"id": 2}], "@odata.nextLink": "/orders?$skip=2"})

    server = serve(handler)
    pages, error = read_all(connector(server.url, ODATA, tries=3).read(None))
    assert ids(pages) == [1, 2]
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert error.where == "erp /orders page 2"
    assert len(server.asked) == 4


def test_nobody_listening_is_transient_and_names_the_page() -> None:
    _, error = read_all(connector("http://127.0.0.1:9", {"path": "/orders"}, tries=2).read(None))
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert error.where == "erp /orders page 1"


def test_a_200_page_with_html_in_it_is_named_and_masked(serve: Serve) -> None:
    html = "<html><title>Sign in</title><p>Session 8841 of user 17 expired</p>"
    server = serve(lambda asked: Reply(html, headers={"Content-Type": "text/html; charset=utf-8"}))
    pages, error = read_all(connector(server.url, ODATA).read(None))
    assert pages == []
    assert isinstance(error, FeedContentError)
    assert "text/html" in error.message
    assert "Sign in" in error.message
    assert "8841" not in error.message
    assert error.where == "erp /orders page 1"


def test_a_broken_answer_shows_its_shape_but_nobodys_data(serve: Serve) -> None:
    server = serve(lambda asked: Reply('{"value": [{"name": "Jane Doe", "ssn": "123-45-6789"}, {"na'))
    _, error = read_all(connector(server.url, ODATA).read(None))
    assert isinstance(error, FeedContentError)
    assert '"name"' in error.message
    assert "Jane" not in error.message
    assert "123" not in error.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "no"}}, "'error'"),
        ({"value": {"id": 1}}, "'value'"),
        ([1], "list"),
        ('{"value": [], "value": []}', "twice"),
        ('{"value": [{"id": NaN}]}', "NaN"),
        (b'{"value": "\xff"}', "0xFF at 11"),
    ],
)
def test_an_answer_of_another_shape_is_refused(serve: Serve, body: Any, said: str) -> None:
    server = serve(lambda asked: Reply(body))
    _, error = read_all(connector(server.url, ODATA).read(None))
    assert isinstance(error, FeedContentError)
    assert said in error.message


def test_a_redirect_to_a_sign_in_page_is_not_followed(serve: Serve) -> None:
    server = serve(lambda asked: Reply("", status=302, headers={"Location": "https://login.example/x?y"}))
    _, error = read_all(connector(server.url, ODATA).read(None))
    assert isinstance(error, TransportError)
    assert error.permanent
    assert "login.example" in error.message


def test_numbers_stay_exact_and_nested_values_are_exact_json_text(serve: Serve) -> None:
    text = (
        '[{"price": 0.1000000000000000055, "big": 12345678901234567890, "n": {"p": [1.10, "ä", null, true],'
        ' "long": -12345678901234.5678, "whole": 12345678901234567890}}]'
    )
    server = serve(lambda asked: Reply(text))
    pages, _ = read_all(connector(server.url, {"path": "/orders"}).read(None))
    values = pages[0].rows[0].values
    assert values["price"] == Decimal("0.1000000000000000055")
    assert values["big"] == 12345678901234567890
    nested = '{"p":[1.10,"ä",null,true],"long":"-12345678901234.5678","whole":12345678901234567890}'
    assert values["n"] == nested
    found = duckdb.execute("SELECT $1->>'long', $1->>'whole', $1->'p'->>0", [nested]).fetchone()
    assert found == ("-12345678901234.5678", "12345678901234567890", "1.1")


def test_a_row_with_a_duplicate_key_is_a_problem_and_the_others_are_kept(serve: Serve) -> None:
    server = serve(lambda asked: Reply('[{"id": 1}, {"id": 2, "l": [{"q": 1, "q": 2}]}, 7, {"id": 3}]'))
    pages, error = read_all(connector(server.url, {"path": "/orders"}).read(None))
    assert error is None
    assert ids(pages) == [1, 3]
    twice, other = pages[0].problems
    assert (twice.position, "'q' twice" in twice.reason) == ("erp /orders page 1 row 2", True)
    assert other.position == "erp /orders page 1 row 3"


WATERMARKED = {
    **ODATA,
    "watermark": {
        "param": "$filter",
        "template": "company eq 'A' and modifiedAt ge {watermark}",
        "field": "modifiedAt",
        "overlap": "60s",
        "initial": "2026-01-01T00:00:00Z",
    },
}


def test_the_watermark_moves_at_the_last_page_and_is_asked_with_its_overlap(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        if "$skip" in asked.query:
            return Reply({"value": [{"id": 2, "modifiedAt": "2026-11-22T09:00:00+00:00"}]})
        return Reply(
            {
                "value": [{"id": 1, "modifiedAt": "2026-11-22T11:00:00.1234567+01:00"}],
                "@odata.nextLink": "/orders?$skip=1",
            }
        )

    server = serve(handler)
    with time_machine.travel(NOW, tick=False):
        pages, _ = read_all(connector(server.url, WATERMARKED).read(None))
        assert [page.watermark for page in pages[:1]] == [None]
        final = pages[-1].watermark
        read_all(connector(server.url, WATERMARKED).read(final))
    assert json.loads(final or "") == {"since": "2026-11-22T10:00:00.123456Z"}
    conditions = [asked.query["$filter"] for asked in server.asked if "$filter" in asked.query]
    assert conditions == [
        "company eq 'A' and modifiedAt ge 2026-01-01T00:00:00Z",
        "company eq 'A' and modifiedAt ge 2026-11-22T09:59:00.123456Z",
    ]


def test_a_row_from_the_future_does_not_push_the_watermark_past_the_read(serve: Serve) -> None:
    server = serve(lambda asked: Reply({"value": [{"id": 1, "modifiedAt": "2099-01-01T00:00:00Z"}]}))
    with time_machine.travel(NOW, tick=False):
        pages, _ = read_all(connector(server.url, WATERMARKED).read(None))
    assert json.loads(pages[-1].watermark or "") == {"since": "2026-11-22T12:00:00Z"}


def test_nothing_new_keeps_the_watermark(serve: Serve) -> None:
    server = serve(lambda asked: Reply({"value": []}))
    mark = json.dumps({"since": "2026-11-20T00:00:00Z"})
    pages, _ = read_all(connector(server.url, WATERMARKED).read(mark))
    assert [page.watermark for page in pages] == [mark]


def test_an_ordered_source_keeps_each_page_it_gave(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        if "$skip" in asked.query:
            return Reply("", status=404)
        row = {"id": 1, "modifiedAt": "2026-11-01T00:00:00Z"}
        return Reply({"value": [row], "@odata.nextLink": "/orders?$skip=1"})

    read = {**WATERMARKED, "watermark": {**WATERMARKED["watermark"], "ordered": True}}  # type: ignore[dict-item]
    pages, error = read_all(connector(serve(handler).url, read).read(None))
    assert error is not None
    assert json.loads(pages[0].watermark or "") == {"since": "2026-11-01T00:00:00Z"}


def test_a_row_without_a_usable_time_is_still_delivered(serve: Serve) -> None:
    rows = [{"id": 1, "modifiedAt": "soon"}, {"id": 2}, {"id": 3, "modifiedAt": "2026-11-01T00:00:00Z"}]
    pages, error = read_all(
        connector(serve(lambda asked: Reply({"value": rows})).url, WATERMARKED).read(None)
    )
    assert error is None
    assert ids(pages) == [1, 2, 3]
    assert json.loads(pages[0].watermark or "") == {"since": "2026-11-01T00:00:00Z"}


def test_a_page_where_no_row_says_when_it_changed_is_another_schema(serve: Serve) -> None:
    server = serve(lambda asked: Reply({"value": [{"id": 1, "modified": "2026-11-01T00:00:00Z"}]}))
    _, error = read_all(connector(server.url, WATERMARKED).read(None))
    assert isinstance(error, FeedContentError)
    assert error.where == "erp /orders page 1 row 1 modifiedAt"


def test_a_snapshot_feed_reads_everything_whatever_its_watermark(serve: Serve) -> None:
    server = serve(lambda asked: Reply({"value": []}))
    mark = json.dumps({"since": "2026-11-20T00:00:00Z"})
    pages, _ = read_all(connector(server.url, WATERMARKED, mode="snapshot").read(mark))
    assert server.asked[0].query == {}
    assert len(pages) == 1


@pytest.mark.parametrize(
    ("form", "value", "later"), [("number", 41, "41"), ("date", "2026-11-20", "2026-11-19")]
)
def test_numbers_and_dates_can_be_watermarks(serve: Serve, form: str, value: Any, later: str) -> None:
    server = serve(lambda asked: Reply([{"id": 1, "seq": value}]))
    read = {"path": "/orders", "watermark": {"param": "from", "field": "seq", "format": form}}
    with time_machine.travel(NOW, tick=False):
        pages, _ = read_all(connector(server.url, read).read(None))
        read_all(connector(server.url, read).read(pages[-1].watermark))
    assert [asked.query for asked in server.asked] == [{}, {"from": later}]


def test_all_keys_are_read_by_their_own_parameters(serve: Serve) -> None:
    server = serve(lambda asked: Reply({"value": [{"id": 1}, {"id": 2}]}))
    source = connector(
        server.url, {**WATERMARKED, "keys": {"params": {"$select": "id"}}}, mode="keys_and_changes"
    )
    keys = source.all_keys()
    assert keys is not None
    assert [row.values["id"] for row in keys] == [1, 2]
    assert server.asked[0].query == {"$select": "id"}
    assert connector(server.url, ODATA).all_keys() is None


def test_an_unreadable_key_breaks_the_list_of_keys_instead_of_deleting_a_record(serve: Serve) -> None:
    server = serve(lambda asked: Reply({"value": [{"id": 1}, {"id": 2, "id ": 3}, 4]}))
    keys = connector(server.url, {**ODATA, "keys": {}}).all_keys()
    assert keys is not None
    with pytest.raises(FeedContentError):
        list(keys)


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_requests_keep_to_the_agreed_rate(serve: Serve) -> None:
    server = serve(lambda asked: Reply([]))
    slept: list[float] = []
    connection = RestConnection.model_validate({"base_url": server.url, "rate_per_second": 2})
    source = HttpSource(connection, sleep=slept.append, clock=lambda: 100.0)
    for _ in range(3):
        source.get(server.url, {}, "here")
    source.close()
    assert slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        (
            RestConnection,
            {"base_url": "https://x", "auth": {"type": "oauth2"}},
            "token_url, client_id, client_secret",
        ),
        (
            RestConnection,
            {"base_url": "https://x", "auth": {"type": "bearer", "token": "abc"}},
            "never written here",
        ),
        (RestRead, {"path": "https://evil.example/"}, "below base_url"),
        (
            RestRead,
            {"path": "/x", "watermark": {"param": "f", "field": "m", "template": "m ge"}},
            "must contain",
        ),
        (RestRead, {"path": "/", "params": {"f": "1"}, "watermark": {"param": "f", "field": "m"}}, "both"),
    ],
)
def test_options_that_cannot_work_are_refused_when_they_are_read(model: Any, options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        model.model_validate(options)


def test_one_record_is_asked_for_by_its_key(serve: Serve) -> None:
    server = serve(lambda _: Reply({"id": "A/1", "total": 1.10}))
    source = connector(
        server.url, {"path": "/orders", "records": "rows", "one": {"path": "/orders/{number}", "records": ""}}
    )
    rows = source.read_one({"number": "A/1", "entity": "H1"})
    assert rows is not None
    assert [(row.values["id"], row.values["total"]) for row in rows] == [("A/1", Decimal("1.10"))]
    assert server.asked[0].path == "/orders/A%2F1"
    source.close()


def test_one_record_may_be_several_rows_or_none(serve: Serve) -> None:
    replies = [Reply({"rows": [{"n": 1}, {"n": 2}]}), Reply({}, 404)]
    server = serve(lambda _: replies.pop(0))
    source = connector(
        server.url, {"path": "/lines", "records": "rows", "one": {"params": {"order": "{number}"}}}
    )
    rows = source.read_one({"number": "7&x"})
    assert rows is not None and len(rows) == 2
    assert server.asked[0].query == {"order": "7&x"}
    assert source.read_one({"number": "8"}) == []
    source.close()


def test_one_record_is_not_asked_for_where_nothing_says_how(serve: Serve) -> None:
    server = serve(lambda _: Reply({}))
    assert connector(server.url, {"path": "/a"}).read_one({"number": "1"}) is None
    asked = {"path": "/a", "one": {"path": "/a/{number}/{line}"}}
    assert connector(server.url, asked).read_one({"number": "1"}) is None
    assert server.asked == []
