"""Which fields are told as new or of another kind, and when they no longer are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from arro3.core import Array, DataType, Table

from exceptions_app.connectors.base import RawRow
from exceptions_app.connectors.columnar import ColumnRows
from exceptions_app.records.drift import Drifted, FieldsSeen, drifted, kind_of, learned


def seen(*rows: dict[str, Any], times: int = 1) -> FieldsSeen:
    found = FieldsSeen()
    found.add([RawRow(f"row {n}", values) for n, values in enumerate([*rows] * times)])
    return found


def differs(
    before: FieldsSeen, now: FieldsSeen, earlier: list[Drifted] | None = None, *accepted: str, whole: bool = False
) -> list[Drifted]:  # fmt: skip
    known = learned({}, before, before.names)
    return drifted(known, earlier or [], now, accepted, "2026-11-24T15:00:00Z", whole=whole)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("10", "number as text"), ("1.234,50-", "number as text"), ("2026-01-31", "date as text"),
        ("31.01.2026", "date as text"), ("EA", "text"), (7, "number"), (Decimal("7.5"), "number"),
        (True, "true or false"), ('{"a": 1}', "nested"), ("", None), (None, None),
    ],
)  # fmt: skip
def test_kind_of_a_value(value: Any, kind: str | None) -> None:
    assert kind_of(value) == kind


def test_same_fields_are_no_drift_whatever_they_hold() -> None:
    before = seen({"id": "1", "qty": 5, "note": None})
    assert differs(before, seen({"id": "A7", "qty": Decimal("5.5"), "note": "x"})) == []


def test_new_field_is_told_with_its_kind() -> None:
    [one] = differs(seen({"id": "1"}), seen({"id": "2"}, {"id": "3", "plant": "P1"}))
    assert one.words == "field 'plant' is new (text)"


def test_number_that_became_a_text_is_retyped() -> None:
    [one] = differs(seen({"qty": 5}), seen({"qty": "5"}))
    assert one.words == "field 'qty' was number and is text now"


@pytest.mark.parametrize(("times", "told"), [(20, ["date"]), (19, [])])
def test_texts_are_retyped_only_where_enough_of_them_say_so(times: int, told: list[str]) -> None:
    before = seen({"date": "2026-01-31", "name": "a"}, times=20)
    assert [one.name for one in differs(before, seen({"date": "Jan 31", "name": "7"}, times=times))] == told


def test_one_text_among_numbers_is_no_other_kind() -> None:
    now = seen({"id": "A7"}, *[{"id": str(n)} for n in range(40)])
    assert differs(seen({"id": "5"}, times=30), now) == []


def test_since_when_is_kept_while_it_lasts_and_empty_values_change_nothing() -> None:
    before, now = seen({"qty": 5}), seen({"qty": "5", "plant": "P1"})
    first = [Drifted("plant", "new", "", "text", "2026-11-01T00:00:00Z")]
    found = {one.name: one.since for one in differs(before, now, first)}
    assert found == {"plant": "2026-11-01T00:00:00Z", "qty": "2026-11-24T15:00:00Z"}
    retyped = [one for one in differs(before, now) if one.name == "qty"]
    assert differs(before, seen({"qty": None}), retyped) == retyped


def test_accepted_patterns_are_quiet() -> None:
    before, now = seen({"id": 1, "qty": 5}), seen({"id": 1, "qty": "5", "x_new": 1, "y": 2})
    assert [one.name for one in differs(before, now, [], "x_*", "qty")] == ["y"]
    assert differs(before, now, [], "*") == []


def test_new_field_is_gone_with_a_whole_read_or_after_a_hundred_rows_without_it() -> None:
    before, told = seen({"id": "1"}), [Drifted("plant", "new", "", "text", "2026-11-01T00:00:00Z")]
    assert differs(before, seen({"id": "2"}), told, whole=True) == []
    [still] = differs(before, seen({"id": "2"}, times=60), told)
    assert still.unseen == 60
    assert differs(before, seen({"id": "2"}, times=40), [still]) == []
    assert differs(before, seen(), told, whole=True)[0].unseen == 0  # nothing was seen at all


def test_columns_of_a_file_are_seen_without_making_rows_of_them() -> None:
    texts = [Array(values, DataType.utf8()) for values in (["a:2", "a:3"], ["1", "2"], [None, "x"])]
    found = FieldsSeen()
    found.add(ColumnRows(Table.from_arrays(texts, names=["position", "c0", "c1"]), ["id", "plant"]))
    assert (found.rows, list(found.names), found.kinds("plant")) == (2, ["id", "plant"], {"text"})
