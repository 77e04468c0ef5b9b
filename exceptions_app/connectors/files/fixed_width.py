"""Lines whose columns stand at agreed characters, as mainframes and banks write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from .content import not_decodable
from .delimited import BadRecord, Lines, Record, TrailerRecord
from .options import FilesRead, FilesTrailer, FixedColumn

Slice = tuple[int, int, int]
"""The first and the last character, from 0, and how many digits stand after a point that is not written."""


def fixed_records(lines: Lines, options: FilesRead) -> Iterator[Record | BadRecord]:
    """Each line as a record. One that ends before its last column begins stands aside."""
    slices = [_slice(at) for at in options.layout.values()]
    shortest = max(first for first, _, _ in slices) + 1
    while (line := lines.next()) is not None:
        bare = line.rstrip("\r\n\x1a")
        if not bare.strip():
            continue
        reason = not_decodable(bare)
        if reason:
            yield BadRecord(lines.number, reason, line)
        elif options.trailer and bare.startswith(options.trailer.first_field):
            yield TrailerRecord(lines.number, _trailer(bare, options.trailer), bare)
        elif options.starts is not None and not bare.startswith(options.starts):
            continue
        elif len(bare) < shortest:
            said = f"the line ends at character {len(bare)}, its last column begins at {shortest}"
            yield BadRecord(lines.number, said, line)
        else:
            yield Record(lines.number, [_text(bare, part) for part in slices], bare)


def _slice(at: str | FixedColumn) -> Slice:
    span, decimals = (at.at, at.decimals) if isinstance(at, FixedColumn) else (at, 0)
    first, _, last = span.partition("-")
    return int(first) - 1, int(last), decimals


def _text(line: str, part: Slice) -> str:
    first, last, decimals = part
    text = line[first:last].strip()
    return _pointed(text, decimals) if decimals else text


def _pointed(text: str, decimals: int) -> str:
    """`0001250-` with two decimals as `-12.50`; what is no row of digits stays as it is."""
    found = re.fullmatch(r"([+-]?)([0-9]+)([+-]?)", text)
    if found is None or (found[1] and found[3]):
        return text
    number = Decimal(f"{found[1] or found[3]}{found[2]}").scaleb(-decimals)
    return format(number, "f")


def _trailer(line: str, trailer: FilesTrailer) -> list[str]:
    """The fields where `Table` looks for them."""
    fields = [""] * max(trailer.count_field, trailer.total_field)
    fields[0] = trailer.first_field
    if trailer.total_at:
        fields[trailer.total_field - 1] = _text(line, _slice(trailer.total_at))
    if trailer.count_at:
        fields[trailer.count_field - 1] = _text(line, _slice(trailer.count_at))
    return fields
