"""What an exception can say of itself to an operation: `key.<column>`, `<side>.<column>`, `let.<name>`, `fact.<name>`.

Follows each to the record columns behind it, so that what is sensitive in the records stays so in a write.
"""

from __future__ import annotations

from .schema import Check, ClusterCheck, Finding, MatchCheck, Sensitivity
from .scopes import RecordTypes
from .sensitivity import STRICTEST, of_cell, of_document, of_finding, strictest

_MEMBERS = ("a", "b")
"""The sides of a duplicate: its documents."""

_FIGURES = ("difference", "base", "tolerance", "excess")
_OF_DOCUMENTS = ("amount", "currency", "counterparty")


def raised_by(check: Check) -> set[str]:
    """The categories that a check raises."""
    return set(check.categories)


def sources(check: Check, category: str) -> list[str]:
    """Everything that an exception of this check and category says."""
    found = [f"key.{name}" for name in check.key]
    if isinstance(check, ClusterCheck):
        shown = ["entity", *check.key, *check.columns]
        found += [f"{member}.{name}" for member in _MEMBERS for name in shown]
        return found + [
            f"fact.{name}" for name in dict.fromkeys([*_OF_DOCUMENTS, *check.key, *check.columns])
        ]
    for side, party in check.sides.items():
        found += [f"{side}.{name}" for name in dict.fromkeys([*party.columns, *check.key])]
    found += [f"let.{name}" for name in check.let]
    facts: dict[str, None] = {}
    for finding in _findings(check, category):
        facts |= dict.fromkeys([*finding.facts, *check.key, *_OF_DOCUMENTS])
        facts |= dict.fromkeys(_FIGURES if finding.tolerance is not None else ())
    return found + [f"fact.{name}" for name in facts]


def is_known(check: Check, category: str, source: str) -> bool:
    """Whether the exception says it; what the source wrote before a crosswalk is `<column>_source`."""
    known = sources(check, category)
    return source in known or source.removesuffix("_source") in known


def sensitivity_of(check: Check, record_types: RecordTypes, category: str, source: str) -> Sensitivity:
    """Who may see it: as sensitive as the most sensitive record column behind it."""
    part, _, name = source.partition(".")
    if isinstance(check, ClusterCheck):
        side = part if part in _MEMBERS else _MEMBERS[0]
        if part == "fact" and name in _OF_DOCUMENTS and name not in check.columns:
            return of_document(check, record_types, getattr(check, name) or "NULL")
        return of_cell(check, record_types, side, name)
    if part == "fact":
        return strictest(
            _of_fact(check, record_types, finding, name) for finding in _findings(check, category)
        )
    return of_finding(check, record_types, name if part in ("key", "let") else source)


def _findings(check: MatchCheck, category: str) -> list[Finding]:
    return [finding for finding in check.findings if finding.category == category]


def _of_fact(check: MatchCheck, record_types: RecordTypes, finding: Finding, name: str) -> Sensitivity:
    tolerance = finding.tolerance
    figures = () if tolerance is None else (tolerance.difference, tolerance.base, tolerance.scale)
    if name in finding.facts:
        return of_finding(check, record_types, finding.facts[name], figures)
    if name in check.key:
        return of_finding(check, record_types, name)
    if name in _OF_DOCUMENTS:
        return of_finding(check, record_types, getattr(finding, name) or "NULL", figures)
    if name in _FIGURES:
        return strictest(of_finding(check, record_types, figure) for figure in figures)
    return STRICTEST
