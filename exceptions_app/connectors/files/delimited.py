"""Delimited text as it is found in the wild, record by record, with the line each record begins on.

A record that cannot be read stands aside and costs nobody else: an unclosed quote takes its own line, not the
rest of the file (which is what Python's csv module would do).
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from .content import not_decodable

CANDIDATES = ",;\t|"
_MOST_LINES = 200
"""A quoted field that runs over more lines than this was never meant to be open."""


@dataclass(frozen=True, slots=True)
class Record:
    """The fields that begin on `line` (from 1). `ended`: a line end follows, so no break cut it off."""

    line: int
    fields: list[str]
    text: str
    ended: bool = True


@dataclass(frozen=True, slots=True)
class TrailerRecord(Record):
    """A record that its format knows for the last one, which counts the others."""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A line that is no record, and why."""

    line: int
    reason: str
    text: str


class Lines:
    """Lines with their numbers, some of which may be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self.number = 0

    def next(self) -> str | None:
        line = self._back.popleft() if self._back else next(self._lines, None)
        self.number += line is not None
        return line

    def put_back(self, lines: list[str]) -> None:
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)

    def taken_back(self) -> str:
        """What was put back and not asked for again; whoever takes it reads on from there."""
        text = "".join(self._back)
        self._back.clear()
        return text


def records(lines: Lines, delimiter: str, *, quotes: bool = True) -> Iterator[Record | BadRecord]:
    """Every record from where `lines` stands. An empty `delimiter` is guessed from the first. Without `quotes` a line
    is a record, and a quote a character like any other.
    """
    while (line := lines.next()) is not None:
        if not delimiter and line.strip():
            delimiter = guess(line)
        number = lines.number
        text, reason = _whole(line, lines, delimiter) if quotes and '"' in line else (line, None)
        reason = reason or not_decodable(text) or ("holds a NUL byte" if "\0" in text else None)
        if reason:
            yield BadRecord(number, reason, text)
            continue
        bare = text.rstrip("\r\n")
        ended = len(bare) < len(text)
        if not quotes or '"' not in bare:
            yield Record(number, bare.split(delimiter or ","), bare, ended)
            continue
        try:
            yield Record(
                number, next(csv.reader([text], delimiter=delimiter or ",", strict=True)), bare, ended
            )
        except csv.Error as error:
            yield BadRecord(number, str(error), text)


def guess(header: str) -> str:
    """The delimiter that the header line uses most, outside quotes; a comma where there is none."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(CANDIDATES, key=bare.count)


def _whole(line: str, lines: Lines, delimiter: str) -> tuple[str, str | None]:
    """The record that begins with `line`, joined with the lines that its quoted fields run over."""
    complete, still_open = _shapes(delimiter)
    if complete.match(line):
        return line, None
    if not still_open.match(line):
        return line, "text beside a quoted field"
    parts = [line]
    while len(parts) < _MOST_LINES and (following := lines.next()) is not None:
        parts.append(following)
        if '"' not in following:
            continue
        text = "".join(parts)
        if complete.match(text):
            return text, None
        if not still_open.match(text):
            break
    lines.put_back(parts[1:])
    return line, "a quoted field is never closed"


@lru_cache(maxsize=16)
def _shapes(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    mark = re.escape(delimiter)
    field = rf'(?:"(?:[^"]|"")*+"|[^"{mark}\r\n][^{mark}\r\n]*+|)'
    complete = re.compile(rf"{field}(?:{mark}{field})*+[\r\n]*\Z")
    still_open = re.compile(rf'(?:{field}{mark})*+"(?:[^"]|"")*+\Z')
    return complete, still_open
