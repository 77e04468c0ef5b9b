"""What an answer says: JSON, a JSON object a line, XML or CSV, as rows and as a value in which things are found.

Knows no paging. What is no such body is refused, saying what it looks like and nobody's data.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base import FeedContentError, cut
from ..exact_json import RepeatingObject, dump, find, parse
from ..exact_xml import parse_xml
from ..files.delimited import BadRecord, Lines, Record, records
from .content import Answer, not_this, refuse_html, text_of, unpacked
from .masking import masked
from .options import Kind, RestExpected, RestRead
from .places import Place
from .silence import Silence
from .typed import untagged


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that could not be read: where in the body, why, and its text."""

    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Body:
    """An answer that was understood. `value`: what things are found in; None for CSV and lines."""

    rows: list[Any]
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    repeats: bool = False
    outer: int | None = None
    """How many items the outermost list holds, where the rows are inside them: orders, of order lines."""
    records: str = ""
    """Where in `value` the rows stand."""
    silent: bool = False
    """It says in another way than by an empty list that there are no rows."""

    @property
    def items(self) -> int:
        """What a source counts by in offsets, ranges and totals."""
        return len(self.rows) if self.outer is None else self.outer

    def at(self, path: str) -> Any:
        return find(self.value, path) if isinstance(self.value, dict) else None


@dataclass(frozen=True, slots=True)
class Reader:
    """How the answers of one feed are read."""

    format: str = "json"
    delimiter: str = ","
    place: Place = field(default_factory=Place)
    types: Mapping[str, Kind] = field(default_factory=dict)
    inside: str = ""
    """Where all paths of a body begin: the result of a procedure."""
    expected: RestExpected | None = None
    silence: Silence = field(default_factory=Silence)
    may_lack: tuple[str, ...] = ()
    """Fields that are empty in a row that leaves them out."""

    @classmethod
    def of(cls, read: RestRead) -> Reader:
        place = Place(read.records, read.shape, read.map_key, read.inherit, lenient=read.format == "xml")
        inside = "result" if read.json_rpc else ""
        silence = Silence(frozenset(read.empty), read.paging, rooted=read.format == "xml")
        lacking = tuple(read.may_lack)
        return cls(read.format, read.delimiter, place, read.types, inside, read.expected, silence, lacking)

    def read(self, answer: Answer, where: str) -> Body:
        """The rows of an answer. Raises FeedContentError where it is not what was agreed."""
        content, outer = unpacked(answer.content, where), None
        if self.silence.without_body(answer.status_code, content):
            return Body([], None, answer.headers, answer.status_code, silent=True)
        match self.format:
            case "csv":
                rows, value, repeats = list(self._csv(content, answer, where)), None, False
            case "ndjson":
                rows, value, repeats = list(self._lines(content, answer, where)), None, True
            case _:
                value, repeats = self._value(content, answer, where)
                found = self._rows(value, answer, where)
                if found is None:
                    path = self.place.path
                    return Body([], value, answer.headers, answer.status_code, records=path, silent=True)
                rows, outer = found, self.place.outer(value)
        if self.types or self.may_lack:
            rows = [self.clean(row) for row in rows]
        return Body(rows, value, answer.headers, answer.status_code, repeats, outer, self.place.path)

    def value(self, answer: Answer, where: str) -> Any:
        """What an answer says as a whole, for those that hold no rows."""
        return self._value(unpacked(answer.content, where), answer, where)[0]

    def _value(self, content: bytes, answer: Answer, where: str) -> tuple[Any, bool]:
        if self.format == "xml":
            return self._xml(content, answer, where), False
        text = text_of(content, answer, where)
        try:
            parsed = parse(text)
        except ValueError as error:
            raise not_this(self.format, text, answer, error, where) from None
        if isinstance(parsed.value, RepeatingObject):
            raise FeedContentError(f"the answer says {parsed.value.key!r} twice", where, "each key once")
        self._judge(parsed.value, where)
        return find(parsed.value, self.inside), parsed.repeats

    def _xml(self, content: bytes, answer: Answer, where: str) -> Any:
        try:
            value = parse_xml(content)
        except ValueError as error:
            text = content[:2000].decode("utf-8", errors="replace")
            raise not_this("xml", text, answer, error, where) from None
        if {name.lower() for name in value} == {"html"}:
            text = content[:2000].decode("utf-8", errors="replace")
            raise not_this("xml", text, answer, ValueError("it is an HTML page"), where)
        self._judge(value, where)
        return value

    def _judge(self, value: Any, where: str) -> None:
        expected = self.expected
        if expected is None:
            return
        found = find(value, expected.path)
        empty = found in (None, "", [], {}, False)
        if empty if expected.equals is None else _plain(found) == expected.equals:
            return
        told = find(value, expected.message) if expected.message else None
        said = f": {cut(_plain(told), 200)}" if told is not None else ""
        wanted = "nothing" if expected.equals is None else repr(expected.equals)
        shown = masked(_plain(found))
        raise FeedContentError(f"the answer says {expected.path} {shown!r}{said}", where, f"{wanted} there")

    def _rows(self, value: Any, answer: Answer, where: str) -> list[Any] | None:
        """None where the answer says in another way than by a list that there are none."""
        try:
            return self.place.rows(value)
        except ValueError as error:
            if self.silence.holds(value, self.place.path, answer.headers):
                return None
            stands = self.silence.stands(value, self.place.path)
            hint = f"; where that means no rows, empty: ['{stands}']" if stands else ""
            message = f"no {self.place.kind} of rows; the answer holds {_holds(value) or 'nothing'}"
            raise FeedContentError(message, where, f"{error}{hint}") from None

    def _lines(self, content: bytes, answer: Answer, where: str) -> Iterator[Any]:
        text = text_of(content, answer, where)
        refuse_html(self.format, text, answer, where)
        lines = text.split("\n")  # inside a text stand other line ends, which JSON allows there
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield parse(line).value
            except ValueError as error:
                broken = number == len(lines) and not text.endswith("\n")
                tail = "; the answer breaks off in this line" if broken else ""
                yield Unreadable(f"line {number} is not JSON ({error}){tail}", cut(line.rstrip("\r")))

    def _csv(self, content: bytes, answer: Answer, where: str) -> Iterator[Any]:
        text = text_of(content, answer, where)
        refuse_html(self.format, text, answer, where)
        found = records(Lines(io.StringIO(text, newline="")), self.delimiter)
        header = next(found, None)
        if header is None:
            return
        if isinstance(header, BadRecord):
            raise FeedContentError(f"its first line: {header.reason}", where, "a line of column names")
        names = [name.strip() for name in header.fields]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None or not all(names):
            what = f"says {twice!r} twice" if twice else "has a column without a name"
            raise FeedContentError(f"its first line {what}", where, "the name of each column once")
        for record in found:
            if isinstance(record, BadRecord) or any(cell.strip() for cell in record.fields):
                yield _cells(record, names)

    def clean(self, row: Any) -> Any:
        """A row with its tagged values as what they stand for, and with what it may lack."""
        if not isinstance(row, dict):
            return row
        for name in self.may_lack:
            row.setdefault(name, None)
        try:
            return untagged(row, self.types) if self.types else row
        except ValueError as error:
            return Unreadable(str(error), cut(dump(row)))


def _cells(record: Record | BadRecord, names: list[str]) -> Any:
    if isinstance(record, BadRecord):
        return Unreadable(f"line {record.line}: {record.reason}", cut(record.text.rstrip("\r\n")))
    if len(record.fields) != len(names):
        broken = "" if record.ended else "; the answer breaks off in this line"
        said = f"line {record.line} has {len(record.fields)} fields, expected {len(names)}{broken}"
        return Unreadable(said, cut(record.text))
    return {name: cell if cell.strip() else None for name, cell in zip(names, record.fields, strict=True)}


def _plain(found: Any) -> str:
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else dump(found)


def _holds(value: Any) -> str:
    """What stands in an answer, and what stands one level below: `'result' (with 'documents', 'count')`."""
    if not isinstance(value, dict):
        return type(value).__name__
    told = []
    for name, inner in list(value.items())[:8]:
        below = ", ".join(map(repr, list(inner)[:8])) if isinstance(inner, dict) else ""
        told.append(f"{name!r} (with {below})" if below else repr(name))
    return ", ".join(told)
