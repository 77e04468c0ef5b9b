"""How far the cells of an OpenDocument workbook (ods) spread. A row or a cell says how often it stands there, so that
a few letters may stand for a whole sheet; all sheets are laid out at once.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from xml.parsers import expat

from .spread import Spread, chunks

BOOK = "content.xml"
_CELL = frozenset({"table:table-cell", "table:covered-table-cell"})
_ROW, _TABLE, _TEXT = "table:table-row", "table:table", "text:p"
"""As they are always written, and as the reader knows them: by these names, whatever they are declared to mean."""
_VALUES = frozenset(
    {
        "office:value-type", "office:value", "office:string-value", "office:date-value", "office:time-value",
        "office:boolean-value",
    }
)  # fmt: skip


def spreads(book: zipfile.ZipFile, _sheet: str | None) -> list[Spread]:
    """Of every sheet; nothing where it is no XML."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = _refuse
    try:
        for chunk in chunks(book, BOOK):
            parser.Parse(chunk)
        parser.Parse(b"", True)
    except expat.ExpatError:
        return []
    return reader.found


class _Reader:
    """Follows rows and cells; rows and columns count from 0."""

    def __init__(self) -> None:
        self.found: list[Spread] = []
        self._next_row = self._rows = self._next_column = self._columns = 0
        self._first = self._last = -1
        self._holds = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in _CELL:
            self._columns = _often(attributes.get("table:number-columns-repeated"))
            self._holds = not _VALUES.isdisjoint(attributes)
        elif name == _TEXT:
            self._holds = True
        elif name == _ROW:
            self._rows = _often(attributes.get("table:number-rows-repeated"))
            self._next_column, self._first, self._last = 0, -1, -1
        elif name == _TABLE:
            self.found.append(Spread())
            self._next_row = 0

    def end(self, name: str) -> None:
        if name in _CELL:
            last = self._next_column + self._columns - 1
            if self._holds:
                self._first = self._next_column if self._first < 0 else self._first
                self._last = last
            self._next_column, self._holds = last + 1, False
        elif name == _ROW:
            if self._first >= 0 and self.found:
                self.found[-1].take(self._next_row, self._next_row + self._rows - 1, self._first, self._last)
            self._next_row += self._rows


def _often(said: str | None) -> int:
    if said is None:
        return 1
    return max(1, int(said)) if said.isascii() and said.isdecimal() and len(said) < 12 else 1


def _refuse(*_: object) -> None:
    raise ValueError("it declares a document type (DOCTYPE), which is refused: entities could hide in it")
