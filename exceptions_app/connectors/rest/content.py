"""The bytes of an answer as text, and what is said of an answer that is something else than was agreed.

Knows no rows. What it looks like is told, and nobody's data.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Mapping
from typing import Protocol

from ..base import FeedContentError
from .masking import masked

_NAMES = {"json": "JSON", "ndjson": "a JSON object a line", "xml": "XML", "csv": "CSV"}
LARGEST_UNPACKED = 2 << 30


class Answer(Protocol):
    """What is needed of an HTTP response."""

    @property
    def content(self) -> bytes: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def status_code(self) -> int: ...


def unpacked(content: bytes, where: str) -> bytes:
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


def _kind(answer: Answer) -> str:
    return answer.headers.get("content-type", "no content type").split(";")[0]


def text_of(content: bytes, answer: Answer, where: str) -> str:
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


def refuse_html(wanted: str, text: str, answer: Answer, where: str) -> None:
    if text.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise not_this(wanted, text, answer, ValueError("it begins with <"), where)


def not_this(wanted: str, text: str, answer: Answer, error: ValueError, where: str) -> FeedContentError:
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
