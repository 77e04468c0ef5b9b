"""The exported workbook, read back by two readers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from openpyxl.worksheet._writer import ALL_TEMP_FILES
from python_calamine import CalamineWorkbook

from jobs import workbook
from jobs.workbook import Column, Cover, write

NEW_YORK = ZoneInfo("America/New_York")
AS_OF = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
KINDS: dict[str, workbook.Kind] = {
    "order": "text", "text": "long_text", "amount": "money", "count": "integer", "quantity": "number",
    "due": "instant", "day": "date", "held": "boolean",
}  # fmt: skip
COLUMNS: list[Column[dict[str, Any]]] = [
    Column(name.title(), kind, lambda row, name=name: row.get(name)) for name, kind in KINDS.items()
]
FULL = {
    "order": "0000450017", "text": "12 EA billed", "amount": Decimal("-12.50"), "count": 3,
    "quantity": Decimal("1.2500"), "due": AS_OF, "day": date(2026, 11, 4), "held": True,
}  # fmt: skip


def export(
    path: Path, rows: Iterator[dict[str, Any]] | list[dict[str, Any]], **more: Any
) -> workbook.Written:
    cover = Cover("Exceptions", [("Filter", "queue: =AP"), ("As of", AS_OF), ("Asked by", "Ana Ng")])
    return write(path, cover, COLUMNS, iter(rows), NEW_YORK, **more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "exports" / "42.xlsx"


def test_values_keep_their_kinds(path: Path) -> None:
    export(path, [FULL])
    row = list(openpyxl.load_workbook(path)["Exceptions"].iter_rows(values_only=True))[1]
    assert row == (
        "0000450017", "12 EA billed", -12.5, 3, 1.25, datetime(2026, 11, 22, 16, 30),  # noqa: DTZ001
        datetime(2026, 11, 4), "yes",  # noqa: DTZ001
    )  # fmt: skip


def test_second_reader_agrees(path: Path) -> None:
    export(path, [FULL])
    row = CalamineWorkbook.from_path(path).get_sheet_by_name("Exceptions").to_python()[1]
    assert row[:5] == ["0000450017", "12 EA billed", -12.5, 3.0, 1.25]
    assert row[5] == datetime(2026, 11, 22, 16, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@home care", "\t=1", "\n=1", "＝1", '=HYPERLINK("http://x")']
)
def test_text_that_begins_like_a_formula_stays_text(path: Path, text: str) -> None:
    export(path, [FULL | {"order": text, "text": text}])
    for cell in openpyxl.load_workbook(path)["Exceptions"][2][:2]:
        assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)


def test_filter_on_the_cover_is_never_a_formula(path: Path) -> None:
    export(path, [])
    front = openpyxl.load_workbook(path)["About"]
    assert all(cell.data_type != "f" for row in front.iter_rows() for cell in row)
    write(path, Cover("=1+1: exceptions", []), [], [], UTC)
    title = openpyxl.load_workbook(path)["About"]["A1"]
    assert (title.value, title.data_type) == ("=1+1: exceptions", "s")


def test_cover_says_filter_as_of_time_who_asked_and_how_many(path: Path) -> None:
    export(path, [FULL, FULL])
    lines = list(openpyxl.load_workbook(path)["About"].iter_rows(values_only=True))
    assert lines[0][0] == "Exceptions"
    assert lines[2:] == [
        ("Filter", "queue: =AP"),
        ("As of (America/New_York)", datetime(2026, 11, 22, 16, 30)),  # noqa: DTZ001
        ("Asked by", "Ana Ng"),
        ("Rows", 2),
    ]


def test_table_has_frozen_header_filter_and_style(path: Path) -> None:
    export(path, [FULL, FULL])
    sheet = openpyxl.load_workbook(path)["Exceptions"]
    table = sheet.tables["Exceptions1"]
    assert (table.ref, sheet.freeze_panes) == ("A1:H3", "B2")
    assert table.autoFilter is not None and table.tableStyleInfo.showRowStripes
    assert [column.name for column in table.tableColumns] == [cell.value for cell in sheet[1]]
    assert sheet["F1"].value == "Due (America/New_York)" and sheet["A1"].font.bold


def test_empty_export_has_its_header_and_no_table(path: Path) -> None:
    assert export(path, []).rows == 0
    sheet = openpyxl.load_workbook(path)["Exceptions"]
    assert sheet.max_row == 1 and not sheet.tables


def test_control_characters_are_removed_and_noted(path: Path) -> None:
    written = export(path, [FULL | {"text": "a\x00b\x1fc\nd"}])
    book = openpyxl.load_workbook(path)
    assert book["Exceptions"]["B2"].value == "abc\nd"
    assert written.cleaned == 1
    assert any(
        "Control characters were removed from 1 cells" in str(row[1].value)
        for row in book["About"].iter_rows()
    )


def test_text_longer_than_a_cell_is_shortened_and_noted(path: Path) -> None:
    assert export(path, [FULL | {"text": "x" * 40_000}]).shortened == 1
    assert len(openpyxl.load_workbook(path)["Exceptions"]["B2"].value) == workbook.CELL_CHARACTERS


def test_empty_values_are_empty_cells(path: Path) -> None:
    export(path, [{"order": "1"}])
    assert [cell.value for cell in openpyxl.load_workbook(path)["Exceptions"][2]] == ["1"] + [None] * 7


def test_rows_beyond_one_sheet_go_on_in_the_next(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "SHEET_ROWS", 2)
    assert export(path, [FULL] * 5).rows == 5
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["About", "Exceptions", "Exceptions 2", "Exceptions 3"]
    assert [book[name].max_row for name in book.sheetnames[1:]] == [3, 3, 2]


def test_cancelled_export_leaves_no_file(path: Path) -> None:
    class CancelledError(Exception):
        pass

    def stop(rows: int) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        export(path, [FULL] * workbook.PROGRESS_EVERY, progress=stop)
    assert not path.exists() and not list(path.parent.glob("*"))
    assert not ALL_TEMP_FILES, "nor does openpyxl keep what was written of its sheets"
