"""What of a rejected row may be shown and kept: by the sensitivity of the columns that its fields feed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from exceptions_app.catalog.schema import Sensitivity

from .raw import clean, text_of

HIDDEN = "•••"
_OPEN: frozenset[Sensitivity] = frozenset({"public", "internal"})
_ORDER: tuple[Sensitivity, ...] = ("public", "internal", "hr", "bank", "patient")
_LONGEST = 200


def strictest(sensitivities: list[Sensitivity]) -> Sensitivity:
    """The most protected of several; internal where there is none."""
    return max(sensitivities, key=_ORDER.index, default="internal")


def masked(text: str, sensitivity: Sensitivity) -> str:
    """A value as it may be shown: cut when long, hidden when sensitive."""
    if sensitivity not in _OPEN:
        return HIDDEN
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def masked_row(values: Mapping[str, Any], sensitivities: Mapping[str, Sensitivity]) -> str:
    """The named fields of a raw row as JSON: patient fields are left out, other sensitive ones hidden.

    Fields that the mapping does not name are never kept: nobody has said how sensitive they are.
    """
    kept: dict[str, str | None] = {}
    for name, sensitivity in sensitivities.items():
        if name in values and sensitivity != "patient":
            text = text_of(values[name])
            kept[name] = None if text is None else masked(text, sensitivity)
    return json.dumps(kept, ensure_ascii=False)


def shape_of(raw_text: str) -> str:
    """A line that could not be read, with every letter as x and every digit as 9: its shape shows what is
    wrong, and what it holds stays unknown.
    """
    shape = re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", clean(raw_text)))
    return json.dumps({"line": masked(shape, "internal")}, ensure_ascii=False)
