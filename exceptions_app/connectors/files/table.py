"""Turns the records of a sheet, a delimited or a fixed-width file into rows: names, aliases, trailer, values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from ..base import FeedContentError, RawRow, RowProblem, cut
from ..columnar import ColumnRows
from .content import printable
from .control import Control
from .delimited import BadRecord, Record, TrailerRecord
from .options import FilesRead
from .values import Value, read_values, readers

_SHOWN = 30
"""Names of columns in a message."""


class Table:
    """Reads one file's records in order. Positions are `name:line`."""

    def __init__(self, options: FilesRead, name: str) -> None:
        self._options = options
        self._name = name
        self._names: list[str] = []
        self._readers: dict[str, Value] = {}
        self._aliases = {_folded(alias): column for alias, column in options.columns.items()}
        column = options.trailer.total_column if options.trailer else None
        self._control = Control(name, column, comma=bool(options.decimal_comma))

    @property
    def takes_columns(self) -> bool:
        """Whether values may be left as the file writes them."""
        options = self._options
        return options.quotes and not (options.decimal_comma or options.pad or options.dates)

    @property
    def names(self) -> list[str]:
        """The columns, once the header was read."""
        return self._names

    def rows(
        self, records: Iterable[Record | BadRecord | ColumnRows]
    ) -> Iterator[RawRow | RowProblem | ColumnRows]:
        """What follows the header. Raises FeedContentError at the end where the trailer is not as agreed."""
        trailer: Record | None = None
        for record in records:
            if isinstance(record, ColumnRows):
                if trailer is not None:
                    raise _after_trailer(record[0].position)
                self._control.add_columns(record)
                yield record
                continue
            if isinstance(record, Record) and _is_blank(record):
                continue
            if trailer is not None:
                raise _after_trailer(self._at(record.line))
            if isinstance(record, Record) and self._is_trailer(record):
                trailer = record
                continue
            row = self._row(record)
            self._control.add(row.values if isinstance(row, RawRow) else None)
            yield row
        self._check_trailer(trailer)

    def after_header(self, found: Iterable[Record | BadRecord]) -> Iterator[Record | BadRecord]:
        """The records after the header. Raises FeedContentError where that is not as agreed."""
        records, options = iter(found), self._options
        if options.own_names:
            self._settle(options.own_names, 1)
            return records
        header: Record | BadRecord | None = None
        for _ in range(options.header_row):
            header = next(records, None)
        if header is None:
            raise FeedContentError("the file is empty", self._at(1), "a line of column names")
        if isinstance(header, BadRecord):
            raise FeedContentError(
                f"header: {header.reason}", self._at(header.line), "a line of column names"
            )
        self._take_names(header)
        return records

    def _take_names(self, header: Record) -> None:
        names: list[str] = []
        for number, written in enumerate(header.fields, 1):
            name = self._aliases.get(_folded(written), written.strip()) or f"column_{number}"
            if name in names:
                first = names.index(name) + 1
                raise FeedContentError(
                    f"column {name!r} stands in field {first} and in field {number}",
                    self._at(header.line),
                    "each column once",
                )
            names.append(name)
        while names and names[-1] == f"column_{len(names)}":  # nameless fields at the end hold nothing
            names.pop()
        if not names:
            raise FeedContentError("no column has a name", self._at(header.line), "a line of column names")
        self._settle(names, header.line)

    def _settle(self, names: list[str], line: int) -> None:
        self._names = names
        read_as = readers(self._options)
        self._readers = {name: read for name in names if (read := read_as(name)) is not None}
        self._check_required(line)

    def _check_required(self, line: int) -> None:
        comma, trailer = self._options.decimal_comma, self._options.trailer
        wanted = {
            "required": self._options.required,
            "decimal_comma": comma if isinstance(comma, list) else [],
            "dates": list(self._options.dates),
            "trailer.total_column": [trailer.total_column] if trailer and trailer.total_column else [],
        }
        for option, columns in wanted.items():
            missing = [name for name in columns if name not in self._names]
            if not missing:
                continue
            near = difflib.get_close_matches(missing[0], self._names, 1)
            found = f"did you mean {near[0]!r}" if near else f"found {self._found()}"
            message = f"no column {', '.join(map(repr, missing))} ({found})"
            wanted_there = (
                f"the columns {', '.join(columns)} ({option}; `columns` says by which names they may come)"
            )
            raise FeedContentError(message, self._at(line), wanted_there)

    def _found(self) -> str:
        """The names of the file: first those that no alias leads to, one of which may be meant."""
        known = set(self._options.columns.values())
        names = sorted(self._names, key=known.__contains__)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"{', '.join(names[:_SHOWN])}{more}"

    def _row(self, record: Record | BadRecord) -> RawRow | RowProblem:
        position = self._at(record.line)
        if isinstance(record, BadRecord):
            return RowProblem(position, record.reason, cut(printable(record.text.rstrip("\r\n"))))
        fields, names = record.fields, self._names
        if len(fields) > len(names) and not any(field.strip() for field in fields[len(names) :]):
            fields = fields[: len(names)]
        if len(fields) != len(names):
            broken = "" if record.ended else "; the file ends in the middle of this line"
            reason = f"{len(fields)} fields, expected {len(names)}{broken}"
            return RowProblem(position, reason, cut(record.text))
        try:
            values = read_values(names, fields, self._readers)
        except ValueError as error:
            return RowProblem(position, str(error), cut(record.text))
        return RawRow(position, values)

    def _is_trailer(self, record: Record) -> bool:
        trailer = self._options.trailer
        if trailer is None or self._options.format == "fixed":
            return isinstance(record, TrailerRecord)
        return record.fields[0].strip() == trailer.first_field

    def _check_trailer(self, found: Record | None) -> None:
        trailer = self._options.trailer
        if trailer is None:
            return
        if found is None:
            message = (
                f"no trailer {trailer.first_field!r} after {self._control.count} rows: delivered by halves"
            )
            raise FeedContentError(message, self._name, "a trailer as the last record")
        where, who = self._at(found.line), "the trailer"
        self._control.check_count(_field(found, trailer.count_field), where, who)
        if trailer.total_column:
            self._control.check_total(_field(found, trailer.total_field), where, who, trailer.total_decimals)

    def _at(self, line: int) -> str:
        return f"{self._name}:{line}"


def _after_trailer(where: str) -> FeedContentError:
    return FeedContentError("records follow the trailer", where, "the trailer to be last")


def _is_blank(record: Record) -> bool:
    return not any(field.strip() for field in record.fields)


def _field(record: Record, number: int) -> str:
    return record.fields[number - 1] if len(record.fields) >= number else ""


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
