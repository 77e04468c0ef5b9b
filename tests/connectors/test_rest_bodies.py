"""What an answer may look like: nested, one, a map, XML, CSV, lines, JSON-RPC, tagged; and what it may not."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest
from loopback import Asked, Reply
from rest_feeds import Serve, connector, ids, read_all, reasons

from exceptions_app.connectors.base import FeedContentError, TransportError
from exceptions_app.connectors.rest.bodies import _holds
from exceptions_app.connectors.rest.options import RestRead


def rows(serve: Serve, body: Any, read: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    server = serve(lambda asked: Reply(body, headers=headers))
    pages, error = read_all(connector(server.url, {"path": "/orders", **read}).read(None))
    assert error is None
    assert reasons(pages) == []
    return [dict(row.values) for page in pages for row in page.rows]


def refused(serve: Serve, body: Any, read: dict[str, Any], **headers: str) -> FeedContentError:
    server = serve(lambda asked: Reply(body, headers=headers))
    _, error = read_all(connector(server.url, {"path": "/orders", **read}).read(None))
    assert isinstance(error, FeedContentError)
    return error


def test_one_object_may_be_the_one_row(serve: Serve) -> None:
    read = {"records": "data.site", "shape": "object"}
    assert rows(serve, {"data": {"site": {"id": 7}}}, read) == [{"id": 7}]
    assert "an object at 'data.site'" in refused(serve, {"data": {"site": [1]}}, read).expected


def test_a_map_gives_each_row_its_name(serve: Serve) -> None:
    body = {"accounts": {"4000": {"name": "Supplies"}, "4100": 7}}
    read = {"records": "accounts", "shape": "map", "map_key": "account"}
    assert rows(serve, body, read) == [
        {"account": "4000", "name": "Supplies"},
        {"account": "4100", "value": 7},
    ]


def test_lines_inside_orders_are_rows_that_know_their_order(serve: Serve) -> None:
    body = {
        "company": "A1",
        "orders": [
            {"number": "4711", "head": {"buyer": "B"}, "lines": [{"line": 1}, {"line": 2, "number": "own"}]},
            {"number": "4712", "head": {"buyer": "C"}},
        ],
    }
    read = {
        "records": "orders[].lines",
        "inherit": {"number": "number", "buyer": "head.buyer", "company": "company"},
    }
    assert rows(serve, body, read) == [
        {"number": "4711", "buyer": "B", "company": "A1", "line": 1},
        {"number": "own", "buyer": "B", "company": "A1", "line": 2},
    ]
    assert "to go through" in refused(serve, {"orders": {"lines": []}}, read).expected


XML = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<s:Envelope xmlns:s="urn:soap" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Body><Orders total="2">
 <Order id="00042"><Name>M\xfcller &amp; Co</Name><Price>0.10</Price><Note/><Left xsi:nil="true"/></Order>
 <Order id="00043"><Name><![CDATA[<b>]]></Name><Line>1</Line><Line unit="EA">2</Line></Order>
</Orders></s:Body></s:Envelope>"""


def test_xml_is_read_by_names_without_namespaces(serve: Serve) -> None:
    found = rows(serve, XML, {"format": "xml", "records": "Envelope.Body.Orders.Order"})
    assert found == [
        {"@id": "00042", "Name": "Müller & Co", "Price": "0.10", "Note": None, "Left": None},
        {"@id": "00043", "Name": "<b>", "Line": '["1",{"@unit":"EA","#text":"2"}]'},
    ]


def test_one_element_or_none_is_a_list_in_xml_but_a_wrong_path_is_not(serve: Serve) -> None:
    read = {"format": "xml", "records": "Orders.Order"}
    assert rows(serve, b"<Orders><Order><id>1</id></Order></Orders>", read) == [{"id": "1"}]
    assert rows(serve, b"<Orders/>", read) == []
    assert "'Fault'" in refused(serve, b"<Fault><why>x</why></Fault>", read).message


BOMB = (
    b"""<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Orders>&b;</Orders>"""
)
OUTSIDE = b"""<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><Orders><Order>&a;</Order></Orders>"""


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, b"<!DOCTYPE html><html/>"])
def test_xml_that_declares_a_type_is_refused(serve: Serve, body: bytes) -> None:
    error = refused(serve, body, {"format": "xml", "records": "Orders.Order"})
    assert "DOCTYPE" in error.message or "HTML page" in error.message
    assert "root" not in error.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<Orders><Order>", "breaks off"),
        (b"<Orders></Other>", "mismatched tag at line 1"),
        (b"<html><body>Sign in</body></html>", "HTML page"),
        (b"<a>" * 300 + b"</a>" * 300, "too deeply"),
    ],
)
def test_xml_that_is_broken_says_where(serve: Serve, body: bytes, said: str) -> None:
    assert said in refused(serve, body, {"format": "xml"}).message


def test_csv_and_lines_are_read_and_a_bad_line_stands_aside(serve: Serve) -> None:
    csv = 'id;name\r\n00042;"a ""b"";\r\nc"\r\n\r\n00043;x;y\r\n00044;\r\n'
    server = serve(lambda asked: Reply(csv, headers={"Content-Type": "text/csv"}))
    read = {"path": "/orders", "format": "csv", "delimiter": ";"}
    pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert [row.values for row in pages[0].rows] == [
        {"id": "00042", "name": 'a "b";\r\nc'},
        {"id": "00044", "name": None},
    ]
    assert reasons(pages) == ["line 5 has 3 fields, expected 2"]
    server = serve(lambda asked: Reply('{"id": 1.10}\n{"id": \n{"id": 3}\n{"id":'))
    pages, error = read_all(connector(server.url, {"path": "/o", "format": "ndjson"}).read(None))
    assert error is None
    assert ids(pages) == [Decimal("1.10"), 3]
    assert "line 2 is not JSON" in reasons(pages)[0]
    assert "breaks off in this line" in reasons(pages)[1]


def test_a_line_of_json_ends_at_its_line_feed_and_nowhere_else(serve: Serve) -> None:
    told = "one\u2028two\u0085three"
    body = f'{{"id": 1, "name": "{told}"}}\r\n{{"id": 2, "name": ""}}'
    assert [row["name"] for row in rows(serve, body.encode(), {"format": "ndjson"})] == [told, ""]


def test_a_charset_and_a_packed_body_are_understood(serve: Serve) -> None:
    csv = "id,name\n1,Müller\n".encode("latin-1")
    plain = {"Content-Type": "text/csv; charset=ISO-8859-1"}
    assert rows(serve, csv, {"format": "csv"}, **plain)[0]["name"] == "Müller"
    assert rows(serve, gzip.compress(csv), {"format": "csv"}, **plain)[0]["name"] == "Müller"
    encoded = {**plain, "Content-Encoding": "gzip"}
    assert rows(serve, gzip.compress(csv), {"format": "csv"}, **encoded)[0]["name"] == "Müller"
    assert "broken gzip" in refused(serve, gzip.compress(csv)[:-4], {"format": "csv"}).message


@pytest.mark.parametrize("kind", ["json", "ndjson", "csv"])
def test_a_sign_in_page_is_named_whatever_was_expected(serve: Serve, kind: str) -> None:
    page = "<!DOCTYPE html><html><title>Sign in</title></html>"
    error = refused(serve, page, {"format": kind}, **{"Content-Type": "text/html"})
    assert "HTML page (text/html), a sign-in or error page" in error.message


@pytest.mark.parametrize("body", ['[{"id": 1}, {"id"', '[{"id": 1}, {"id": "a', '[{"id": 1}'])
def test_a_truncated_answer_is_named_as_such(serve: Serve, body: str) -> None:
    assert f"breaks off after {len(body)} characters" in refused(serve, body, {}).message


TYPES = {"__decimal__": "decimal", "$date": "timestamp", "$numberLong": "integer", "day": "date"}


def test_tagged_values_are_what_they_stand_for(serve: Serve) -> None:
    body = [
        {
            "price": {"__decimal__": "1.10"},
            "at": {"$date": "2026-11-22T10:00:00+01:00"},
            "ms": {"$date": {"$numberLong": "1795000000500"}},
            "on": {"day": "2026-11-22"},
            "none": {"__decimal__": None},
            "nested": {"lines": [{"q": {"__decimal__": "2.50"}}]},
        }
    ]
    assert rows(serve, body, {"types": TYPES}) == [
        {
            "price": Decimal("1.10"),
            "at": "2026-11-22T09:00:00Z",
            "ms": "2026-11-18T11:06:40.500000Z",
            "on": "2026-11-22",
            "none": None,
            "nested": '{"lines":[{"q":2.50}]}',
        }
    ]


def test_a_tagged_value_of_another_kind_is_a_reject_of_its_row_alone(serve: Serve) -> None:
    server = serve(lambda asked: Reply([{"id": {"__decimal__": "soon"}}, {"id": {"__decimal__": "2"}}]))
    pages, error = read_all(connector(server.url, {"path": "/o", "types": TYPES}).read(None))
    assert error is None
    assert ids(pages) == [2]
    assert reasons(pages) == ["__decimal__ holds no decimal; expected a number as text"]


RPC = {"path": "/jsonrpc", "json_rpc": {"method": "orders.list"}, "records": "items"}


def test_json_rpc_sends_method_and_params_and_reads_its_result(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        call = json.loads(asked.body)
        first = call["params"].get("after", 0)
        result = {"items": [{"id": first}], "next_cursor": first + 1 if first < 2 else None}
        return Reply({"jsonrpc": "2.0", "id": call["id"], "result": result})

    server = serve(handler)
    read = {**RPC, "body": {"limit": "{size}", "after": "{cursor}"}}
    read["paging"] = {"type": "cursor", "place": "body", "size": 1}
    server_pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert ids(server_pages) == [0, 1, 2]
    first, second, _ = (json.loads(asked.body) for asked in server.asked)
    assert first == {"jsonrpc": "2.0", "method": "orders.list", "id": 1, "params": {"limit": 1}}
    assert second["params"] == {"limit": 1, "after": 1}
    assert {asked.method for asked in server.asked} == {"POST"}


def test_a_json_rpc_error_is_named_and_only_a_passing_one_is_tried_again(
    serve: Serve, waits: list[float]
) -> None:
    wrong = {"code": -32601, "message": "no such method 4711"}
    server = serve(lambda asked: Reply({"jsonrpc": "2.0", "id": 1, "result": None, "error": wrong}))
    _, error = read_all(connector(server.url, RPC).read(None))
    assert isinstance(error, TransportError)
    assert (error.permanent, error.message) == (True, "JSON-RPC error -32601: no such method ####")
    assert waits == []
    replies = iter([Reply({"id": 1, "error": {"code": -32000, "message": "busy"}})])
    server = serve(lambda asked: next(replies, Reply({"id": 1, "result": {"items": [{"id": 1}]}})))
    pages, error = read_all(connector(server.url, RPC).read(None))
    assert error is None
    assert ids(pages) == [1]
    assert len(waits) == 1


def test_an_answer_that_is_no_json_rpc_is_refused(serve: Serve) -> None:
    assert "neither result nor error" in refused(serve, {"items": []}, RPC).message


def test_a_failure_that_comes_as_200_is_told_by_what_a_good_answer_says(serve: Serve) -> None:
    read = {"records": "rows", "expected": {"path": "ok", "equals": "true", "message": "why"}}
    assert rows(serve, {"ok": True, "rows": [{"id": 1}]}, read) == [{"id": 1}]
    error = refused(serve, {"ok": False, "why": "company locked", "rows": []}, read)
    assert "company locked" in error.message
    assert error.expected == "'true' there"
    read = {"records": "rows", "expected": {"path": "error"}}
    assert rows(serve, {"error": None, "rows": []}, read) == []
    assert "error" in refused(serve, {"error": {"code": 7}, "rows": []}, read).message


def test_an_answer_that_is_too_large_is_refused_before_it_fills_the_memory(serve: Serve) -> None:
    packed = gzip.compress(b'[{"id": "' + b"0" * (3 << 20) + b'"}]')
    server = serve(lambda asked: Reply(packed, headers={"Content-Encoding": "gzip"}))
    _, error = read_all(connector(server.url, {"path": "/orders"}, largest_answer=2).read(None))
    assert isinstance(error, FeedContentError)
    assert "larger than 2 MB" in error.message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"body": {"a": 1}}, "add method: POST"),
        ({"json_rpc": {"method": "m"}, "format": "csv"}, "JSON both ways"),
        ({"method": "POST", "body_format": "xml", "body": {"a": 1}}, "is a text"),
        ({"format": "csv", "delimiter": "||"}, "one character"),
        ({"conditional": True, "paging": {"type": "page"}}, "one answer"),
        ({"headers": {"Authorization": "Bearer x"}}, "written by the connector"),
        ({"types": {"$d": "float"}}, "decimal"),
    ],
)
def test_options_that_do_not_go_together_say_what_to_change(options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RestRead.model_validate({"path": "/x", **options})


def test_what_the_answer_holds_is_told_one_level_down() -> None:
    assert (
        _holds({"result": {"documents": [], "count": 1}, "links": []})
        == "'result' (with 'documents', 'count'), 'links'"
    )
    assert (_holds({}), _holds([1])) == ("", "list")
