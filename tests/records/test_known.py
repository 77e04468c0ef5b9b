"""What a rejected row still says of its key, and when its row came again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.catalog.schema import MatchCheck
from exceptions_app.connectors.base import RawRow, RowProblem
from exceptions_app.records.known import Known, OpenReject
from exceptions_app.records.mapping import FeedMapper, RejectedRow

from .conftest import FETCHED, ORDER_LINE, make_catalog

MAPPING = {
    "entity": "site", "number": "po", "line": "ln", "quantity": "qty", "note": "note", "account": "iban",
    "patient": "name",
}  # fmt: skip
GOOD = {"site": "NORTH", "po": "PO1", "ln": "1", "qty": "5", "note": "N1", "iban": "DE89", "name": "Jane Roe"}
KEY = {"entity": "NORTH", "number": "PO1", "line": "1"}
MATCHED = {
    "code": "c", "title": "T", "flow": "f", "key": ["number", "account", "patient"], "reference": "{number}",
    "sides": {"order": {"record": "order_line", "key": {"number": "coalesce(note, number)"}, "columns": {}}},
    "findings": [{"category": "x", "since": "now()"}],
}  # fmt: skip


def mapper(con: DuckDBPyConnection, *, matched: bool = False, **feed: Any) -> FeedMapper:
    spec = {
        "code": "f", "system": "erp", "record_type": "order_line", "mode": "changes", "mapping": MAPPING, **feed,
    }  # fmt: skip
    catalog = make_catalog(spec)
    if matched:
        catalog = replace(catalog, checks={"c": MatchCheck.model_validate(MATCHED)})
    return FeedMapper(con, catalog, "f", 1, FETCHED)


def rows(*changes: dict[str, Any]) -> list[RawRow]:
    return [RawRow(f"orders.csv:{i}", {**GOOD, **change}) for i, change in enumerate(changes, 2)]


def known(reject: RejectedRow) -> Any:
    return None if reject.known is None else json.loads(reject.known)


def missing(known_key: Known, source_id: str | None = None) -> OpenReject:
    return OpenReject(7, "f", source_id, known_key)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"qty": "ten"}, KEY),
        ({"qty": "ten", "site": "NROTH"}, {"number": "PO1", "line": "1"}),
        ({"ln": ""}, {"entity": "NORTH", "number": "PO1"}),
        ({"po": "", "ln": ""}, None),
        ({"qty": "ten", "po": "x" * 201}, {"entity": "NORTH", "line": "1"}),
    ],
)
def test_reject_keeps_what_could_be_read_of_its_key(
    con: DuckDBPyConnection, wrong: dict[str, str], expected: Any
) -> None:
    (reject,) = mapper(con).map(rows(wrong)).rejects
    assert known(reject) == expected


def test_line_that_could_not_be_read_keeps_nothing(con: DuckDBPyConnection) -> None:
    (reject,) = mapper(con).map([], [RowProblem("orders.csv:9", "too few fields", "NORTH;PO1")]).rejects
    assert reject.known is None


def test_contradicting_row_keeps_its_key(con: DuckDBPyConnection) -> None:
    (reject,) = mapper(con).map(rows({}, {"qty": "6"})).rejects
    assert known(reject) == KEY and not reject.mended


def test_columns_that_checks_match_on_are_kept_and_sensitive_ones_never(con: DuckDBPyConnection) -> None:
    (reject,) = mapper(con, matched=True).map(rows({"qty": "ten"})).rejects
    assert known(reject) == {**KEY, "note": "N1"}
    assert "DE89" not in str(reject.known) and "Jane" not in str(reject.known)


def test_empty_value_is_known_to_be_empty(con: DuckDBPyConnection) -> None:
    (reject,) = mapper(con, matched=True).map(rows({"qty": "ten", "note": ""})).rejects
    assert known(reject)["note"] is None


def test_column_fed_from_a_sensitive_field_is_not_kept(con: DuckDBPyConnection) -> None:
    fed = {**MAPPING, "note": "concat(note, iban)"}
    (reject,) = mapper(con, matched=True, mapping=fed).map(rows({"qty": "ten"})).rejects
    assert "note" not in known(reject)


def test_key_of_a_sensitive_type_is_not_kept(con: DuckDBPyConnection) -> None:
    shape: dict[str, Any] = ORDER_LINE
    columns = {**shape["columns"], "number": {"required": True, "sensitivity": "hr"}}
    spec = {"code": "f", "system": "erp", "record_type": "order_line", "mode": "changes", "mapping": MAPPING}
    catalog = make_catalog(spec, record_types=[{**shape, "columns": columns}])
    (reject,) = FeedMapper(con, catalog, "f", 1, FETCHED).map(rows({"qty": "ten"})).rejects
    assert known(reject) == {"entity": "NORTH", "line": "1"}


# ---- brought again


def test_later_row_of_the_same_page_mends_and_an_earlier_one_does_not(con: DuckDBPyConnection) -> None:
    before, after = mapper(con).map(rows({"po": "A"}, {"po": "A", "qty": "x"}, {"qty": "x"}, {})).rejects
    assert (before.mended, after.mended) == (False, True)


def test_snapshot_with_the_same_key_twice_mends_nothing(con: DuckDBPyConnection) -> None:
    (reject,) = mapper(con, mode="snapshot").map(rows({"qty": "x"}, {})).rejects
    assert not reject.mended


@pytest.mark.parametrize(
    ("known_key", "brought", "mended"),
    [
        (KEY, {}, True),
        (KEY, {"site": "SOUTH"}, False),
        (KEY, {"ln": "2"}, False),
        (KEY, {"qty": "ten"}, False),
        ({"number": "PO1", "line": "1"}, {"site": "SOUTH"}, True),
        ({"entity": "NORTH", "number": "PO1"}, {}, False),
    ],
)
def test_reject_is_mended_when_its_key_came_again_whole(
    con: DuckDBPyConnection, known_key: Known, brought: dict[str, str], mended: bool
) -> None:
    found = mapper(con)
    found.map(rows({"po": "other"}, brought))
    assert found.mended([missing(known_key)]) == ({7} if mended else set())


def test_deletion_of_the_key_mends_too(con: DuckDBPyConnection) -> None:
    found = mapper(con, deleted="note = 'gone'")
    found.map(rows({"note": "gone", "qty": ""}))
    assert found.mended([missing(KEY)]) == {7}


def test_own_identifier_of_the_source_mends_a_row_whose_key_was_wrong(con: DuckDBPyConnection) -> None:
    found = mapper(con, mapping={**MAPPING, "source_id": "note"})
    found.map(rows({"ln": "2"}))
    assert found.mended([missing({"entity": "NORTH", "number": "PO1"}, "N1")]) == {7}
    assert found.mended([missing({"entity": "NORTH", "number": "PO1"}, "N2")]) == set()


def test_reject_is_gone_when_the_list_of_keys_no_longer_names_it(con: DuckDBPyConnection) -> None:
    found = mapper(con, mode="keys_and_changes")
    found.see_keys(rows({"po": "PO2"}))
    partly = OpenReject(8, "f", None, {"number": "PO1"})
    assert found.gone([missing(KEY), partly, OpenReject(9, "f", None, {**KEY, "number": "PO2"})]) == {7}
