"""How far the cells of a workbook spread, whatever its format. Its reader lays out every place between them, so that
one cell at the far end of a sheet would take all the memory there is, and the process with it.

An xls needs no look: the sheets of that format end at 65,536 rows and 256 columns.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable
from typing import IO

from ..exact_xml import parse_xml
from . import ods, xlsb
from .spread import MOST_PLACES, Spread, chunks

_CELL = re.compile(rb'<(?:\w+:)?c\s(?:[^<>]*?\s)?r="([A-Z]{1,3})([0-9]{1,7})"[^<>]*(?<!/)>(?!</)')
_BOOK, _LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"


def check_spread(stream: IO[bytes], sheet: str | None) -> None:
    """Raises ValueError where what a workbook's reader lays out spreads too far: of xlsx and xlsb the sheet (None: the
    first), of ods all. Of what is none, or not as expected, nothing is said: its reader does.
    """
    try:
        with zipfile.ZipFile(stream) as book:
            found = _spreads(book, sheet)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, EOFError, OSError, RuntimeError, struct.error):
        return
    finally:
        stream.seek(0)
    if sum(each.rows * each.columns for each in found) <= MOST_PLACES:
        return
    far = max(found, key=lambda each: each.rows * each.columns)
    raise ValueError(
        f"its cells spread over {far.rows:,} rows and {far.columns:,} columns: something stands far off the others"
    )


def _spreads(book: zipfile.ZipFile, sheet: str | None) -> list[Spread]:
    """Whatever a reader may take it for: an archive may be made to look like several."""
    held = set(book.namelist())
    return [each for part, ask in _FORMATS.items() if part in held for each in ask(book, sheet)]


def _xlsx(book: zipfile.ZipFile, sheet: str | None) -> list[Spread]:
    part = _part_of(book, sheet)
    return [] if part is None else [_spread(book, part)]


_FORMATS: dict[str, Callable[[zipfile.ZipFile, str | None], list[Spread]]] = {
    _BOOK: _xlsx, xlsb.BOOK: xlsb.spreads, ods.BOOK: ods.spreads,
}  # fmt: skip


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


def _spread(book: zipfile.ZipFile, part: str) -> Spread:
    found, rest = Spread(), b""
    for chunk in chunks(book, part):
        text = rest + chunk
        whole = max(text.rfind(b"<", 0, text.rfind(b"<")), 0)  # the last two tags may be cut
        _take(found, _CELL.findall(text, 0, whole))
        rest = text[whole:]
    _take(found, _CELL.findall(rest))
    return found


def _take(found: Spread, cells: list[tuple[bytes, bytes]]) -> None:
    if cells:
        columns = [_column(letters) for letters in {letters for letters, _ in cells}]
        rows = [int(number) for number in {number for _, number in cells}]
        found.take(min(rows), max(rows), min(columns), max(columns))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
