"""Hides what only some may see, wherever it stands in a text: a bank account in a request, or quoted in an answer.

Knows the values and the ways they are written; must not know who is looking.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from exceptions_app.catalog.schema import Operation
from exceptions_app.domain.instant import iso

HIDDEN = "•••"
_SHORT = 3
"""A value shorter than this is hidden only where it stands alone: else every 1 would hide half an answer."""


class Concealer:
    """Replaces the values of an operation's sensitive fields by `•••`."""

    def __init__(self, operation: Operation) -> None:
        self._names = [
            name
            for name, field in operation.fields.items()
            if field.sensitivity not in ("public", "internal")
        ]

    def hide(self, text: str, fields: Mapping[str, Any]) -> str:
        """`text` without the sensitive ones of these values, however they are written."""
        written = {form for name in self._names for form in _forms(fields.get(name))}
        if not written:
            return text
        ways = sorted(written, key=len, reverse=True)
        return re.sub("|".join(_pattern(way) for way in ways), HIDDEN, text, flags=re.IGNORECASE)


def _pattern(written: str) -> str:
    exact = re.escape(written)
    return exact if len(written) >= _SHORT else rf"(?<![\w.]){exact}(?![\w.])"


def _forms(value: Any) -> Iterable[str]:
    """The ways in which a value may stand in a request or an answer."""
    if value is None or value == "":
        return
    if isinstance(value, Decimal):
        plain = [str(value), format(value, "f"), format(value.normalize(), "f"), f"{value:,f}"]
    elif isinstance(value, bool):
        plain = ["true" if value else "false"]
    elif isinstance(value, datetime):
        plain = [iso(value), value.isoformat(), value.date().isoformat()]
    else:
        text = str(value)
        plain = [text, re.sub(r"[\s-]", "", text)]
    for text in plain:
        if text:
            yield from (text, quote(text, safe=""), quote(text), quote_plus(text))
            yield from (escape(text, {'"': "&quot;", "'": "&apos;"}), escape(text))
            yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
