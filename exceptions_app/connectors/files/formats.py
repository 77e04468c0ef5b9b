"""The formats of files: each turns a file's content into rows, in order, with the place of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from ..base import FeedContentError, RawRow, RowProblem, cut
from ..exact_json import RepeatingObject, dump, find, flat, parse, repeated_key
from ..exact_xml import parse_xml
from .content import Content, not_decodable, printable
from .control import Control
from .delimited import Lines, Record, guess, records
from .fixed_width import fixed_records
from .foreign import rows as foreign_rows
from .gathering import Item
from .hl7v2 import read_hl7
from .nested import rows_at
from .options import FilesRead
from .spread import MOST_PLACES
from .stretches import Stretches
from .table import Table
from .values import Exact
from .workbooks import check_spread
from .x12 import read_x12

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
        data = table.after_header(records(lines, delimiter, quotes=options.quotes))
        if content.size >= LARGE and table.takes_columns:
            stop = options.trailer.first_field if options.trailer else None
            found = Stretches(text, lines, table.names, delimiter, content.name, stop).read()
            yield from table.rows(found)
        else:
            yield from table.rows(data)
    except UnicodeDecodeError as error:
        raise FeedContentError(str(error), f"{content.name}:{lines.number + 1}", options.encoding) from None


def read_xlsx(content: Content, options: FilesRead) -> Iterator[Item]:
    """A sheet of a workbook. Dates arrive as ISO text, numbers as decimals of the 15 digits Excel keeps."""
    content.stream.seek(0)
    try:
        check_spread(content.stream, options.sheet)
    except ValueError as error:
        expected = f"at most {MOST_PLACES:,} places between the first cell and the last"
        raise FeedContentError(str(error), content.name, expected) from None
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


def read_fixed(content: Content, options: FilesRead) -> Iterator[Item]:
    """Lines whose columns stand at agreed characters."""
    lines = Lines(content.text(options.encoding))
    for _ in range(options.skip_rows):
        lines.next()
    table = Table(options, content.name)
    yield from table.rows(table.after_header(fixed_records(lines, options)))


def read_json(content: Content, options: FilesRead) -> Iterator[Item]:
    """One JSON document that holds a list of objects, or several inside objects of a list."""
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
    yield from _document(document.value, content.name, options)


def read_xml(content: Content, options: FilesRead) -> Iterator[Item]:
    """One XML document; its rows are the elements at `records`, from the root on."""
    content.stream.seek(0)
    try:
        document = parse_xml(content.stream.read())
    except ValueError as error:
        raise FeedContentError(f"not XML ({error})", content.name, "one XML document") from None
    yield from _document(document, content.name, options, single=True)


def _document(document: Any, name: str, options: FilesRead, *, single: bool = False) -> Iterator[Item]:
    found = rows_at(document, options.records, single=single)
    if found is None and single and document.get(options.records.split(".", 1)[0], ...) is None:
        found = iter(())  # the root stands there and holds nothing
    if found is None:
        wanted = f"a list at {options.records!r}" if options.records else "a list"
        top = ", ".join(list(document)[:12]) if isinstance(document, dict) else type(document).__name__
        raise FeedContentError(f"no list of rows (the document holds {top})", name, wanted)
    items = [
        _object(
            row if not single or isinstance(row, dict) else {"#text": row}, f"{name}:row {number}", around
        )
        for number, (row, around) in enumerate(found, 1)
    ]
    _check_control(document, items, name, options)
    yield from items


def _check_control(document: Any, items: list[RawRow | RowProblem], name: str, options: FilesRead) -> None:
    said = options.control
    if said is None:
        return
    control = Control(name, said.column)
    for item in items:
        control.add(item.values if isinstance(item, RawRow) else None)
    if said.count:
        control.check_count(find(document, said.count), name, f"the document ({said.count})")
    if said.total:
        control.check_total(find(document, said.total), name, f"the document ({said.total})")


def read_ndjson(content: Content, options: FilesRead) -> Iterator[Item]:
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
            yield _object(parse(line).value, position, {}, line)
        except ValueError as error:
            broken = "" if line.endswith(("\n", "\r")) else "; the file ends in the middle of this line"
            reason = str(error) if undecodable else f"not JSON ({error}){broken}"
            yield RowProblem(position, reason, cut(printable(line.rstrip("\r\n"))))


READERS: dict[str, Read] = {
    "csv": read_csv,
    "xlsx": read_xlsx,
    "fixed": read_fixed,
    "json": read_json,
    "ndjson": read_ndjson,
    "xml": read_xml,
    "x12": read_x12,
    "hl7": read_hl7,
}


def read_content(content: Content, options: FilesRead) -> Iterator[Item]:
    """The rows of one file, by its format or another package's."""
    shipped = READERS.get(options.format)
    if shipped is not None:
        return shipped(content, options)
    return foreign_rows(content, options.format, options.format_options)


def _guessed(lines: Lines) -> str:
    """The delimiter of the first line that holds anything; it is read again."""
    passed: list[str] = []
    while (line := lines.next()) is not None:
        passed.append(line)
        if line.strip():
            break
    lines.put_back(passed)
    return guess(passed[-1]) if passed else ","


def _object(
    row: Any, position: str, around: Mapping[str, Any], text: str | None = None
) -> RawRow | RowProblem:
    """An object as a row, with what stands around it. `text`: how it was written, if that is at hand."""
    reason = None
    if not isinstance(row, dict):
        reason = f"expected an object, got {type(row).__name__}"
    elif (twice := repeated_key(row)) is not None:
        reason = f"says {twice!r} twice; which one holds?"
    if reason is not None:
        return RowProblem(position, reason, cut((dump(row) if text is None else text).rstrip("\r\n")))
    return RawRow(position, {**around, **flat(row)})


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
        return Exact(format(Decimal(format(value, ".15g")), "f"))
    if isinstance(value, timedelta):
        return str(int(value.total_seconds()))
    if isinstance(value, datetime | date | time):
        return Exact(value.isoformat())
    return cast(str, value)
