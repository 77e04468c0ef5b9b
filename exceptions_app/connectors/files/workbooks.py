"""How far the cells of a workbook spread. Its reader lays out every place between them, so that one cell at the far end
of a sheet would take all the memory there is, and the process with it.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from typing import IO

from ..exact_xml import parse_xml

MOST_PLACES = 50_000_000
"""Rows times columns between the first and the last cell of a sheet that hold anything."""
MOST_BYTES = 4 << 30
"""Of one part of a workbook, unpacked."""
_CHUNK = 1 << 20
_CELL = re.compile(rb'<(?:\w+:)?c\s(?:[^<>]*?\s)?r="([A-Z]{1,3})([0-9]{1,7})"[^<>]*(?<!/)>(?!</)')
_BOOK, _LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"


@dataclass(slots=True)
class _Spread:
    """The rows and columns, from 1, between which the cells of a sheet lie."""

    top: int = 1 << 30
    bottom: int = 0
    left: int = 1 << 30
    right: int = 0

    def take(self, cells: list[tuple[bytes, bytes]]) -> None:
        columns = [_column(letters) for letters in {letters for letters, _ in cells}]
        rows = [int(number) for number in {number for _, number in cells}]
        self.top, self.bottom = min(self.top, *rows), max(self.bottom, *rows)
        self.left, self.right = min(self.left, *columns), max(self.right, *columns)


def check_spread(stream: IO[bytes], sheet: str | None) -> None:
    """Raises ValueError where a sheet (None: the first) of an xlsx workbook spreads too far. Of what is none, or not
    as expected, nothing is said: its reader does.
    """
    try:
        with zipfile.ZipFile(stream) as book:
            part = _part_of(book, sheet)
            found = None if part is None else _spread(book, part)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, EOFError, OSError, RuntimeError):
        return
    finally:
        stream.seek(0)
    if found is None or not found.bottom:
        return
    rows, columns = found.bottom - found.top + 1, found.right - found.left + 1
    if rows * columns > MOST_PLACES:
        raise ValueError(
            f"its cells spread over {rows:,} rows and {columns:,} columns: something stands far off the others"
        )


def _part_of(book: zipfile.ZipFile, sheet: str | None) -> str | None:
    """The part of the archive that holds the sheet."""
    try:
        held = parse_xml(book.read(_BOOK))["workbook"]["sheets"]["sheet"]
        links = parse_xml(book.read(_LINKS))["Relationships"]["Relationship"]
    except (ValueError, TypeError):
        return None
    sheets = held if isinstance(held, list) else [held]
    known = {link["@Id"]: link["@Target"] for link in (links if isinstance(links, list) else [links])}
    wanted = next((one for one in sheets if sheet is None or one["@name"] == sheet), None)
    target = None if wanted is None else str(known[wanted["@id"]])
    return None if target is None else target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _spread(book: zipfile.ZipFile, part: str) -> _Spread:
    found, rest, taken = _Spread(), b"", 0
    with book.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            taken += len(chunk)
            if taken > MOST_BYTES:
                raise ValueError(f"{part} unpacks to more than {MOST_BYTES:,} bytes")
            text = rest + chunk
            whole = max(text.rfind(b"<", 0, text.rfind(b"<")), 0)  # the last two tags may be cut
            if cells := _CELL.findall(text, 0, whole):
                found.take(cells)
            rest = text[whole:]
    if cells := _CELL.findall(rest):
        found.take(cells)
    return found


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
