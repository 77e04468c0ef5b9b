"""An Excel workbook of rows: a cover sheet, then a formatted table, streamed to disk.

Every value is what it looks like: numbers and dates are real, identifiers are text with their leading zeros,
and text that begins like a formula stays text. Must not know what the rows mean, nor where they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from itertools import chain, islice
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import ALL_TEMP_FILES
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo

from exceptions_app.domain.wording import FORMULA_STARTS

Kind = Literal["text", "long_text", "number", "money", "integer", "date", "instant", "boolean"]
Row = TypeVar("Row")

SHEET_ROWS = 1_000_000
"""Rows of one sheet; Excel's own limit is 1,048,576."""
CELL_CHARACTERS = 32_767
PROGRESS_EVERY = 500
_FORMATS: dict[Kind, str] = {
    "text": "@",
    "long_text": "@",
    "number": "#,##0.####",
    "money": "#,##0.00##",
    "integer": "#,##0",
    "date": "yyyy-mm-dd",
    "instant": "yyyy-mm-dd hh:mm",
    "boolean": "General",
}
_HEADER_FONT = Font(bold=True, color="FFFFFF")
_HEADER_FILL = PatternFill("solid", fgColor="1F4E79")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column: its title, what kind of value it holds, and how a row gives it. Instants are aware times."""

    title: str
    kind: Kind
    value: Callable[[Row], Any]
    width: int = 14


@dataclass(frozen=True, slots=True)
class Cover:
    """What a reader must know before the figures: a title, then label and value pairs."""

    title: str
    lines: Sequence[tuple[str, str | datetime]]


@dataclass(slots=True)
class Written:
    """What became of the rows: how many, and in how many cells something had to be left out."""

    rows: int = 0
    cleaned: int = 0
    shortened: int = 0
    notes: list[str] = field(default_factory=list)


def write(
    path: Path,
    cover: Cover,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    zone: tzinfo,
    progress: Callable[[int], None] = lambda _: None,
) -> Written:
    """Write the workbook to `path`, wholly or not at all. Instants are shown in `zone`. Memory does not grow.

    `progress` is called with the rows written so far; what it raises ends the writing.
    """
    book = Workbook(write_only=True)
    book.calculation.fullCalcOnLoad = False
    front = book.create_sheet("About")
    result = Written()
    partial = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write_sheets(book, columns, iter(rows), zone, result, progress)
        _write_cover(front, cover, zone, result)
        book.save(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
        _forget_sheets(book)
    return result


def _forget_sheets(book: Workbook) -> None:
    """Until a book is saved, openpyxl keeps each sheet in a file of its own, to the end of the process."""
    for sheet in book.worksheets:
        writer = getattr(sheet, "_writer", None)
        if writer is not None and writer.out in ALL_TEMP_FILES:
            writer.cleanup()


def _write_sheets(
    book: Workbook,
    columns: Sequence[Column[Row]],
    rows: Iterator[Row],
    zone: tzinfo,
    result: Written,
    progress: Callable[[int], None],
) -> None:
    for number in range(1, 1_000):
        first = next(rows, None)
        if first is None and number > 1:
            return
        sheet = book.create_sheet("Exceptions" if number == 1 else f"Exceptions {number}")
        batch = chain(() if first is None else (first,), islice(rows, SHEET_ROWS - 1))
        _write_table(sheet, number, columns, batch, zone, result, progress)


def _write_table(
    sheet: Any,
    number: int,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    zone: tzinfo,
    result: Written,
    progress: Callable[[int], None],
) -> None:
    sheet.freeze_panes = "B2"
    for index, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(index)].width = column.width
    titles = [_title(column, zone) for column in columns]
    sheet.append([_header(sheet, title) for title in titles])
    writers = [_CellWriter(sheet, column.kind, zone, result) for column in columns]
    values = [column.value for column in columns]
    before = result.rows
    for row in rows:
        sheet.append([writer(value(row)) for writer, value in zip(writers, values, strict=True)])
        result.rows += 1
        if result.rows % PROGRESS_EVERY == 0:
            progress(result.rows)
    if result.rows > before:
        sheet.tables.add(_table(number, titles, result.rows - before))


def _title(column: Column[Any], zone: tzinfo) -> str:
    return f"{column.title} ({zone})" if column.kind == "instant" else column.title


def _header(sheet: Any, title: str) -> Cell:
    cell = WriteOnlyCell(sheet, title)
    cell.font, cell.fill = _HEADER_FONT, _HEADER_FILL
    cell.alignment = Alignment(vertical="top", wrap_text=True)
    return cell


def _table(number: int, titles: Sequence[str], count: int) -> Table:
    ref = f"A1:{get_column_letter(len(titles))}{count + 1}"
    return Table(
        displayName=f"Exceptions{number}",
        ref=ref,
        autoFilter=AutoFilter(ref=ref),
        tableColumns=[TableColumn(id=index, name=title) for index, title in enumerate(titles, 1)],
        tableStyleInfo=TableStyleInfo(name="TableStyleLight1", showRowStripes=True),
    )


class _CellWriter:
    """One column's cell, written again and again: a new styled cell each would cost three times as much."""

    def __init__(self, sheet: Any, kind: Kind, zone: tzinfo, result: Written) -> None:
        self.kind, self.zone, self.result = kind, zone, result
        self.cell = self._styled(sheet, quoted=False)
        self.quoted = self._styled(sheet, quoted=True)

    def _styled(self, sheet: Any, *, quoted: bool) -> Cell:
        cell = WriteOnlyCell(sheet)
        cell.number_format = _FORMATS[self.kind]
        if self.kind == "long_text":
            cell.alignment = Alignment(vertical="top", wrap_text=True)
        if quoted:
            cell.quotePrefix = True
        return cell

    def __call__(self, value: Any) -> Cell | None:
        if value is None or value == "":
            return None
        match self.kind:
            case "text" | "long_text":
                return self._text(str(value))
            case "instant":
                self.cell.value = value.astimezone(self.zone).replace(tzinfo=None, microsecond=0)
            case "date":
                self.cell.value = _plain_date(value)
            case "boolean":
                self.cell.value = "yes" if value else "no"
            case _:
                self.cell.value = value
        return self.cell

    def _text(self, value: str) -> Cell:
        text = clean(value)
        if text != value:
            self.result.cleaned += 1
        if len(text) > CELL_CHARACTERS:
            text = text[: CELL_CHARACTERS - 1] + "…"
            self.result.shortened += 1
        cell = self.quoted if text.startswith(FORMULA_STARTS) else self.cell
        cell.value = text
        cell.data_type = "s"
        return cell


def clean(text: str) -> str:
    """Without the control characters that no workbook can hold; line breaks and tabs stay."""
    return ILLEGAL_CHARACTERS_RE.sub("", text)


def _plain_date(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _write_cover(sheet: Any, cover: Cover, zone: tzinfo, result: Written) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 26, 90
    title = WriteOnlyCell(sheet, clean(cover.title))
    title.data_type = "s"
    title.font = Font(bold=True, size=16)
    sheet.append([title])
    sheet.append([])
    for label, value in cover.lines:
        sheet.append(_cover_line(sheet, label, value, zone))
    sheet.append(_cover_line(sheet, "Rows", result.rows, zone))
    result.notes += _notes(result)
    for note in result.notes:
        sheet.append(_cover_line(sheet, "Note", note, zone))


def _cover_line(sheet: Any, label: str, value: Any, zone: tzinfo) -> list[Cell | None]:
    heading = WriteOnlyCell(sheet, label)
    heading.font = Font(bold=True)
    kind: Kind = (
        "instant" if isinstance(value, datetime) else "integer" if isinstance(value, int) else "long_text"
    )
    if kind == "instant":
        heading.value = f"{label} ({zone})"
    return [heading, _CellWriter(sheet, kind, zone, Written())(value)]


def _notes(result: Written) -> list[str]:
    notes = []
    if result.cleaned:
        notes.append(f"Control characters were removed from {result.cleaned} cells.")
    if result.shortened:
        notes.append(
            f"{result.shortened} cells held more than {CELL_CHARACTERS} characters and were shortened."
        )
    return notes
