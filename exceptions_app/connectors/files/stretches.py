"""Delimited text in stretches of whole lines: a clean one is read by the engine, any other record by record.

Clean is what the engine reads exactly as `delimited` does: each line one record with as many fields as there
are names. Whatever else there is (an open quote, a foreign byte, a field too many) is left to the careful
reader, for that stretch only. Must not know what columns mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from tempfile import NamedTemporaryFile
from typing import TextIO

import duckdb
from arro3.core import RecordBatchReader, Table
from duckdb import DuckDBPyConnection

from exceptions_app.duck import literal, session

from ..columnar import POSITION, ColumnRows
from .delimited import BadRecord, Lines, Record, records

STRETCH = 16 << 20
"""Characters that are read at a time: some hundred thousand rows, which the store takes as one part."""

_ODD_BLANKS = "\t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2007\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""Blanks beside the space; looked for one by one, which is many times faster than by a pattern."""
_BLANKS = "concat(' ', " + ", ".join(f"chr({ord(blank)})" for blank in "\r\n" + _ODD_BLANKS) + ")"


class Stretches:
    """What follows the header of one file. `stop`: a first field that only the careful reader may meet."""

    def __init__(
        self, text: TextIO, lines: Lines, names: Sequence[str], delimiter: str, name: str, stop: str | None
    ) -> None:
        self._text = text
        self._lines = lines
        self._names = list(names)
        self._delimiter = delimiter
        self._name = name
        mark = re.escape(delimiter)
        end = rf"[^\S\r\n]*(?:{mark}|\r?$)"
        self._stop = (
            re.compile(rf'^[^\S\r\n]*"?{re.escape(stop)}"?{end}', re.MULTILINE) if stop is not None else None
        )
        self._kept = ""

    def read(self) -> Iterator[ColumnRows | Record | BadRecord]:
        """In the order of the file. Lines are numbered on from where `lines` stands."""
        self._kept = self._lines.taken_back()
        try:
            while stretch := self._next():
                found = self._engine(stretch)
                if found is None:
                    yield from self._careful(stretch)
                else:
                    self._lines.number += stretch.count("\n")
                    yield found
        finally:
            self.close()

    def close(self) -> None:
        """Give the engine back."""
        if "_con" in self.__dict__:
            self._con.close()

    @cached_property
    def _con(self) -> DuckDBPyConnection:
        return session()

    def _next(self) -> str:
        stretch = self._kept + self._text.read(STRETCH)
        self._kept = ""
        if stretch.endswith("\r"):
            stretch += self._text.read(1)
        if not stretch.endswith("\n"):
            stretch += self._text.readline()
        if self._stop is not None and (found := self._stop.search(stretch)) and found.start():
            stretch, self._kept = stretch[: found.start()], stretch[found.start() :]
        return stretch

    def _careful(self, stretch: str) -> Iterator[Record | BadRecord]:
        """Record by record; a quoted field that is open at the end takes what it needs from beyond."""
        own, beyond = _split(stretch), iter(_split(self._kept))
        lines = Lines(chain(own, beyond, self._text))
        lines.number, last = self._lines.number, self._lines.number + len(own)
        found = records(lines, self._delimiter)
        while lines.number < last:
            record = next(found, None)
            if record is None:
                break
            yield record
        self._lines.number = lines.number
        self._kept = lines.taken_back() + "".join(beyond)

    def _engine(self, stretch: str) -> ColumnRows | None:
        ends = stretch.count("\n")
        if not ends or not stretch.endswith("\n") or not self._looks_clean(stretch, ends):
            return None
        try:
            # The engine takes a field too many for none where lines end in two characters.
            encoded = stretch.replace("\r\n", "\n").encode()
        except UnicodeEncodeError:
            return None
        with NamedTemporaryFile(suffix=".csv") as file:
            file.write(encoded)
            file.flush()
            try:
                relation = self._con.sql(self._sql(file.name, stretch))
                table: Table = RecordBatchReader.from_arrow(relation).read_all()
            except duckdb.Error:
                return None
        return ColumnRows(table, self._names) if table.num_rows == ends else None

    def _looks_clean(self, stretch: str, ends: int) -> bool:
        returns = stretch.count("\r")
        if "\0" in stretch or (returns and (returns != ends or stretch.count("\r\n") != ends)):
            return False
        if self._stop is not None and self._stop.match(stretch):
            return False
        if self._may_hold_blank_line(stretch) and self._blank_line.search(stretch):
            return False
        return '"' not in stretch or not self._blank_by_quote.search(stretch)

    def _may_hold_blank_line(self, stretch: str) -> bool:
        """Whether any line begins as a blank one would. What is nowhere in the stretch begins no line."""
        others = (one for one in ('"', " ", "\r", *_ODD_BLANKS) if one in stretch)
        begins = (self._delimiter, "\n", *others)
        return stretch.startswith(begins) or any(f"\n{begin}" in stretch for begin in begins)

    @cached_property
    def _blank_line(self) -> re.Pattern[str]:
        return re.compile(rf'^[{re.escape(self._delimiter)}\s"]*\n', re.MULTILINE)

    @cached_property
    def _blank_by_quote(self) -> re.Pattern[str]:
        mark = re.escape(self._delimiter)
        return re.compile(rf"(?:^|{mark})[^\S\n{mark}]+\"|\"[^\S\r\n{mark}]+(?:{mark}|\r?$)", re.MULTILINE)

    def _sql(self, path: str, stretch: str) -> str:
        names = [f"c{number}" for number in range(len(self._names))]
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        odd = any(blank in stretch for blank in _ODD_BLANKS if blank != self._delimiter)
        shown = ", ".join(f"trim({name}, {_BLANKS}) AS {name}" if odd else name for name in names)
        place = f"{literal(self._name + ':')} || (row_number() OVER () + {self._lines.number}) AS {POSITION}"
        return (
            f"SELECT {place}, {shown} FROM read_csv({literal(path)}, auto_detect=false, header=false, "
            f"delim={literal(self._delimiter)}, quote='\"', escape='\"', new_line='\\n', "
            f"columns={{{columns}}}, strict_mode=true, null_padding=false, parallel=false)"
        )


def _split(stretch: str) -> list[str]:
    """Lines with their ends, at the same ends as a text file has."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", stretch)
