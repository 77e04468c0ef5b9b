"""The numbers of the documents that an exception is about: the orders, invoices and receipts that people search for and
paste. They come out of its evidence, as its check declares them.

Only what everybody may see who sees the exception: no sensitive column, and of another facility's documents only what
the sentence names, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from exceptions_app.catalog import sensitivity
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check, ClusterCheck

MOST = 50
"""Of one exception: a cluster of duplicates has so many members at most that are looked for."""
_SHORTEST, _LONGEST = 3, 200

Places = Mapping[str, tuple[str, ...]]
"""Side -> the columns of it that hold numbers; of a duplicate's documents all under the name ""."""


def document_numbers(catalog: Catalog, check_code: str, entity: str, evidence: str) -> list[str]:
    """Each once, in the order of the sides; `evidence` is its JSON. Empty where the check is gone."""
    places = _places(catalog).get(check_code)
    if not places:
        return []
    told = json.loads(evidence)
    sides: Mapping[str, Any] = told.get("sides") or {}
    named = catalog.checks[check_code].reference
    found: dict[str, None] = {}
    for side, values in sides.items():
        for name in places.get(side) or places.get("") or () if values else ():
            value = values.get(name) or (told.get("key") or {}).get(name)
            own = values.get("entity") in (None, entity) or f"{{{name}}}" in named
            if own and isinstance(value, str) and _is_number(value):
                found[value] = None
    return list(found)[:MOST]


def _is_number(value: str) -> bool:
    """What says how a document stands, or that there is none, is no number of one; nor is a line of it."""
    return _SHORTEST <= len(value) <= _LONGEST and any(c.isdigit() for c in value)


@lru_cache(maxsize=8)
def _places(catalog: Catalog) -> Mapping[str, Places]:
    return {code: dict(_sides(catalog, check)) for code, check in catalog.checks.items()}


def _sides(catalog: Catalog, check: Check) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(check, ClusterCheck):
        yield (
            "",
            tuple(_open(catalog, check, "", check.record, [*check.columns, *_own(catalog, check.record)])),
        )
        return
    for name, side in check.sides.items():
        listed = [step.reference for step in check.chain if step.side == name]
        known = _open(catalog, check, name, side.record, [*check.row_key, *side.columns])
        shown = [
            each
            for each in listed
            if sensitivity.is_open(sensitivity.of_cell(check, catalog.record_types, name, each))
        ]
        yield name, tuple(dict.fromkeys([*shown, *known]))


def _open(catalog: Catalog, check: Check, side: str, record: str, names: list[str]) -> Iterator[str]:
    """The columns that hold the number of the side's own documents, where everybody may see it."""
    numbers = {frozenset({(None, column)}) for column in _own(catalog, record)}
    for name in names:
        if sensitivity.read_by(check, side, name) in numbers and sensitivity.is_open(
            sensitivity.of_cell(check, catalog.record_types, side, name)
        ):
            yield name


def _own(catalog: Catalog, record: str) -> list[str]:
    """What a record's documents are called by: the first part of its key that no crosswalk translates."""
    shape = catalog.record_types.get(record)
    parts = [part for part in shape.key if not shape.columns[part].crosswalk] if shape else []
    return parts[:1]
