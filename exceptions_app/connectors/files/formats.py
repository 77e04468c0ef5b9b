"""The formats of files: each turns a file's content into rows, in order, with the place of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from ..base import FeedContentError, RawRow, RowProblem, cut
from ..columnar import ColumnRows
from ..exact_json import RepeatingObject, dump, find, flat, parse, repeated_key
from .content import Content, not_decodable, printable
from .delimited import Lines, Record, guess, records
from .options import FilesRead
from .stretches import Stretches
from .table import Table

Item = RawRow | RowProblem | ColumnRows
Read = Callable[[Content, FilesRead], Iterator[Item]]

LARGE = 1 << 20
"""Bytes from which on a delimited file is read in stretches."""


def read_csv(content: Content, options: FilesRead) -> Iterator[Item]:
    """Delimited text."""
    text = content.text(options.encoding)
    lines = Lines(text)
    try:
        for _ in range(options.skip_rows):
            lines.next()
        delimiter = options.delimiter or _guessed(lines)
        table = Table(options, content.name)
        data = table.after_header(records(lines, delimiter))
        if content.size >= LARGE and table.takes_columns:
            stop = options.trailer.first_field if options.trailer else None
            found = Stretches(text, lines, table.names, delimiter, content.name, stop).read()
            yield from table.rows(found)
        else:
            yield from table.rows(data)
    except UnicodeDecodeError as error:
        raise FeedContentError(str(error), f"{content.name}:{lines.number + 1}", options.encoding) from None


def read_xlsx(content: Content, options: FilesRead) -> Iterator[RawRow | RowProblem]:
    """A sheet of a workbook. Dates arrive as ISO text, numbers as decimals of the 15 digits Excel keeps."""
    content.stream.seek(0)
    try:
        with CalamineWorkbook.from_filelike(content.stream) as book:
            cells = _sheet(book, options.sheet, content.name).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise FeedContentError(f"not a workbook ({error})", content.name, "an Excel workbook") from None
    found = (
        Record(number, [_cell(value) for value in row], " | ".join(_cell(value) for value in row))
        for number, row in enumerate(cells, 1)
        if number > options.skip_rows
    )
    table = Table(options, content.name)
    yield from table.rows(table.after_header(found))


def read_json(content: Content, options: FilesRead) -> Iterator[RawRow | RowProblem]:
    """One JSON document that holds a list of objects."""
    text = content.text(options.encoding).read()
    undecodable = not_decodable(text)
    if undecodable:
        raise FeedContentError(undecodable, content.name, options.encoding)
    try:
        document = parse(text)
    except ValueError as error:
        raise FeedContentError(f"not JSON ({error})", content.name, "one JSON document") from None
    if isinstance(document.value, RepeatingObject):
        raise FeedContentError(f"says {document.value.key!r} twice", content.name, "each key once")
    rows = find(document.value, options.records)
    if not isinstance(rows, list):
        wanted = f"a list at {options.records!r}" if options.records else "a list"
        raise FeedContentError("no list of rows", content.name, wanted)
    for number, row in enumerate(rows, 1):
        yield _object(row, f"{content.name}:row {number}", dump(row))


def read_ndjson(content: Content, options: FilesRead) -> Iterator[RawRow | RowProblem]:
    """A JSON object a line; a bad line stands aside."""
    lines = Lines(content.text(options.encoding))
    while (line := lines.next()) is not None:
        if not line.strip():
            continue
        position = f"{content.name}:{lines.number}"
        undecodable = not_decodable(line)
        try:
            if undecodable:
                raise ValueError(undecodable)
            yield _object(parse(line).value, position, line)
        except ValueError as error:
            broken = "" if line.endswith(("\n", "\r")) else "; the file ends in the middle of this line"
            reason = str(error) if undecodable else f"not JSON ({error}){broken}"
            yield RowProblem(position, reason, cut(printable(line.rstrip("\r\n"))))


READERS: dict[str, Read] = {"csv": read_csv, "xlsx": read_xlsx, "json": read_json, "ndjson": read_ndjson}


def _guessed(lines: Lines) -> str:
    """The delimiter of the first line that holds anything; it is read again."""
    passed: list[str] = []
    while (line := lines.next()) is not None:
        passed.append(line)
        if line.strip():
            break
    lines.put_back(passed)
    return guess(passed[-1]) if passed else ","


def _object(row: Any, position: str, text: str) -> RawRow | RowProblem:
    if not isinstance(row, dict):
        return RowProblem(position, f"expected an object, got {type(row).__name__}", cut(text.rstrip("\r\n")))
    twice = repeated_key(row)
    if twice is not None:
        return RowProblem(position, f"says {twice!r} twice; which one holds?", cut(text.rstrip("\r\n")))
    return RawRow(position, flat(row))


def _sheet(book: CalamineWorkbook, name: str | None, where: str) -> CalamineSheet:
    if name is None:
        return book.get_sheet_by_index(0)
    if name not in book.sheet_names:
        found = ", ".join(map(repr, book.sheet_names))
        raise FeedContentError(f"no sheet {name!r}, only {found}", where, f"a sheet {name!r}")
    return book.get_sheet_by_name(name)


def _cell(value: Any) -> str:
    """A cell as text. Excel computes with 15 significant digits, so 0.1 + 0.2 is 0.3 here too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(Decimal(format(value, ".15g")), "f")
    if isinstance(value, timedelta):
        return str(int(value.total_seconds()))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return cast(str, value)
