"""What an answer says: JSON, a JSON object a line, XML or CSV, as rows and as a value in which things are found.

Knows no paging. What is no such body is refused, saying what it looks like and nobody's data.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..base import FeedContentError, cut
from ..exact_json import RepeatingObject, dump, find, parse
from ..exact_xml import parse_xml
from ..files.delimited import BadRecord, Lines, Record, records
from .masking import masked
from .options import Kind, RestExpected, RestRead
from .places import Place
from .silence import Silence
from .typed import untagged

_NAMES = {"json": "JSON", "ndjson": "a JSON object a line", "xml": "XML", "csv": "CSV"}


class Answer(Protocol):
    """What is needed of an HTTP response."""

    @property
    def content(self) -> bytes: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def status_code(self) -> int: ...


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

    @classmethod
    def of(cls, read: RestRead) -> Reader:
        place = Place(read.records, read.shape, read.map_key, read.inherit, lenient=read.format == "xml")
        inside = "result" if read.json_rpc else ""
        silence = Silence(frozenset(read.empty), read.paging, rooted=read.format == "xml")
        return cls(read.format, read.delimiter, place, read.types, inside, read.expected, silence)

    def read(self, answer: Answer, where: str) -> Body:
        """The rows of an answer. Raises FeedContentError where it is not what was agreed."""
        content, outer = _unpacked(answer.content, where), None
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
        if self.types:
            rows = [self.clean(row) for row in rows]
        return Body(rows, value, answer.headers, answer.status_code, repeats, outer, self.place.path)

    def value(self, answer: Answer, where: str) -> Any:
        """What an answer says as a whole, for those that hold no rows."""
        return self._value(_unpacked(answer.content, where), answer, where)[0]

    def _value(self, content: bytes, answer: Answer, where: str) -> tuple[Any, bool]:
        if self.format == "xml":
            return self._xml(content, answer, where), False
        text = _text(content, answer, where)
        try:
            parsed = parse(text)
        except ValueError as error:
            raise _not_this(self.format, text, answer, error, where) from None
        if isinstance(parsed.value, RepeatingObject):
            raise FeedContentError(f"the answer says {parsed.value.key!r} twice", where, "each key once")
        self._judge(parsed.value, where)
        return find(parsed.value, self.inside), parsed.repeats

    def _xml(self, content: bytes, answer: Answer, where: str) -> Any:
        try:
            value = parse_xml(content)
        except ValueError as error:
            text = content[:2000].decode("utf-8", errors="replace")
            raise _not_this("xml", text, answer, error, where) from None
        if {name.lower() for name in value} == {"html"}:
            text = content[:2000].decode("utf-8", errors="replace")
            raise _not_this("xml", text, answer, ValueError("it is an HTML page"), where)
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
        text = _text(content, answer, where)
        _refuse_html(self.format, text, answer, where)
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
        text = _text(content, answer, where)
        _refuse_html(self.format, text, answer, where)
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
        """A row with its tagged values as what they stand for."""
        try:
            return untagged(row, self.types) if isinstance(row, dict) else row
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


def _unpacked(content: bytes, where: str) -> bytes:
    """What a gzip file holds, where the answer is one."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            unpacked = packed.read(LARGEST_UNPACKED + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise FeedContentError(f"broken gzip ({error})", where, "a whole gzip file") from None
    if len(unpacked) > LARGEST_UNPACKED:
        raise FeedContentError("unpacked it is larger than 2 GB", where, "smaller files")
    return unpacked


LARGEST_UNPACKED = 2 << 30


def _kind(answer: Answer) -> str:
    return answer.headers.get("content-type", "no content type").split(";")[0]


def _text(content: bytes, answer: Answer, where: str) -> str:
    """The text in the charset that the answer names, else UTF-8."""
    named = answer.headers.get("content-type", "").lower().partition("charset=")[2].strip("\"' ;")
    charset = "utf-8-sig" if named in ("", "utf-8", "utf8") else named
    try:
        return content.decode(charset)
    except LookupError:
        raise FeedContentError(f"its charset {named!r} is not known", where, "UTF-8") from None
    except UnicodeDecodeError as error:
        byte = content[error.start]
        raise FeedContentError(
            f"byte 0x{byte:02X} at {error.start} is not {named.upper() or 'UTF-8'}", where, "text in UTF-8"
        ) from None


def _refuse_html(wanted: str, text: str, answer: Answer, where: str) -> None:
    if text.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise _not_this(wanted, text, answer, ValueError("it begins with <"), where)


def _not_this(wanted: str, text: str, answer: Answer, error: ValueError, where: str) -> FeedContentError:
    """What it is instead, as far as that can be seen."""
    name, kind = _NAMES[wanted], _kind(answer)
    start = text.lstrip()[:15].lower()
    if start.startswith(("<!doctype html", "<html")):
        message = (
            f"the answer is an HTML page ({kind}), a sign-in or error page perhaps; "
            f"look at auth and path: {masked(text)}"
        )
    elif _broken_off(text, error):
        message = f"the answer breaks off after {len(text)} characters ({kind}; {error}): {masked(text)}"
    else:
        message = f"the answer is not {name} ({kind}; {error}): {masked(text)}"
    return FeedContentError(message, where, name)


def _broken_off(text: str, error: ValueError) -> bool:
    if not isinstance(error, json.JSONDecodeError):
        return "no element found" in str(error) or "unclosed token" in str(error)
    return bool(text.strip()) and (
        error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    )


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
