"""How far the cells of a binary workbook (xlsb) spread. Its parts are records: a type, a length, the content
([MS-XLSB] 2.1.4). Each row is a record with its number, followed by one for each of its cells.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Iterator

from ..exact_xml import parse_xml
from .spread import Spread, chunks

BOOK = "xl/workbook.bin"
_LINKS = "xl/_rels/workbook.bin.rels"
_ROW, _CELLS, _END, _SHEET = 0, range(2, 12), 146, 156
"""A row's header; its cells that hold anything; the end of them; a sheet in the list of the workbook."""
_NUMBER = struct.Struct("<I")


def spreads(book: zipfile.ZipFile, sheet: str | None) -> list[Spread]:
    """Of the sheet that is read (None: the first); nothing where it is not as expected."""
    part = _part_of(book, sheet)
    return [] if part is None else [_spread(records(chunks(book, part)))]


def _part_of(book: zipfile.ZipFile, sheet: str | None) -> str | None:
    """The part of the archive that holds the sheet."""
    try:
        links = parse_xml(book.read(_LINKS))["Relationships"]["Relationship"]
    except (ValueError, TypeError):
        return None
    known = {link["@Id"]: link["@Target"] for link in (links if isinstance(links, list) else [links])}
    for kind, content in records(chunks(book, BOOK)):
        if kind == _SHEET:
            link, at = _text(content, 8)
            name, _ = _text(content, at)
            if sheet in (None, name):
                target = str(known[link])
                return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return None


def _spread(found: Iterable[tuple[int, bytes]]) -> Spread:
    spread, row = Spread(), 0
    first = last = -1
    for kind, content in found:
        if kind in _CELLS:
            column = _NUMBER.unpack_from(content)[0]
            first = column if first < 0 else min(first, column)
            last = max(last, column)
        elif kind in (_ROW, _END):
            if first >= 0:
                spread.take(row, row, first, last)
                first = last = -1
            if kind == _END:
                break
            row = _NUMBER.unpack_from(content)[0]
    if first >= 0:
        spread.take(row, row, first, last)
    return spread


def records(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Type and content of each record; what is cut at the end is left out."""
    rest = b""
    for piece in pieces:
        data, at = rest + piece, 0
        while (head := _head(data, at)) is not None and head[2] + head[1] <= len(data):
            kind, size, start = head
            yield kind, data[start : start + size]
            at = start + size
        rest = data[at:]


def _head(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Type, length and where the content begins: seven bits a byte, up to two bytes and up to four. None: it is cut."""
    numbers = []
    for most in (2, 4):
        number = shift = 0
        for _ in range(most):
            if at >= len(data):
                return None
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        numbers.append(number)
    return numbers[0], numbers[1], at


def _text(content: bytes, at: int) -> tuple[str, int]:
    """A text with its length before it, and where the next thing begins."""
    start = at + 4
    end = start + 2 * int(_NUMBER.unpack_from(content, at)[0])
    return content[start:end].decode("utf-16-le", "replace"), end
