"""An answer that says in another way than by an empty list that there are no rows, and one that only says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from loopback import Reply
from rest_feeds import Serve, connector, ids, read_all
from yaml import safe_load

from exceptions_app.connectors.base import FeedContentError
from exceptions_app.connectors.rest.options import RestRead

FHIR = {"resourceType": "Bundle", "total": 0}
HOLLOW: list[tuple[str, Any, dict[str, Any]]] = [
    ("null", {"rows": None}, {"records": "rows"}),
    ("null", {"data": None}, {"records": "data.rows"}),
    ("null", "null", {}),
    ("null", "<Orders/>", {"records": "Orders.List.Order", "format": "xml"}),
    ("absent", {"next": None}, {"records": "rows"}),
    ("absent", {"data": {}}, {"records": "data.orders[].lines"}),
    ("absent", "<A><At>1</At></A>", {"records": "A.Orders.Order", "format": "xml"}),
    ("object", {"rows": {}}, {"records": "rows"}),
    ("object", {}, {}),
    ("list", {"rows": []}, {"records": "rows", "shape": "map"}),
    ("text", {"rows": ""}, {"records": "rows"}),
]


def read(serve: Serve, reply: Reply, options: dict[str, Any]) -> Exception | None:
    """What came of reading one answer that must hold no row."""
    server = serve(lambda asked: reply)
    pages, error = read_all(connector(server.url, {"path": "/orders", **options}).read(None))
    assert ids(pages) == []
    assert error is not None or len(pages) == 1, "no page at all would say that nothing was asked"
    return error


@pytest.mark.parametrize(("word", "body", "options"), HOLLOW)
def test_silence_is_no_answer_unless_the_feed_says_what_it_means(
    serve: Serve, word: str, body: Any, options: dict[str, Any]
) -> None:
    error = read(serve, Reply(body), options)
    assert isinstance(error, FeedContentError)
    assert f"empty: ['{word}']" in error.expected
    assert read(serve, Reply(body), {**options, "empty": [word]}) is None
    others = sorted({word for word, *_ in HOLLOW} - {word})
    assert isinstance(read(serve, Reply(body), {**options, "empty": others}), FeedContentError)


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ({"rows": None, "total": 0}, {"records": "rows"}),
        ({"total": 0}, {"records": "rows"}),
        ({"rows": {}, "totalCount": "0"}, {"records": "rows"}),
        (FHIR, {"records": "entry"}),
        ({"@odata.count": 0}, {"records": "value"}),
        ({"data": {"total_count": 0}}, {"records": "data.rows"}),
        ({"meta": {"total": 0}}, {"records": "rows"}),
        ({"n": 0}, {"records": "rows", "paging": {"type": "page", "field": "n"}}),
        ("<R><Total>0</Total></R>", {"records": "R.Orders.Order", "format": "xml"}),
    ],
)
def test_a_total_of_0_beside_it_says_it(serve: Serve, body: Any, options: dict[str, Any]) -> None:
    assert read(serve, Reply(body), options) is None


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ({"total": 3}, {"records": "rows"}),
        ({"total": False}, {"records": "rows"}),
        ({"total": 0, "items": []}, {"records": "total"}),
        ({"total": 0, "errors": ["no such view"]}, {"records": "rows"}),
        ({"total": 0, "n": 7}, {"records": "rows", "paging": {"type": "page", "field": "n"}}),
        ({"total": 0, "rows": "none"}, {"records": "rows"}),
        ("<Fault><Total>0</Total></Fault>", {"records": "R.Orders.Order", "format": "xml"}),
        ("<Fault/>", {"records": "R.Orders.Order", "format": "xml", "empty": ["absent", "null"]}),
    ],
)
def test_what_says_something_else_stays_refused(serve: Serve, body: Any, options: dict[str, Any]) -> None:
    assert isinstance(read(serve, Reply(body), options), FeedContentError)


@pytest.mark.parametrize(
    "paging",
    [
        {"type": "none"},
        {"type": "page", "field": "total"},
        {"type": "cursor"},
        {"type": "range"},
        {"type": "link_header"},
    ],
)
def test_204_says_that_there_are_none_however_a_source_pages(serve: Serve, paging: dict[str, Any]) -> None:
    options = {"records": "rows", "paging": paging}
    assert read(serve, Reply(b"", 204), options) is None
    assert isinstance(read(serve, Reply(b"", 204), {**options, "empty": []}), FeedContentError)


def test_an_empty_body_is_no_answer_unless_the_feed_says_so(serve: Serve) -> None:
    assert isinstance(read(serve, Reply(b""), {}), FeedContentError)
    assert read(serve, Reply(b"  \n"), {"empty": ["blank"]}) is None


def test_a_total_in_the_header_counts_too(serve: Serve) -> None:
    options = {"paging": {"type": "page", "header": "X-Total-Count"}}
    assert read(serve, Reply("null", headers={"X-Total-Count": "0"}), options) is None
    assert isinstance(read(serve, Reply("null", headers={"X-Total-Count": "2"}), options), FeedContentError)


def test_words_are_taken_as_yaml_reads_them() -> None:
    given = safe_load("{path: /a, empty: [204, null, absent]}")
    assert RestRead.model_validate(given).empty == ["204", "null", "absent"]
    with pytest.raises(ValueError, match="nothing"):
        RestRead.model_validate({"path": "/a", "empty": ["nothing"]})
