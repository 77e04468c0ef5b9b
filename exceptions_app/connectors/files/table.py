"""Turns the records of a sheet or a delimited file into rows: names, aliases, trailer, commas, lost zeros."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from ..base import FeedContentError, RawRow, RowProblem, cut
from ..columnar import ColumnRows
from .content import printable
from .delimited import BadRecord, Record
from .options import FilesRead

_SIGNED = re.compile(r"(?P<sign>[+-]?)\s*(?P<plain>[0-9.,\s]+)|(?P<left>[^-+()]+)-|\((?P<inner>[^-+()]+)\)")
_COMMA_NUMBER = re.compile(
    r"(?P<whole>[1-9][0-9]{0,2}(?P<gap>[. \u00a0\u2009\u202f])[0-9]{3}(?:(?P=gap)[0-9]{3})*|[0-9]+|(?=,))"
    r"(?:,(?P<part>[0-9]+))?"
)


class Table:
    """Reads one file's records in order. Positions are `name:line`."""

    def __init__(self, options: FilesRead, name: str) -> None:
        self._options = options
        self._name = name
        self._names: list[str] = []
        self._aliases = {_folded(alias): column for alias, column in options.columns.items()}

    @property
    def takes_columns(self) -> bool:
        """Whether values may be left as the file writes them."""
        return not (self._options.decimal_comma or self._options.pad)

    @property
    def names(self) -> list[str]:
        """The columns, once the header was read."""
        return self._names

    def rows(
        self, records: Iterable[Record | BadRecord | ColumnRows]
    ) -> Iterator[RawRow | RowProblem | ColumnRows]:
        """What follows the header. Raises FeedContentError at the end where the trailer is not as agreed."""
        count, trailer = 0, None
        for record in records:
            if isinstance(record, ColumnRows):
                if trailer is not None:
                    raise _after_trailer(record[0].position)
                count += len(record)
                yield record
                continue
            if isinstance(record, Record) and _is_blank(record):
                continue
            if trailer is not None:
                raise _after_trailer(self._at(record.line))
            if self._is_trailer(record):
                trailer = record
                continue
            count += 1
            yield self._row(record)
        self._check_trailer(trailer, count)

    def after_header(self, found: Iterable[Record | BadRecord]) -> Iterator[Record | BadRecord]:
        """The records after the header. Raises FeedContentError where that is not as agreed."""
        records, options = iter(found), self._options
        if options.no_header:
            self._names = list(options.no_header)
            self._check_required(1)
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
        self._names = names
        self._check_required(header.line)

    def _check_required(self, line: int) -> None:
        comma = self._options.decimal_comma
        wanted = {
            "required": self._options.required,
            "decimal_comma": comma if isinstance(comma, list) else [],
        }
        for option, columns in wanted.items():
            missing = [name for name in columns if name not in self._names]
            if not missing:
                continue
            near = difflib.get_close_matches(missing[0], self._names, 1)
            found = f"did you mean {near[0]!r}" if near else f"found {', '.join(self._names[:12])}"
            message = f"no column {', '.join(map(repr, missing))} ({found})"
            raise FeedContentError(message, self._at(line), f"the columns {', '.join(columns)} ({option})")

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
        return RawRow(
            position, {name: self._value(name, text) for name, text in zip(names, fields, strict=True)}
        )

    def _value(self, name: str, text: str) -> Any:
        if not text or text.isspace():
            return None
        comma = self._options.decimal_comma
        if comma and (not isinstance(comma, list) or name in comma):
            number = _comma_number(text.strip(), whole=isinstance(comma, list))
            if number is not None:
                return number
        width = self._options.pad.get(name)
        return text.strip().zfill(width) if width and text.strip().isdigit() else text

    def _is_trailer(self, record: Record | BadRecord) -> bool:
        trailer = self._options.trailer
        return bool(
            trailer and isinstance(record, Record) and record.fields[0].strip() == trailer.first_field
        )

    def _check_trailer(self, found: Record | BadRecord | None, count: int) -> None:
        trailer = self._options.trailer
        if trailer is None:
            return
        if not isinstance(found, Record):
            message = f"no trailer {trailer.first_field!r} after {count} rows: delivered by halves"
            raise FeedContentError(message, self._name, "a trailer as the last record")
        said = (
            found.fields[trailer.count_field - 1].strip() if len(found.fields) >= trailer.count_field else ""
        )
        if not said.isdigit() or int(said) != count:
            message = f"the trailer says {said or 'nothing'}, the file holds {count} rows"
            raise FeedContentError(message, self._at(found.line), "as many rows as the trailer says")

    def _at(self, line: int) -> str:
        return f"{self._name}:{line}"


def _after_trailer(where: str) -> FeedContentError:
    return FeedContentError("records follow the trailer", where, "the trailer to be last")


def _is_blank(record: Record) -> bool:
    return not any(field.strip() for field in record.fields)


def _comma_number(text: str, *, whole: bool) -> str | None:
    """`1.234,50-` as `-1234.50`; None for what is no such number. `whole`: it may lack the comma.

    A group of thousands never begins with a zero: `0.500` is not 500.
    """
    signed = _SIGNED.fullmatch(text)
    if signed is None:
        return None
    found = _COMMA_NUMBER.fullmatch((signed["plain"] or signed["left"] or signed["inner"]).strip())
    if found is None or (found["part"] is None and not whole):
        return None
    negative = signed["plain"] is None or signed["sign"] == "-"
    digits = re.sub(r"[^0-9]", "", found["whole"]) or "0"
    number = Decimal(f"{'-' if negative else ''}{digits}.{found['part'] or ''}")
    return format(number, "f")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
