"""One event as it is kept in the inbox, and what is wrong with one that cannot be. Knows no table."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

LONGEST_ID = 200
LONGEST_SOURCE = 300
LONGEST_TYPE = 200
LONGEST_CORRELATION = 64
_TRACEPARENT = re.compile(
    r"^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$"
)

_SAID = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=float, check_circular=False)
_UNWRITTEN = re.compile("[\x00\ud800-\udfff]")
"""What no database takes."""

Headers = Mapping[str, str]
"""Names in lower case."""


class EventError(Exception):
    """An event that cannot be taken: where in what was sent, what is wrong, what was expected."""

    def __init__(self, where: str, message: str, expected: str) -> None:
        super().__init__(f"{where}: {message}; expected {expected}")
        self.where, self.message, self.expected = where, message, expected


@dataclass(frozen=True, slots=True)
class Event:
    """One event, ready to be kept. `body` is its JSON text, numbers as they were written.

    `source` and `id` together are unique for a feed. `time` is aware; None: it says none. `digest`: of what it says,
    by which another event with the same id is told from the same one sent again; None: it is known by its id.
    """

    id: str
    source: str
    type: str
    time: datetime | None
    body: str
    correlation_id: str
    traceparent: str | None = None
    digest: bytes | None = None


def digest_of(*said: object) -> bytes | None:
    """16 bytes that are the same for the same JSON values, however they are written: order of keys, blanks, 1.10 or
    1.1, read exactly or by Python's own reader. None for what is nested too deeply.
    """
    try:
        text = _SAID.encode(said)
    except RecursionError:
        return None
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def trace_id(traceparent: str | None) -> str | None:
    """The trace of a W3C `traceparent`; None where it is not one (the standard: then begin a new trace)."""
    found = _TRACEPARENT.match((traceparent or "").strip())
    return found[1] if found else None


def continued(correlation_id: str) -> str:
    """A `traceparent` with which what is done next continues a trace: the same trace, a span of our own."""
    trace = correlation_id if re.fullmatch(r"(?!0{32})[0-9a-f]{32}", correlation_id) else uuid.uuid4().hex
    return f"00-{trace}-{uuid.uuid4().hex[:16]}-01"


def correlation_of(said: str | None, traceparent: str | None, header: str | None) -> str:
    """What follows the transaction: the sender's own id, else its trace, else the request's id, else a new one."""
    for found in (said, trace_id(traceparent), header):
        if found and found.strip():
            return _printable(found.strip())
    return uuid.uuid4().hex


def moment(value: object, where: str) -> datetime | None:
    """A time with a zone as ISO 8601 or RFC 3339, or as seconds or milliseconds since 1970; None for nothing."""
    if value is None or value == "":
        return None
    expected = "a time with a zone such as 2026-11-22T16:30:00Z, or seconds since 1970"
    try:
        if not isinstance(value, bool) and re.fullmatch(r"\d{9,13}(\.\d+)?", str(value)):
            number = float(str(value))
            return datetime.fromtimestamp(number / 1000 if number >= 1e11 else number, UTC)
        at = datetime.fromisoformat(str(value))
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise EventError(where, f"'{str(value)[:60]}' is no time", expected) from None
    raise EventError(where, f"'{str(value)[:60]}' has no zone", expected)


def named(value: object, where: str, longest: int) -> str:
    """A text that must be there and not be too long to be kept whole."""
    text = "" if value is None or isinstance(value, bool | dict | list) else str(value).strip()
    if not text:
        raise EventError(where, "is missing or empty", "a text")
    if len(text) > longest or _UNWRITTEN.search(text):
        raise EventError(
            where,
            f"has {len(text)} characters or holds a zero byte or half a character",
            f"at most {longest} characters",
        )
    return text


def _printable(text: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "_", text)[:LONGEST_CORRELATION]
