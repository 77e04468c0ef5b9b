"""The evidence of an exception as it was kept: every column of every side, under the names of the records.

What is more sensitive than the viewer's role reads stays hidden here, too, and so does what is of a facility that is
not theirs. The caller has noted the look before (`services.record_views`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, sees
from exceptions_app.catalog import sensitivity
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ClusterCheck, MatchCheck
from exceptions_app.models import CaseEvidence, ExceptionCase

from .sides import is_elsewhere, names_document, side_heads

WORKED_OUT = "Worked out by the check"


@dataclass(frozen=True, slots=True)
class RawValue:
    """`text` None: the side does not say. `hidden`: why the value is not shown, in words; empty where it is."""

    name: str
    text: str | None
    hidden: str = ""


@dataclass(frozen=True, slots=True)
class RawPart:
    title: str
    systems: str
    values: tuple[RawValue, ...]


@dataclass(frozen=True, slots=True)
class RawRecord:
    version: int
    taken_at: datetime
    parts: tuple[RawPart, ...]


def raw_record(session: Session, viewer: Viewer, catalog: Catalog, case: ExceptionCase) -> RawRecord | None:
    """The newest evidence of an exception that the viewer sees; None where none was kept."""
    newest = (
        select(CaseEvidence)
        .where(CaseEvidence.case_id == case.id)
        .order_by(CaseEvidence.version.desc())
        .limit(1)
    )
    kept = session.scalar(newest)
    if kept is None:
        return None
    found = json.loads(kept.evidence)
    sides: dict[str, Any] = found.get("sides") or {}
    heads = side_heads(catalog, catalog.checks.get(case.check_code), sides)
    parts = [RawPart("Key", "", _open(found.get("key") or {}))]
    parts += [
        RawPart(
            head.title, head.systems, _side(viewer, catalog, case.check_code, head.code, sides[head.code])
        )
        for head in heads
    ]
    parts.append(RawPart(WORKED_OUT, "", _let(viewer, catalog, case.check_code, found.get("let") or {})))
    return RawRecord(kept.version, kept.taken_at, tuple(part for part in parts if part.values))


def _open(values: Mapping[str, Any]) -> tuple[RawValue, ...]:
    """A key is in every reference: it is nobody's secret, and checks are refused whose key is."""
    return tuple(RawValue(name, _text(value)) for name, value in sorted(values.items()))


def _side(
    viewer: Viewer, catalog: Catalog, code: str, side: str, values: Mapping[str, Any]
) -> tuple[RawValue, ...]:
    check, found = catalog.checks.get(code), []
    for name, value in sorted(values.items()):
        level = (
            sensitivity.of_named(catalog.record_types, name)
            if check is None
            else sensitivity.of_cell(check, catalog.record_types, side, name)
        )
        if is_elsewhere(viewer, values) and not names_document(check, name):
            found.append(RawValue(name, None, "of a facility you do not see"))
        elif not sees(viewer, level):
            found.append(RawValue(name, None, "from your role"))
        else:
            found.append(RawValue(name, _text(value)))
    return tuple(found)


def _let(viewer: Viewer, catalog: Catalog, code: str, values: Mapping[str, Any]) -> tuple[RawValue, ...]:
    """What is worked out is as sensitive as what it is worked out from; where that cannot be said, it is hidden."""
    check = catalog.checks.get(code)
    found = []
    for name, value in sorted(values.items()):
        known = isinstance(check, MatchCheck) and name in check.let
        level = (
            sensitivity.of_finding(check, catalog.record_types, name)
            if isinstance(check, MatchCheck) and known
            else sensitivity.STRICTEST
        )
        shown = sees(viewer, level)
        found.append(RawValue(name, _text(value)) if shown else RawValue(name, None, "from your role"))
    return tuple(found) if not isinstance(check, ClusterCheck) else ()


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
