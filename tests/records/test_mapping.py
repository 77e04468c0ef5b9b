"""From raw rows to typed records; every refused row is named, and costs no other row."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from duckdb import DuckDBPyConnection

from exceptions_app.connectors.base import RawRow, RowProblem
from exceptions_app.connectors.columnar import ColumnRows
from exceptions_app.records.errors import MappingError
from exceptions_app.records.mapping import FeedMapper, MappedBatch
from exceptions_app.records.masking import HIDDEN

from .conftest import FETCHED, make_catalog

WIDE = {
    "entity": "site",
    "source_id": "id",
    "source_time": "changed",
    "number": "po",
    "line": "ln",
    "quantity": "qty",
    "price": "price",
    "pieces": "pieces",
    "due_on": "due",
    "ordered_at": "ordered",
    "urgent": "urgent",
    "note": "note",
    "account": "iban",
    "patient": "name",
}
GOOD = {
    "site": "NORTH",
    "id": "x1",
    "changed": "2026-11-20T08:00:00Z",
    "po": "PO1",
    "ln": "1",
    "qty": "5",
    "price": "9.99",
    "pieces": "3",
    "due": "2026-12-01",
    "ordered": "2026-11-19T08:00:00+02:00",
    "urgent": "Y",
    "note": "hello",
    "iban": "DE89370400440532013000",
    "name": "Jane Roe",
    "never_named": "a secret",
}


def mapper(con: DuckDBPyConnection, run: int = 1, **feed: Any) -> FeedMapper:
    spec = {
        "code": "f",
        "system": "erp",
        "record_type": "order_line",
        "mode": "changes",
        "mapping": WIDE,
        **feed,
    }
    crosswalks = {"entity": {(None, "0100"): "NORTH", ("erp", "0200"): "SOUTH", ("wms", "0100"): "LAB"}}
    return FeedMapper(con, make_catalog(spec, crosswalks=crosswalks), "f", run, FETCHED)


def rows(*changes: dict[str, Any]) -> list[RawRow]:
    return [RawRow(f"orders.csv:{i}", {**GOOD, **change}) for i, change in enumerate(changes, 2)]


def records(con: DuckDBPyConnection, batch: MappedBatch) -> list[dict[str, Any]]:
    con.register("batch", batch.table)
    times = ", ".join(f"{c}::VARCHAR AS {c}" for c in ("source_time", "fetched_at", "ordered_at"))
    found = con.execute(f"SELECT * REPLACE ({times}) FROM batch")
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_row_becomes_typed_canonical_columns_and_unnamed_fields_stay_behind(
    con: DuckDBPyConnection,
) -> None:
    batch = mapper(con).map(rows({}))
    assert batch.rejects == []
    assert records(con, batch) == [
        {
            "_deleted": False,
            "entity": "NORTH",
            "source_system": "erp",
            "source_id": "x1",
            "source_time": "2026-11-20 08:00:00+00",
            "fetched_at": "2026-11-22 12:00:00+00",
            "run_id": None,
            "number": "PO1",
            "line": "1",
            "quantity": Decimal("5.0000"),
            "price": Decimal("9.9900"),
            "pieces": 3,
            "due_on": date(2026, 12, 1),
            "ordered_at": "2026-11-19 06:00:00+00",
            "urgent": True,
            "note": "hello",
            "account": "DE89370400440532013000",
            "patient": "Jane Roe",
        }
    ]


def test_identity_and_time_have_defaults(con: DuckDBPyConnection) -> None:
    short = {"entity": "site", "number": "po", "line": "ln", "quantity": "qty"}
    (found,) = records(con, mapper(con, mapping=short).map(rows({})))
    assert (found["source_id"], found["source_time"]) == ("PO1/1", "2026-11-22 12:00:00+00")


@pytest.mark.parametrize(
    ("field", "raw", "column", "value"),
    [
        ("qty", "1e3", "quantity", Decimal("1000.0000")),
        ("qty", " -2.5 ", "quantity", Decimal("-2.5000")),
        ("qty", Decimal("0.1"), "quantity", Decimal("0.1000")),
        ("qty", 7, "quantity", Decimal("7.0000")),
        ("price", "1.23450000", "price", Decimal("1.2345")),
        ("price", Decimal("0E-10"), "price", Decimal(0)),
        ("price", "12345E-4", "price", Decimal("1.2345")),
        ("price", "", "price", None),
        ("price", None, "price", None),
        ("price", "   ", "price", None),
        ("pieces", "12.0", "pieces", 12),
        ("due", "2026-12-01T00:00:00", "due_on", date(2026, 12, 1)),
        ("due", datetime(2026, 12, 1), "due_on", date(2026, 12, 1)),  # noqa: DTZ001 - a workbook's date
        ("due", date(2026, 12, 1), "due_on", date(2026, 12, 1)),
        ("ordered", "2026-11-19", "ordered_at", "2026-11-19 00:00:00+00"),
        ("ordered", "2026-11-19 08:00", "ordered_at", "2026-11-19 08:00:00+00"),
        ("urgent", False, "urgent", False),
        ("urgent", "no", "urgent", False),
        ("note", "  00012 ", "note", "00012"),
        ("note", {"b": 1, "a": [True]}, "note", '{"a": [true], "b": 1}'),
        ("note", "half a pair \ud83d", "note", "half a pair ?"),
        ("note", 'O\'Brien; "DROP"', "note", 'O\'Brien; "DROP"'),
    ],
)
def test_a_value_is_taken_as_what_it_means(
    con: DuckDBPyConnection, field: str, raw: Any, column: str, value: Any
) -> None:
    batch = mapper(con).map(rows({field: raw}))
    assert [reject.reason for reject in batch.rejects] == []
    assert records(con, batch)[0][column] == value


QUANTITY, WHOLE, DAY = "a quantity such as 12.5", "a whole number such as 12", "a date such as 2026-01-31"
TIME, YEAR = "a time such as 2026-01-31T08:30:00Z", "a year from 1900 to 2199"
RECENT = "a time from 1990-01-01 to one day from now"


@pytest.mark.parametrize(
    ("field", "raw", "column", "expected"),
    [
        ("qty", "five", "quantity", QUANTITY),
        ("qty", "1,234.5", "quantity", QUANTITY),
        ("qty", "1_000", "quantity", QUANTITY),
        ("qty", "NaN", "quantity", QUANTITY),
        ("qty", "99999999999999999", "quantity", QUANTITY),
        ("qty", "", "quantity", None),
        ("qty", "1.23455", "quantity", QUANTITY),
        ("qty", "1E-5", "quantity", QUANTITY),
        ("qty", "0.30000000000000004", "quantity", QUANTITY),
        ("pieces", "1000000000000000000", "pieces", WHOLE),
        ("pieces", "3.7", "pieces", WHOLE),
        ("pieces", "0x1F", "pieces", WHOLE),
        ("due", "31/02/2026", "due_on", DAY),
        ("due", "2026-02-31", "due_on", DAY),
        ("due", "epoch", "due_on", DAY),
        ("due", "9999-12-31", "due_on", YEAR),
        ("ordered", "infinity", "ordered_at", TIME),
        ("ordered", "0001-01-01T00:00:00Z", "ordered_at", YEAR),
        ("urgent", "maybe", "urgent", "true or false, yes or no, 1 or 0"),
        ("site", "NROTH", "entity", "the code of a known entity (did they mean NORTH?)"),
        ("site", "", "entity", None),
        ("po", None, "number", None),
        ("changed", "1989-12-31T23:59:59Z", "source_time", RECENT),
        ("changed", "2999-01-01", "source_time", RECENT),
    ],
)
def test_a_value_that_cannot_be_meant_rejects_its_row_and_no_other(
    con: DuckDBPyConnection, field: str, raw: Any, column: str, expected: str | None
) -> None:
    batch = mapper(con).map(rows({"po": "A"}, {field: raw}, {"po": "B"}))
    why = f"expected {expected}, found '{raw}'" if expected else "expected a value, found nothing"
    told = [(r.position, r.column, r.reason.partition("; ")[0]) for r in batch.rejects]
    assert told == [("orders.csv:3", column, f"{column}: {why}")]
    assert [record["number"] for record in records(con, batch)] == ["A", "B"]


@pytest.mark.parametrize(
    ("field", "raw", "hint"),
    [
        ("changed", "1794121050080", "parse_timestamp(…, 'UTC', 'epoch_ms')"),
        ("ordered", "1794121050", "parse_timestamp(…, 'UTC', 'epoch')"),
        ("ordered", "06.11.2026 14:30", "parse_timestamp(…, zone, 'dd.mm.yyyy hh:mi')"),
        ("due", "31.12.2026", "parse_date(…, 'dd.mm.yyyy')"),
        ("qty", "1.234,50", "parse_decimal(…, ',')"),
        ("price", "1,234.50", "parse_decimal(…)"),
        ("qty", "12 boxes", ""),
        ("qty", "99999999999999999", ""),
    ],
)
def test_a_value_written_otherwise_says_what_would_read_it(
    con: DuckDBPyConnection, field: str, raw: str, hint: str
) -> None:
    [reject] = mapper(con).map(rows({field: raw})).rejects
    assert reject.reason.partition("; in the mapping, ")[2] == (f"{hint} reads that" if hint else "")


@pytest.mark.parametrize(
    ("field", "raw", "told"),
    [
        ("due", "31.11.2026", "no such day"),
        ("due", "29.2.2027", "no such day"),
        ("due", "20261131", "no such day"),
        ("due", "2026-11-31", "no such day"),
        ("ordered", "31.11.2026 14:30", "no such day"),
        ("ordered", "2026-02-30T08:00:00Z", "no such day"),
        ("due", "11.30.2026", "in the mapping, parse_date(…, 'mm.dd.yyyy') reads that"),
        ("due", "2026-00-10", ""),
        ("due", "soon", ""),
    ],
)
def test_day_that_does_not_exist_is_said_to_be_none(
    con: DuckDBPyConnection, field: str, raw: str, told: str
) -> None:
    [reject] = mapper(con).map(rows({field: raw})).rejects
    assert reject.reason.partition("; ")[2][-len(told) :] == told


@pytest.mark.parametrize(
    "key",
    ["split(po, '-', 3)", "normalise(note)", "CASE WHEN po = 'other' THEN po END", "nullif(po, 'PO-1')"],
)
def test_a_part_of_the_key_that_comes_to_nothing_rejects_the_row(con: DuckDBPyConnection, key: str) -> None:
    given = rows({"po": "PO-1", "note": "--"}, {"po": "PO-1-", "note": "--"})
    batch = mapper(con, mapping={**WIDE, "number": key}).map(given)
    told = [(reject.column, reject.reason) for reject in batch.rejects]
    assert ("number", "number: expected a value, found nothing") in told
    assert len(records(con, batch)) + len(batch.rejects) == 2


def test_more_decimals_than_a_column_keeps_reject_the_row_unless_somebody_says_otherwise(
    con: DuckDBPyConnection,
) -> None:
    given = rows({"price": "1.234567"})
    [reject] = mapper(con).map(given).rejects
    assert reject.reason == (
        "price: expected an amount such as 1234.50, found '1.234567'; it has more than 4 decimals or too many digits: "
        "`scale` of the column keeps more, round(…, 4) in the mapping rounds"
    )
    for value in ("parse_decimal(price)", "CAST(price AS decimal)", "parse_decimal(price, '.', 8)"):
        assert len(mapper(con, mapping={**WIDE, "price": value}).map(given).rejects) == 1
    rounded = mapper(con, mapping={**WIDE, "price": "round(price, 4)"}).map(given)
    assert records(con, rounded)[0]["price"] == Decimal("1.2346")
    [unread] = (
        mapper(con, mapping={**WIDE, "price": "round(price, 4)"}).map(rows({"price": "12 boxes"})).rejects
    )
    assert "expected an amount such as 1234.50 from round(price, 4), found '12 boxes'" in unread.reason


def test_a_source_time_up_to_a_day_ahead_is_taken(con: DuckDBPyConnection) -> None:
    ahead = [FETCHED + timedelta(hours=24), FETCHED + timedelta(hours=24, seconds=1)]
    batch = mapper(con).map(rows(*({"po": f"PO{i}", "changed": at} for i, at in enumerate(ahead))))
    assert (batch.stored, [r.column for r in batch.rejects]) == (1, ["source_time"])


def test_all_that_is_wrong_with_a_row_is_said_at_once(con: DuckDBPyConnection) -> None:
    (reject,) = mapper(con).map(rows({"qty": "five", "due": "soon", "id": ""})).rejects
    assert reject.column == "quantity"
    assert reject.reason.count("expected") == 2
    assert reject.source_id == "PO1/1"


def test_sensitive_values_are_hidden_in_rejects_and_unnamed_or_patient_fields_left_out(
    con: DuckDBPyConnection,
) -> None:
    (reject,) = mapper(con).map(rows({"qty": "five"})).rejects
    kept = json.loads(reject.raw_masked)
    assert kept["qty"] == "five"
    assert kept["iban"] == HIDDEN
    assert not {"name", "never_named"} & kept.keys()
    short = {**WIDE, "ordered_at": "iban"}
    (reject,) = mapper(con, mapping={**short}).map(rows({"iban": "not a time"})).rejects
    assert json.loads(reject.raw_masked)["iban"] == HIDDEN


def test_a_sensitive_value_is_hidden_in_the_reason_too(con: DuckDBPyConnection) -> None:
    secret = {**WIDE, "account": "parse_decimal(iban)"}
    (reject,) = mapper(con, mapping=secret).map(rows({"iban": "DE89"})).rejects
    assert "DE89" not in reject.reason + reject.raw_masked
    assert HIDDEN in reject.reason


def test_a_row_that_could_not_be_read_is_a_reject_that_shows_its_shape_only(con: DuckDBPyConnection) -> None:
    batch = mapper(con).map(
        rows({}), [RowProblem("orders.csv:9", "3 fields where 4 are expected", "NORTH;Jane;42")]
    )
    (reject,) = batch.rejects
    assert (reject.position, reject.reason) == ("orders.csv:9", "3 fields where 4 are expected")
    assert json.loads(reject.raw_masked) == {"line": "xxxxx;xxxx;99"}
    assert batch.stored == 1


# ---- the same key more than once


def test_an_identical_repeat_is_dropped_without_a_word(con: DuckDBPyConnection) -> None:
    found = mapper(con)
    batch = found.map(rows({}, {}))
    assert (batch.stored, batch.repeats, batch.rejects) == (1, 1, [])
    again = found.map(rows({}))
    assert (again.stored, again.repeats, again.rejects) == (0, 1, [])


def test_the_same_key_with_other_values_is_rejected_naming_the_first(con: DuckDBPyConnection) -> None:
    found = mapper(con)
    (reject,) = found.map(rows({}, {"qty": "6"})).rejects
    assert reject.position == "orders.csv:3"
    assert reject.reason == "the same key as orders.csv:2, with other values; expected one row per key"
    (later,) = found.map([RawRow("more.csv:2", {**GOOD, "qty": "7"})]).rejects
    assert later.reason.startswith("the same key as orders.csv:2")


@pytest.mark.parametrize("mode", ["changes", "snapshot"])
def test_another_source_time_is_a_newer_version_in_changes_and_a_contradiction_in_a_snapshot(
    con: DuckDBPyConnection, mode: str
) -> None:
    newer = {"qty": "6", "changed": "2026-11-21T08:00:00Z"}
    batch = mapper(con, mode=mode).map(rows({}, newer, {"qty": "1", "changed": "2026-11-19T08:00:00Z"}))
    quantities = [int(record["quantity"]) for record in records(con, batch)]
    if mode == "changes":
        assert (quantities, batch.repeats, batch.rejects) == ([5, 6], 1, [])
    else:
        assert (quantities, len(batch.rejects)) == ([5], 2)


def test_a_key_is_its_own_in_every_entity(con: DuckDBPyConnection) -> None:
    assert mapper(con).map(rows({}, {"site": "SOUTH", "qty": "6"})).stored == 2


# ---- what the mapping can say


def test_a_crosswalk_at_the_door_translates_as_this_system_says_it(con: DuckDBPyConnection) -> None:
    mapped = {**WIDE, "entity": {"value": "site", "crosswalk": "entity"}}
    batch = mapper(con, mapping=mapped).map(
        rows({"site": "0100"}, {"site": "0200"}, {"site": "LAB"}, {"site": "0300"})
    )
    assert [record["entity"] for record in records(con, batch)] == ["NORTH", "SOUTH", "LAB"]
    assert batch.rejects[0].reason.endswith("found '0300'")


def test_rows_of_another_feed_are_left_alone(con: DuckDBPyConnection) -> None:
    batch = mapper(con, where="note = 'mine'").map(
        rows({"note": "mine"}, {"po": "2", "qty": "bad"}, {"note": None})
    )
    assert (batch.stored, batch.rejects) == (1, [])


def test_a_deletion_needs_a_readable_key_and_no_more(con: DuckDBPyConnection) -> None:
    gone = {"note": "deleted", "qty": "", "due": "soon"}
    batch = mapper(con, deleted="note = 'deleted'").map(rows(gone, {**gone, "ln": ""}, {"ln": "2"}))
    assert (batch.stored, batch.deleted) == (1, 1)
    assert [reject.column for reject in batch.rejects] == ["line"]
    assert [record["_deleted"] for record in records(con, batch)] == [True, False]


def test_an_expression_that_cannot_convert_rejects_with_the_text_it_found(con: DuckDBPyConnection) -> None:
    mapped = {**WIDE, "due_on": "parse_date(due, 'dd/mm/yyyy')", "price": "parse_decimal(price)"}
    batch = mapper(con, mapping=mapped).map(
        rows(
            {"due": "01/12/2026", "price": "(1,234.50)"},
            {"po": "2", "due": "31/02/2026"},
            {"po": "3", "due": None},
        )
    )
    assert [(r["due_on"], r["price"]) for r in records(con, batch)] == [
        (date(2026, 12, 1), Decimal("-1234.5000")),
        (None, Decimal("9.9900")),
    ]
    assert batch.rejects[0].reason == (
        "due_on: expected a date such as 2026-01-31 from parse_date(due, 'dd/mm/yyyy'), found '31/02/2026'"
        "; there is no such day"
    )


def test_a_decimal_comma_where_a_point_is_meant_is_rejected_and_never_dropped(
    con: DuckDBPyConnection,
) -> None:
    mapped = {**WIDE, "price": "parse_decimal(price)"}
    batch = mapper(con, mapping=mapped).map(rows({"price": "0,5"}, {"po": "2", "price": "1.234,5"}))
    assert batch.stored == 0
    assert [reject.reason.split(", found ")[1] for reject in batch.rejects] == ["'0,5'", "'1.234,5'"]


def test_a_column_that_no_row_has_any_more_is_named_with_what_it_may_have_become(
    con: DuckDBPyConnection,
) -> None:
    drifted = [RawRow("orders.csv:2", {("price_net" if k == "price" else k): v for k, v in GOOD.items()})]
    with pytest.raises(
        MappingError,
        match=(
            r"feed f, column price, from orders\.csv:2 on: "
            r"no row has the column 'price'; did it become 'price_net'\?"
        ),
    ):
        mapper(con).map(drifted)


def test_an_optional_field_may_be_left_out_by_the_source(con: DuckDBPyConnection) -> None:
    mapped = {**WIDE, "note": {"value": "remark", "optional": True}}
    batch = mapper(con, mapping=mapped).map(rows({}))
    assert records(con, batch)[0]["note"] is None


def test_a_field_that_only_some_rows_have_is_no_drift(con: DuckDBPyConnection) -> None:
    without = {key: value for key, value in GOOD.items() if key != "note"}
    batch = mapper(con).map([RawRow("1", without), RawRow("2", {**GOOD, "po": "PO2"})])
    assert [record["note"] for record in records(con, batch)] == [None, "hello"]


def test_source_columns_may_have_any_name(con: DuckDBPyConnection) -> None:
    mapped = {**WIDE, "note": '"case:concept:name "', "number": '"Purchase ""Doc"""'}
    odd = {"case:concept:name ": "odd", 'Purchase "Doc"': "77"}
    assert records(con, mapper(con, mapping=mapped).map(rows(odd)))[0]["number"] == "77"


def test_an_empty_page_is_no_records_and_no_drift(con: DuckDBPyConnection) -> None:
    batch = mapper(con).map([])
    assert (batch.stored, batch.table.num_rows, batch.rejects) == (0, 0, [])


def test_a_mapping_to_a_column_that_the_record_type_has_not_is_refused(con: DuckDBPyConnection) -> None:
    with pytest.raises(MappingError, match="mapping colour: is no column"):
        mapper(con, mapping={**WIDE, "colour": "note"})


def test_times_are_utc_whatever_the_zone_of_the_row(con: DuckDBPyConnection) -> None:
    batch = mapper(con).map(rows({"ordered": "2026-03-29T01:30:00-05:00"}))
    expected = datetime(2026, 3, 29, 6, 30, tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S+00")
    assert records(con, batch)[0]["ordered_at"] == expected


def test_rows_in_columns_are_mapped_and_refused_as_the_same_rows_one_by_one(con: DuckDBPyConnection) -> None:
    given = rows(
        {},
        {"qty": "many"},
        {"ln": " "},
        {"po": " PO-9 "},
        {"ln": "2"},
        {"ln": "2", "price": "1"},
        {"ln": "2"},
    )
    names = list(given[0].values)
    texts = [[row.position for row in given], *([row.values[name] for row in given] for name in names)]
    arrays = [Array(values, DataType.utf8()) for values in texts]
    block = ColumnRows(Table.from_arrays(arrays, names=["position", *names]), names)
    by_row, by_column = mapper(con).map(given), mapper(con, run=2).map(block)
    assert by_column.rejects == by_row.rejects
    assert len(by_row.rejects) > 0
    assert records(con, by_column) == records(con, by_row)
