"""The name and the content of a file that makes a write, with each value written as its place demands.

Knows no folders. A value that cannot stand where it is put is refused, never altered.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ..exact_json import dump
from ..rest.templates import UnfitValueError, in_xml, text, value
from .submit_options import FILE, STEM, FilesSubmit

LONGEST_NAME = 200
"""Bytes; file systems take 255, and a temporary name is longer than the name."""

_NOT_IN_NAMES = re.compile(r"[^\w .,+=@()#&-]")
_NOT_IN_LINES = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_ENDS = {"lf": "\n", "crlf": "\r\n"}


def name_of(submit: FilesSubmit, fields: Mapping[str, Any]) -> str:
    """The file's name. Raises UnfitValueError."""
    name = text(submit.name, fields, in_name)
    if name.startswith((".", " ")) or name.endswith((".", " ")):
        raise UnfitValueError("the file's name begins or ends with a dot or a blank")
    if len(name.encode()) > LONGEST_NAME:
        raise UnfitValueError(f"the file's name is longer than {LONGEST_NAME} bytes")
    return name


def beside(template: str, name: str, fields: Mapping[str, Any]) -> str:
    """A name that belongs to the file `name`. Raises UnfitValueError."""
    known = {**fields, FILE: name, STEM: PurePosixPath(name).stem}
    return text(template, known, in_name)


def content_of(submit: FilesSubmit, fields: Mapping[str, Any]) -> str:
    """What stands in the file. Raises UnfitValueError naming a field whose value cannot."""
    end = _ENDS[submit.line_end]
    match submit.format:
        case "csv":
            return _csv(submit, fields, end)
        case "json":
            return dump(value(submit.body, fields)) + "\n"
        case "xml":
            return text(submit.body, fields, in_xml)
        case "text":
            written = text(submit.body.rstrip("\n"), fields, in_line)
            return written.replace("\n", end) + end


def encoded(submit: FilesSubmit, content: str) -> bytes:
    """The file's bytes; JSON is UTF-8. Raises UnfitValueError where the encoding lacks a character."""
    encoding = "utf-8" if submit.format == "json" else submit.encoding
    try:
        return content.encode(encoding)
    except UnicodeEncodeError as error:
        raise UnfitValueError(
            f"a value holds a character (U+{ord(content[error.start]):04X}) that {encoding} cannot write"
        ) from None


def in_name(name: str, written: str) -> str:
    """One value inside a file's name. Raises UnfitValueError for what would lead elsewhere, or no system takes."""
    if not written.strip() or set(written.strip()) <= {"."}:
        raise UnfitValueError(f"{name} cannot stand in a file's name: it is empty or only dots")
    if _NOT_IN_NAMES.search(written):
        raise UnfitValueError(
            f"{name} cannot stand in a file's name: it has a slash or another special character"
        )
    return written


def in_line(name: str, written: str) -> str:
    """One value inside a line of text. Raises UnfitValueError for what would end the line."""
    if _NOT_IN_LINES.search(written):
        raise UnfitValueError(f"{name} cannot stand in a line: it has a line break or a control character")
    return written


def _csv(submit: FilesSubmit, fields: Mapping[str, Any], end: str) -> str:
    stream = io.StringIO(newline="")
    every = submit.quote == "all"
    writer = csv.writer(
        stream,
        delimiter=submit.delimiter,
        quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL,
        lineterminator=end,
    )
    if submit.header:
        writer.writerow(submit.rows[0])
    for row in submit.rows:
        writer.writerow([_cell(template, fields) for template in row.values()])
    return stream.getvalue()


def _cell(template: Any, fields: Mapping[str, Any]) -> str:
    if isinstance(template, bool):
        return "true" if template else "false"
    return text(str(template), fields, _no_null)


def _no_null(name: str, written: str) -> str:
    if "\0" in written:
        raise UnfitValueError(f"{name} cannot stand in a CSV file: it has a null character")
    return written
