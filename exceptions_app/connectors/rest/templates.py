"""Puts field values into the texts of a request: `{field}`. Knows no HTTP; each place says how it is written there.

A value in a JSON body that is only a placeholder keeps its type, so that numbers stay exact numbers; an optional
field without a value leaves its entry out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from exceptions_app.domain.instant import iso

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_HEADERS = re.compile(r"[^\t\x20-\x7e]")
_ABSENT = object()


class UnfitValueError(ValueError):
    """A value that cannot stand where the operation puts it. Says which field and why, never the value."""


def places(template: str) -> set[str]:
    """The fields that a template names."""
    return set(_PLACE.findall(template))


def text(template: str, fields: Mapping[str, Any], write: Callable[[str, str], str] | None = None) -> str:
    """The template with each placeholder replaced; `write(name, value)` says how. Absent is empty."""

    def put(place: re.Match[str]) -> str:
        name = place[1]
        if name not in fields:
            return place[0]
        written = plain(fields[name])
        return written if write is None else write(name, written)

    return _PLACE.sub(put, template)


def value(template: Any, fields: Mapping[str, Any]) -> Any:
    """A JSON value with each placeholder replaced. Numbers are int or Decimal, never float."""
    found = _value(template, fields)
    return None if found is _ABSENT else found


def entries(template: Mapping[str, str], fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parameters of a query or a form; one whose whole value is an absent field is left out."""
    for name, inner in template.items():
        if _value(inner, fields) is not _ABSENT:
            yield name, text(str(inner), fields)


def plain(found: Any) -> str:
    """A value as text: `12.50`, `true`, the text itself; nothing for an absent one."""
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, date):
        return iso(found) if isinstance(found, datetime) else found.isoformat()
    return format(found, "f") if isinstance(found, Decimal) else str(found)


def in_path(name: str, written: str) -> str:
    """One value inside a path. Raises UnfitValueError for one that would lead to another place."""
    if not written.strip() or set(written.strip()) <= {"."}:
        raise UnfitValueError(f"{name} cannot stand in an address: it is empty or only dots")
    return quote(written, safe="")


def in_header(name: str, written: str) -> str:
    """One value inside a header. Raises UnfitValueError for what would end the header, or no header may hold."""
    if _NOT_IN_HEADERS.search(written):
        raise UnfitValueError(f"{name} cannot stand in a header: it has a line break or a special character")
    return written


def in_xml(name: str, written: str) -> str:
    """One value as XML text or attribute. Raises UnfitValueError for what XML cannot hold."""
    if _NOT_IN_XML.search(written):
        raise UnfitValueError(f"{name} cannot stand in XML: it has a control character")
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&apos;")):
        written = written.replace(mark, entity)
    return written


def _value(template: Any, fields: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        whole = _PLACE.fullmatch(template)
        alone = whole is not None and whole[1] in fields
        return _typed(fields[whole[1]]) if whole and alone else text(template, fields)
    if isinstance(template, Mapping):
        inner = {name: _value(item, fields) for name, item in template.items()}
        return {name: item for name, item in inner.items() if item is not _ABSENT}
    if isinstance(template, list):
        return [item for item in (_value(each, fields) for each in template) if item is not _ABSENT]
    return template


def _typed(found: Any) -> Any:
    """A value as JSON has it: an exact number, true or false, else text."""
    if found is None:
        return _ABSENT
    if isinstance(found, Decimal):
        return Decimal(plain(found))
    return plain(found) if isinstance(found, date) else found
