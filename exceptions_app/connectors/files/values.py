"""What a file's texts mean where its writer has habits of his own: decimal commas, lost zeros, forms of dates.

Each text is read by what the options say of its column. One that contradicts them is refused with the reason,
never guessed at. Reasons do not quote the text: nobody has said yet how sensitive it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from .date_forms import date_reader
from .options import FilesRead

Value = Callable[[str], str]
"""Reads one text that is not blank. Raises ValueError with the reason."""

_SIGNED = re.compile(r"(?P<sign>[+-]?)\s*(?P<plain>[0-9.,\s]+)|(?P<left>[^-+()]+)-|\((?P<inner>[^-+()]+)\)")
_COMMA_NUMBER = re.compile(
    r"(?P<whole>[1-9][0-9]{0,2}(?P<gap>[. \u00a0\u2009\u202f])[0-9]{3}(?:(?P=gap)[0-9]{3})*|[0-9]+|(?=,))"
    r"(?:,(?P<part>[0-9]+))?"
)
_NUMBERLIKE = re.compile(r"(?=.*[0-9])[-+()0-9.,\s]+")


class Exact(str):
    """A text that its format has typed already, such as a workbook's number: its point is a point."""

    __slots__ = ()


def readers(options: FilesRead) -> Callable[[str], Value | None]:
    """How the texts of a column are read; None: as they are."""
    comma = options.decimal_comma

    def of(name: str) -> Value | None:
        if patterns := options.dates.get(name):
            return date_reader(patterns)
        if isinstance(comma, list) and name in comma:
            return _named_comma
        width = options.pad.get(name)
        if width:
            return lambda text: _padded(text, width)
        return _any_comma if comma is True else None

    return of


def _any_comma(text: str) -> str:
    if isinstance(text, Exact):
        return text
    found = comma_number(text.strip(), whole=False)
    return text if found is None else found


def _named_comma(text: str) -> str:
    if isinstance(text, Exact):
        return text
    found = comma_number(text.strip(), whole=True)
    if found is None and _NUMBERLIKE.fullmatch(text):
        raise ValueError(
            "is no number with a decimal comma; expected 1.234,56 or 12,5 (decimal_comma names it)"
        )
    return text if found is None else found


def _padded(text: str, width: int) -> str:
    return text.strip().zfill(width) if text.strip().isdigit() else text


def comma_number(text: str, *, whole: bool) -> str | None:
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


def read_values(
    names: list[str], fields: list[str], readers_of: Mapping[str, Value]
) -> dict[str, str | None]:
    """A row's values. Raises ValueError naming the column."""
    values: dict[str, str | None] = {}
    for name, text in zip(names, fields, strict=True):
        if not text or text.isspace():
            values[name] = None
            continue
        read = readers_of.get(name)
        try:
            values[name] = text if read is None else read(text)
        except ValueError as error:
            raise ValueError(f"column {name!r} {error}") from None
    return values
