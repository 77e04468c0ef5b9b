"""Every way of paging to its end, and what never ends, repeats itself or leaves something out."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from loopback import Asked, Reply
from rest_feeds import Serve, connector, ids, read_all

from exceptions_app.connectors.base import FeedContentError
from exceptions_app.connectors.rest.options import RestRead

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def listed(asked: Asked, total: int, size: int = 2) -> tuple[int, list[dict[str, int]]]:
    """The rows from `offset` on."""
    start = int(asked.query.get("offset", 0))
    return start, [{"id": number} for number in range(start, min(start + size, total))]


def test_a_link_header_is_followed_to_the_end(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        start, rows = listed(asked, 5)
        links = '</orders?offset=0>; rel="first"'
        if start + 2 < 5:
            links += f', <{server.url}/orders?offset={start + 2}&a=1,2>; title="x, y"; rel="next last"'
        return Reply(rows, headers={"Link": links})

    server = serve(handler)
    pages, error = read_all(
        connector(server.url, {"path": "/orders", "paging": {"type": "link_header"}}).read(None)
    )
    assert error is None
    assert ids(pages) == [0, 1, 2, 3, 4]
    assert server.asked[1].query == {"offset": "2", "a": "1,2"}


@pytest.mark.parametrize(
    ("records", "link"),
    [("value", ["@odata.nextLink"]), ("value", ["odata.nextLink"]), ("d.results", ["d", "__next"])],
)
def test_odata_of_each_version_is_asked_in_a_stable_order(
    serve: Serve, records: str, link: list[str]
) -> None:
    def handler(asked: Asked) -> Reply:
        start, rows = listed(asked, 4)
        inner: dict[str, Any] = {records.rpartition(".")[2]: rows}
        if start == 0:
            inner[link[-1]] = f"{server.url}/orders?offset=2"
        return Reply({"d": inner} if records.startswith("d") else inner)

    server = serve(handler)
    paging = {"type": "odata", "order": "modifiedAt,id", "size": 2}
    pages, error = read_all(
        connector(server.url, {"path": "/orders", "records": records, "paging": paging}).read(None)
    )
    assert error is None
    assert ids(pages) == [0, 1, 2, 3]
    assert server.asked[0].query == {"$orderby": "modifiedAt,id", "$top": "2"}


def test_a_cursor_may_stand_in_a_header(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        at = int(asked.query.get("locator", 0))
        return Reply(f"id\n{at}\n", headers={"Locator": str(at + 1) if at < 2 else "null"})

    paging = {"type": "cursor", "header": "Locator", "param": "locator"}
    read = {"path": "/orders", "format": "csv", "paging": paging}
    pages, error = read_all(connector(serve(handler).url, read).read(None))
    assert error is None
    assert ids(pages) == ["0", "1", "2"]


def test_ranges_are_asked_until_content_range_says_that_all_was_given(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        first, last = map(int, asked.headers["range"].removeprefix("items=").split("-"))
        rows = [{"id": number} for number in range(first, min(last, 4) + 1)]
        told = f"items {first}-{first + len(rows) - 1}/5"
        return Reply(rows, status=206, headers={"Content-Range": told})

    server = serve(handler)
    read = {"path": "/orders", "paging": {"type": "range", "size": 2, "order": "id", "order_param": "sort"}}
    pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert ids(pages) == [0, 1, 2, 3, 4]
    assert [asked.headers["range"] for asked in server.asked] == ["items=0-1", "items=2-3", "items=4-5"]
    assert server.asked[2].query == {"sort": "id"}


def test_ranges_of_an_unknown_total_end_with_416(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        first = int(asked.headers["range"].split("-")[0])
        if first >= 4:
            return Reply("past the end", status=416)
        rows = [{"id": first}, {"id": first + 1}]
        return Reply(rows, status=206, headers={"Content-Range": f"{first}-{first + 1}/*"})

    read = {"path": "/orders", "paging": {"type": "range", "size": 2, "unit": ""}}
    pages, error = read_all(connector(serve(handler).url, read).read(None))
    assert error is None
    assert ids(pages) == [0, 1, 2, 3]


def test_a_source_that_ignores_ranges_gave_everything_at_once(serve: Serve) -> None:
    server = serve(lambda asked: Reply([{"id": 1}, {"id": 2}]))
    pages, error = read_all(
        connector(server.url, {"path": "/orders", "paging": {"type": "range"}}).read(None)
    )
    assert (ids(pages), error, len(server.asked)) == ([1, 2], None, 1)


@pytest.mark.parametrize(
    ("headers", "said"),
    [({}, "without a usable Content-Range"), ({"Content-Range": "items 7-8/20"}, "from 7")],
)
def test_a_part_that_is_not_the_one_asked_for_is_refused(serve: Serve, headers: Any, said: str) -> None:
    server = serve(lambda asked: Reply([{"id": 1}, {"id": 2}], status=206, headers=headers))
    _, error = read_all(connector(server.url, {"path": "/o", "paging": {"type": "range"}}).read(None))
    assert isinstance(error, FeedContentError)
    assert said in error.message


def test_fewer_rows_than_the_source_says_it_has_is_no_whole_read(serve: Serve) -> None:
    server = serve(lambda asked: Reply(listed(asked, 4)[1], headers={"X-Total-Count": "5"}))
    paging = {"type": "offset", "header": "X-Total-Count", "order": "id", "order_param": "sort"}
    pages, error = read_all(connector(server.url, {"path": "/orders", "paging": paging}).read(None))
    assert ids(pages) == [0, 1, 2, 3]
    assert isinstance(error, FeedContentError)
    assert "there are 5 rows, and gave 4" in error.message
    assert server.asked[1].query == {"offset": "2", "sort": "id"}


def test_a_page_that_comes_again_later_is_found_out(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        return Reply([{"id": int(asked.query["page"]) % 3}])

    pages, error = read_all(
        connector(serve(handler).url, {"path": "/o", "paging": {"type": "page"}}).read(None)
    )
    assert ids(pages) == [1, 2, 0]
    assert isinstance(error, FeedContentError)
    assert error.message.startswith("page 4 is page 1 again")


@pytest.mark.parametrize(("filled", "said"), [(True, "page 2 is page 1 again"), (False, "without a row")])
def test_a_cursor_that_never_ends_is_broken_off(serve: Serve, filled: bool, said: str) -> None:
    def handler(asked: Asked) -> Reply:
        following = int(asked.query.get("cursor", 0)) + 1
        return Reply({"rows": [{"id": 1}] if filled else [], "next_cursor": following})

    read = {"path": "/o", "records": "rows", "paging": {"type": "cursor"}}
    _, error = read_all(connector(serve(handler).url, read).read(None))
    assert isinstance(error, FeedContentError)
    assert said in error.message


def test_a_list_of_more_pages_than_allowed_says_what_to_change(serve: Serve) -> None:
    server = serve(lambda asked: Reply([{"id": asked.query["page"]}]))
    read = {"path": "/o", "paging": {"type": "page", "most_pages": 3, "start": 0}}
    pages, error = read_all(connector(server.url, read).read(None))
    assert ids(pages) == ["0", "1", "2"]
    assert isinstance(error, FeedContentError)
    assert "paging.most_pages" in error.expected


@pytest.mark.parametrize(
    ("paging", "said"),
    [
        ({"type": "offset", "order": "id"}, "order_param is missing"),
        ({"type": "next_link", "place": "body"}, "place: body"),
    ],
)
def test_paging_that_cannot_work_is_refused_when_it_is_read(paging: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RestRead.model_validate({"path": "/o", "paging": paging})


# -- the watermark, wherever it goes

MARK = {"field": "at", "overlap": "0s", "initial": "2026-01-01T00:00:00Z"}


def asked_since(serve: Serve, read: dict[str, Any], mark: str = "2026-11-20T00:00:00Z") -> Asked:
    server = serve(lambda asked: Reply([]))
    read_all(connector(server.url, {"path": "/orders", **read}).read(json.dumps({"since": mark})))
    return server.asked[0]


def test_the_watermark_may_stand_in_the_path_the_body_or_a_header(serve: Serve) -> None:
    path = {"path": "/changes/{watermark}/orders", "watermark": {**MARK, "place": "path"}}
    assert asked_since(serve, path).path == "/changes/2026-11-20T00%3A00%3A00Z/orders"
    header = {"watermark": {**MARK, "place": "header", "param": "X-Since"}}
    assert asked_since(serve, header).headers["x-since"] == "2026-11-20T00:00:00Z"
    body = {
        "method": "POST",
        "body": {"where": {"changed": {"$gt": "{watermark}"}}, "state": "open"},
        "watermark": {**MARK, "place": "body"},
    }
    asked = asked_since(serve, body)
    assert asked.method == "POST"
    assert json.loads(asked.body)["where"] == {"changed": {"$gt": "2026-11-20T00:00:00Z"}}


def test_the_watermark_may_be_base64_json(serve: Serve) -> None:
    mark = {**MARK, "param": "filter", "template": '{"since": "{watermark}"}'}
    told = asked_since(serve, {"watermark": {**mark, "encode": "base64"}}).query["filter"]
    assert json.loads(base64.b64decode(told)) == {"since": "2026-11-20T00:00:00Z"}
    told = asked_since(serve, {"watermark": {**mark, "encode": "base64url"}}).query["filter"]
    assert json.loads(base64.urlsafe_b64decode(told + "==")) == {"since": "2026-11-20T00:00:00Z"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("epoch", "1795132800"),
        ("epoch_ms", "1795132800000"),
        ("%Y%m%d %H:%M", "20261119 18:00"),
    ],
)
def test_the_watermark_is_written_as_the_source_wants_it(serve: Serve, written: str, said: str) -> None:
    mark = {**MARK, "param": "since", "written": written, "zone": "America/Chicago"}
    assert asked_since(serve, {"watermark": mark}).query["since"] == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("%Y-%m-%d %H:%M", "2026-11-01 00:50"),  # its hour comes twice: what changes later may say 01:10
        ("%Y-%m-%d %H:%M%z", "2026-11-01 01:50-0500"),
        ("iso", "2026-11-01T06:50:00Z"),
    ],
)
def test_a_read_that_begins_in_a_repeated_hour_goes_further_back(
    serve: Serve, written: str, said: str
) -> None:
    server = serve(lambda asked: Reply([]))
    mark = {"field": "at", "param": "since", "written": written, "zone": "America/Chicago", "overlap": "0s"}
    kept = json.dumps({"since": "2026-11-01T06:50:00Z"})
    read_all(connector(server.url, {"path": "/o", "watermark": mark}).read(kept))
    assert server.asked[0].query["since"] == said


def test_a_first_read_leaves_an_absent_watermark_out_of_the_body(serve: Serve) -> None:
    server = serve(lambda asked: Reply([]))
    read = {
        "path": "/orders", "method": "POST", "body": {"since": "{watermark}", "state": "open"},
        "watermark": {"field": "at", "place": "body"},
    }  # fmt: skip
    read_all(connector(server.url, read).read(None))
    assert json.loads(server.asked[0].body) == {"state": "open"}


@pytest.mark.parametrize(
    ("value", "written", "since"),
    [
        ("/Date(1795132800000+0000)/", "iso", "2026-11-20T00:00:00Z"),
        (1795132800, "epoch", "2026-11-20T00:00:00Z"),
        (1795132800000, "epoch_ms", "2026-11-20T00:00:00Z"),
        ("2026-11-19 18:00:00", "iso", "2026-11-20T00:00:00Z"),
        ("19.11.2026 18:00", "%d.%m.%Y %H:%M", "2026-11-20T00:00:00Z"),
    ],
)
def test_times_of_rows_are_read_in_each_way(serve: Serve, value: Any, written: str, since: str) -> None:
    server = serve(lambda asked: Reply([{"id": 1, "at": value}]))
    mark = {"field": "at", "param": "since", "written": written, "zone": "America/Chicago"}
    with time_machine.travel(NOW, tick=False):
        pages, error = read_all(connector(server.url, {"path": "/o", "watermark": mark}).read(None))
    assert error is None
    assert json.loads(pages[-1].watermark or "") == {"since": since}


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ({"watermark": {"field": "at"}}, "param is missing"),
        ({"watermark": {"field": "at", "place": "path"}}, "initial is missing"),
        ({"watermark": {**MARK, "place": "path"}}, "the path must contain"),
        ({"method": "POST", "body": {}, "watermark": {**MARK, "place": "body"}}, "the body must contain"),
        (
            {
                "method": "POST", "body": {"q": "changed >= {watermark}"},
                "watermark": {"field": "at", "place": "body"},
            },
            "initial is missing",
        ),
        ({"watermark": {**MARK, "param": "s", "zone": "Mars"}}, "Europe/Berlin"),
        ({"watermark": {**MARK, "param": "s", "written": "us"}}, "pattern"),
    ],
)  # fmt: skip
def test_a_watermark_without_its_place_says_what_to_add(read: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RestRead.model_validate({"path": "/o", **read})


# -- whether it changed at all


@pytest.mark.parametrize(
    ("told", "asked_with"),
    [
        ({"ETag": '"v1"'}, {"if-none-match": '"v1"'}),
        (
            {"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"},
            {"if-modified-since": "Sun, 22 Nov 2026 10:00:00 GMT"},
        ),
    ],
)
def test_what_has_not_changed_is_not_sent_again(serve: Serve, told: Any, asked_with: Any) -> None:
    def handler(asked: Asked) -> Reply:
        known = asked_with.items() <= asked.headers.items()
        return Reply("", status=304) if known else Reply([{"id": 1}], headers=told)

    server = serve(handler)
    read = {"path": "/orders", "conditional": True}
    first, _ = read_all(connector(server.url, read, mode="snapshot").read(None))
    mark = first[-1].watermark
    again, error = read_all(connector(server.url, read, mode="snapshot").read(mark))
    assert (again, error) == ([], None)
    other, _ = read_all(connector(server.url, {**read, "params": {"all": "1"}}, mode="snapshot").read(mark))
    assert ids(other) == [1], "another request is not known by what the first one was known by"


def test_a_watermark_and_an_etag_go_together(serve: Serve) -> None:
    server = serve(lambda asked: Reply([{"id": 1, "at": "2026-11-20T00:00:00Z"}], headers={"ETag": "e"}))
    mark = {"field": "at", "param": "since", "overlap": "0s"}
    read = {"path": "/orders", "conditional": True, "watermark": mark}
    with time_machine.travel(NOW, tick=False):
        first, _ = read_all(connector(server.url, read).read(None))
        read_all(connector(server.url, read).read(first[-1].watermark))
    assert json.loads(first[-1].watermark or "")["since"] == "2026-11-20T00:00:00Z"
    assert server.asked[1].query == {"since": "2026-11-20T00:00:00Z"}


def test_reading_ends_when_nobody_wants_the_next_page(serve: Serve) -> None:
    server = serve(lambda asked: Reply([{"id": asked.query["page"]}]))
    source = connector(server.url, {"path": "/o", "paging": {"type": "page"}})
    pages = source.read(None)
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    source.close()
    assert len(server.asked) <= 3


def orders_of_two_lines(count: int, *, without: int | None = None) -> list[dict[str, Any]]:
    return [
        {"no": number, "lines": [] if number == without else [{"id": 2 * number}, {"id": 2 * number + 1}]}
        for number in range(count)
    ]


@pytest.mark.parametrize("total", ["orders", "lines", None])
def test_offsets_count_the_orders_where_rows_are_their_lines(serve: Serve, total: str | None) -> None:
    """Counting lines would step over every other order, and take 4 lines for all of 4 orders."""
    orders = orders_of_two_lines(4)

    def handler(asked: Asked) -> Reply:
        start = int(asked.query["offset"])
        body: dict[str, Any] = {"orders": orders[start : start + 2]}
        return Reply(body | ({"count": {"orders": 4, "lines": 8}[total]} if total else {}))

    server = serve(handler)
    paging = {"type": "offset"} | ({"field": "count"} if total else {})
    read = {"path": "/orders", "records": "orders[].lines", "paging": paging}
    pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert ids(pages) == list(range(8))


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_a_page_of_orders_without_lines_is_not_the_end(serve: Serve, kind: str) -> None:
    orders = orders_of_two_lines(3, without=1)

    def handler(asked: Asked) -> Reply:
        at = int(asked.query["offset"]) if kind == "offset" else int(asked.query["page"]) - 1
        return Reply({"orders": orders[at : at + 1]})

    read = {"path": "/orders", "records": "orders[].lines", "paging": {"type": kind, "size": 1}}
    pages, error = read_all(connector(serve(handler).url, read).read(None))
    assert error is None
    assert ids(pages) == [0, 1, 4, 5]


def test_orders_that_the_total_promises_and_no_page_brings_are_missed(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        start = int(asked.query["offset"])
        return Reply({"orders": orders_of_two_lines(3)[start : start + 2], "count": 5})

    paging = {"type": "offset", "field": "count"}
    read = {"path": "/orders", "records": "orders[].lines", "paging": paging}
    _, error = read_all(connector(serve(handler).url, read).read(None))
    assert isinstance(error, FeedContentError)
    assert error.message == "it says that there are 5 rows, and gave 3"


def test_ranges_count_the_orders_where_rows_are_their_lines(serve: Serve) -> None:
    orders = orders_of_two_lines(3)

    def handler(asked: Asked) -> Reply:
        start, end = map(int, asked.headers["range"].removeprefix("items=").split("-"))
        held = orders[start : end + 1]
        told = f"items {start}-{start + len(held) - 1}/3"
        return Reply({"orders": held}, status=206, headers={"Content-Range": told})

    read = {"path": "/orders", "records": "orders[].lines", "paging": {"type": "range", "size": 2}}
    pages, error = read_all(connector(serve(handler).url, read).read(None))
    assert error is None
    assert ids(pages) == list(range(6))


@pytest.mark.parametrize(
    ("paging", "beside", "said"),
    [
        ({"type": "cursor", "field": "next_curser"}, {"next_cursor": "c2"}, "no next_curser, and next_cursor says"),
        ({"type": "cursor", "field": "d.next"}, {"d": {"nextPageToken": "t"}}, "no d.next, and d.nextPageToken says"),
        ({"type": "next_link"}, {"links": {"next": {"href": "/o?2"}}}, "and links.next says"),
        ({"type": "odata"}, {"page": {"hasMore": True}}, "and page.hasMore says"),
        ({"type": "link_header"}, {"has_more": True}, "it ends here, and has_more says"),
        ({"type": "none"}, {"@odata.nextLink": "/orders?$skip=1"}, "it ends here, and @odata.nextLink says"),
        ({"type": "none"}, {"next": "/orders?after=7"}, "and next says"),
    ],
)  # fmt: skip
def test_a_next_page_under_another_name_is_no_end(
    serve: Serve, paging: dict[str, Any], beside: dict[str, Any], said: str
) -> None:
    server = serve(lambda _asked: Reply({"rows": [{"id": 1}], **beside}))
    read = {"path": "/orders", "records": "rows", "paging": paging}
    pages, error = read_all(connector(server.url, read).read(None))
    assert isinstance(error, FeedContentError)
    assert said in str(error)
    assert ids(pages) == [1]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("paging", "body"),
    [
        ({"type": "cursor", "field": "after"}, {"after": None, "hasMore": True}),
        (
            {"type": "cursor", "field": "next"},
            {"nextSyncToken": "s", "hasMore": False, "cursors": {"after": "x"}},
        ),
        ({"type": "next_link", "field": "links.next"}, {"links": {"self": "/orders"}, "nextCursor": ""}),
        ({"type": "none"}, {"next": "2026-12-01", "nextPage": None}),
    ],
)
def test_an_end_that_is_one_is_taken_for_it(
    serve: Serve, paging: dict[str, Any], body: dict[str, Any]
) -> None:
    rows = [{"id": 1, "next": "/a", "more": True}]
    server = serve(lambda _asked: Reply({"rows": rows, **body}))
    read = {"path": "/orders", "records": "rows", "paging": paging}
    pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert ids(pages) == [1]


@pytest.mark.parametrize(
    ("paging", "beside", "said"),
    [
        ({"type": "offset"}, {"more": True}, "page 2: it ends here, and more says that there are more rows"),
        ({"type": "page"}, {"page": {"hasNext": True}}, "page 2: it ends here, and page.hasNext says"),
        ({"type": "page"}, {"nextPage": 3, "hasNext": False}, None),
    ],
)
def test_an_empty_page_that_speaks_of_more_is_no_end(
    serve: Serve, paging: dict[str, Any], beside: dict[str, Any], said: str | None
) -> None:
    def handler(asked: Asked) -> Reply:
        first = asked.query.get("offset", "0") == "0" and asked.query.get("page", "1") == "1"
        return Reply({"rows": [{"id": 1}] if first else [], **beside})

    read = {"path": "/orders", "records": "rows", "paging": paging}
    pages, error = read_all(connector(serve(handler).url, read).read(None))
    assert ids(pages) == [1]
    assert (said in str(error)) if said else error is None


@pytest.mark.parametrize(("records", "shape"), [("", "object"), ("a", "object"), ("a", "map")])
def test_a_row_that_speaks_of_more_is_a_row(serve: Serve, records: str, shape: str) -> None:
    row = {"id": 1, "next": "/a", "hasMore": True}
    held = {"k": row} if shape == "map" else row
    server = serve(lambda _asked: Reply({records: held} if records else held))
    pages, error = read_all(
        connector(server.url, {"path": "/o", "records": records, "shape": shape}).read(None)
    )
    assert error is None
    assert ids(pages) == [1]


@pytest.mark.parametrize(
    ("delta", "again"),
    [
        ({}, {"mark": "1"}),
        ({"field": "sync", "param": "token"}, {"token": "1", "top": "2"}),
        ({"header": "X-Mark", "param": "token"}, {"token": "1", "top": "2"}),
    ],
)
def test_the_source_says_itself_where_the_next_read_begins(
    serve: Serve, delta: dict[str, Any], again: dict[str, str]
) -> None:
    def handler(asked: Asked) -> Reply:
        mark = asked.query.get("mark") or asked.query.get("token")
        if mark == "2":
            return Reply({"error": "resync"}, status=410)
        if "skip" in asked.query or mark:
            last = {"@odata.deltaLink": "orders?mark=1", "sync": 1}
            return Reply({"value": [{"id": 2}], **last}, headers={"X-Mark": "1"})
        return Reply({"value": [{"id": 1}], "@odata.nextLink": "orders?skip=1"})

    server = serve(handler)
    read = {
        "path": "/orders", "records": "value", "delta": delta, "params": {"top": "2"} if delta else {},
        "paging": {"type": "odata", "order": "id"},
    }  # fmt: skip
    pages, error = read_all(connector(server.url, read).read(None))
    assert (error, ids(pages), pages[0].watermark) == (None, [1, 2], None)
    kept = pages[-1].watermark
    pages, error = read_all(connector(server.url, read).read(kept))
    assert (error, ids(pages), pages[-1].watermark) == (None, [2], kept)
    query = dict(server.asked[-1].query)
    assert {name: query[name] for name in again} == again
    assert ("$orderby" in query) == bool(delta)
    assert kept is not None
    pages, error = read_all(
        connector(server.url, read).read(kept.replace("mark=1", "mark=2").replace('"1"', '"2"'))
    )
    assert (error, ids(pages), pages[-1].watermark) == (None, [1, 2], kept), "a mark it no longer knows"
    _, error = read_all(connector(server.url, {**read, "delta": {"field": "nowhere"}}).read(None))
    assert isinstance(error, FeedContentError) and "its last page has no nowhere" in error.message
