"""Judges checks: their sides, look-ups, findings and sentences, and every expression in its scope."""

from __future__ import annotations

import re

from . import verify_openness, verify_shown, verify_words
from .catalog import Catalog
from .check_expressions import read_check
from .expression_times import CLOSED_THROUGH
from .expression_tree import kind_of
from .expressions import Expr
from .judging import Judge, Path
from .schema import (
    BalanceCheck,
    BaseCheck,
    ClusterCheck,
    DuplicateCheck,
    Finding,
    HierarchyCheck,
    MatchCheck,
    SimilarCheck,
)
from .scopes import record_columns
from .verify_network import SYSTEM_KINDS
from .verify_work import needed_facts

CLUSTER_FACTS = frozenset({"a", "b", "members", "amount", "currency", "counterparty"})
"""What every check of clusters says of one, beside the columns of its documents."""


def verify(judge: Judge, catalog: Catalog) -> None:
    """Report whatever keeps a check from being compiled, run, or told in a sentence."""
    for check in catalog.checks.values():
        if isinstance(check, MatchCheck):
            ready = _sides(judge, catalog, check)
            _match(judge, catalog, check)
        else:
            ready = _document(judge, catalog, check)
        if not ready:
            continue
        read = read_check(check, catalog.record_types)
        for path, error in read.refused:
            judge.refuse("checks", check.code, path, error)
        for path, expression in read.accepted.items():
            _closing(judge, check, path, expression)
        if not read.refused:
            verify_openness.verify(judge, catalog, check)
            verify_words.verify_check(judge, catalog, check, read.accepted)
    verify_shown.verify_letters(judge, catalog)
    verify_shown.verify_shared(judge, catalog)


def _closing(judge: Judge, check: BaseCheck, path: Path, expression: Expr) -> None:
    """A check asks when the books were closed for what it raises itself."""
    for name in expression.parameters:
        if name.startswith(CLOSED_THROUGH):
            category, known = name.removeprefix(CLOSED_THROUGH), check.categories
            judge.choose("checks", check.code, path, category, known, "of the categories that it raises")


def _placeholders(judge: Judge, check: MatchCheck | ClusterCheck, known: list[str]) -> None:
    for name in re.findall(r"\{(\w+)\}", check.reference):
        judge.choose("checks", check.code, ["reference"], name, known, "of the names a reference may use")


def _kind(judge: Judge, check: BaseCheck, path: Path, kind: str | None) -> None:
    if kind is not None:
        judge.choose("checks", check.code, path, kind, SYSTEM_KINDS, "of the kinds of system")


def _sides(judge: Judge, catalog: Catalog, check: MatchCheck) -> bool:
    ready = True
    for name, side in check.sides.items():
        path = ["sides", name]
        _kind(judge, check, [*path, "kind"], side.kind)
        for index, system in enumerate(side.systems or []):
            judge.refer("checks", check.code, [*path, "systems", index], "systems", system)
        ready &= judge.refer("checks", check.code, [*path, "record"], "record_types", side.record)
        for key in side.key:
            judge.choose(
                "checks", check.code, [*path, "key", key], key, check.row_key, "of the check's key columns"
            )
        shape = catalog.record_types.get(side.record)
        own = record_columns(shape) if shape else {}
        for index, column in enumerate(side.latest if own else []):
            of = f"of {side.record}'s columns"
            judge.choose("checks", check.code, [*path, "latest", index], column, own, of)
        for code, lookup in side.lookups.items():
            inner = [*path, "lookups", code]
            _kind(judge, check, [*inner, "kind"], lookup.kind)
            if not judge.refer("checks", check.code, [*inner, "record"], "record_types", lookup.record):
                ready = False
                continue
            known = record_columns(catalog.record_types[lookup.record])
            for column in [*lookup.columns, *lookup.on]:
                judge.choose("checks", check.code, inner, column, known, f"of {lookup.record}'s columns")
            for column in lookup.columns if lookup.pick == "sum" else ():
                numbers = [name for name, kind in known.items() if kind_of(kind).is_number]
                judge.choose("checks", check.code, inner, column, numbers, f"of {lookup.record}'s numbers")
            for part, kinds in (("valid_from", ("date", "timestamp")), ("valid_to", ("date",))):
                column = getattr(lookup, part)
                if column is not None:
                    days = [name for name, kind in known.items() if kind in kinds]
                    judge.choose(
                        "checks", check.code, [*inner, part], column, days, f"of {lookup.record}'s dates"
                    )
            if lookup.sequence is not None:
                of = f"of {lookup.record}'s columns"
                judge.choose("checks", check.code, [*inner, "sequence"], lookup.sequence, known, of)
    return ready


def _match(judge: Judge, catalog: Catalog, check: MatchCheck) -> None:
    code = check.code
    _placeholders(judge, check, [*check.key, *check.let])
    for index, name in enumerate(check.line or []):
        judge.choose("checks", code, ["line", index], name, check.key, "of the key columns")
    for index, row in enumerate(check.compare):
        for side, column in row.cells.items():
            path: Path = ("compare", index, "cells", side)
            if judge.choose("checks", code, path, side, check.sides, "of the sides"):
                judge.choose(
                    "checks", code, path, column, [*check.sides[side].columns, *check.key], "of its columns"
                )
    verify_shown.verify(judge, check)
    if isinstance(check, BalanceCheck):
        _balance(judge, check)
    used = {finding.tolerance.name for finding in check.findings if finding.tolerance is not None}
    for name, before in judge.merged.added_tolerances.get(code, {}).items():
        if name not in used:
            judge.choose("checks", code, ["tolerances", name], name, before, "of its tolerances")
    for index, finding in enumerate(check.findings):
        _finding(judge, catalog, check, finding, index)


def _balance(judge: Judge, check: BalanceCheck) -> None:
    documents, sides = check.documents, check.sides.values()
    both = [name for name in next(iter(sides)).columns if all(name in side.columns for side in sides)]
    judge.choose(
        "checks", check.code, ["documents", "amount"], documents.amount, both, "of the columns of both sides"
    )
    known = list(dict.fromkeys(name for side in sides for name in side.columns))
    for index, name in enumerate(documents.show):
        judge.choose("checks", check.code, ["documents", "show", index], name, known, "of the sides' columns")


def _finding(judge: Judge, catalog: Catalog, check: MatchCheck, finding: Finding, index: int) -> None:
    path: list[str | int] = ["findings", index]
    lookups = [f"{name}.{code}" for name, side in check.sides.items() for code in side.lookups]
    for part, also in (("present", []), ("missing", []), ("settled", lookups)):
        for place, wanted in enumerate(getattr(finding, part)):
            known = [*check.sides, *also]
            judge.choose("checks", check.code, [*path, part, place], wanted, known, "of the sides")
    both = sorted(set(finding.present) & set(finding.missing))
    if both:
        judge.report("checks", check.code, path, f"'{both[0]}' is both present and missing", "one of them")
    if finding.tolerance is not None:
        name = finding.tolerance.name
        judge.choose(
            "checks", check.code, [*path, "tolerance", "name"], name, check.tolerances, "of its tolerances"
        )
    if judge.refer("checks", check.code, [*path, "category"], "categories", finding.category):
        given = {*finding.facts, *check.key, "amount", "currency", "counterparty"}
        if finding.tolerance is not None:
            given |= {"tolerance", "excess", "difference", "base"}
        _told(judge, catalog, check, finding.category, given, [*path, "facts"])


def _told(
    judge: Judge, catalog: Catalog, check: BaseCheck, category: str, given: set[str], path: Path
) -> None:
    for fact in needed_facts(catalog.categories[category].sentence):
        if fact not in given:
            said = f"the sentence of '{category}' needs the fact '{fact}'"
            judge.report("checks", check.code, path, said, f"'{fact}:' among the facts")
    judge.given.setdefault(category, []).append((check.code, given))


def _document(judge: Judge, catalog: Catalog, check: ClusterCheck) -> bool:
    _kind(judge, check, ["record_kind"], check.record_kind)
    raised = {part: code for part in ("category", "cycle", "orphan") if (code := getattr(check, part, None))}
    usable = {
        part: code
        for part, code in raised.items()
        if judge.refer("checks", check.code, [part], "categories", code)
    }
    if not judge.refer("checks", check.code, ["record"], "record_types", check.record):
        return False
    known = record_columns(catalog.record_types[check.record])
    for part in ("key", "lines"):
        for index, name in enumerate(getattr(check, part)):
            judge.choose("checks", check.code, [part, index], name, known, f"of {check.record}'s columns")
    if isinstance(check, SimilarCheck) and check.besides is not None:
        exact = [one.code for one in catalog.checks.values() if isinstance(one, DuplicateCheck)]
        judge.choose("checks", check.code, ["besides"], check.besides, exact, "of the checks for duplicates")
    if isinstance(check, DuplicateCheck) and check.taken_back is not None:
        for name in check.taken_back.names:
            judge.choose("checks", check.code, ["taken_back", "names", name], name, check.key, "of the key")
    own = [*check.key, *check.columns]
    _placeholders(judge, check, own)
    for index, row in enumerate(check.compare):
        for member, column in row.cells.items():
            path: Path = ("compare", index, "cells", member)
            if judge.choose("checks", check.code, path, member, ("a", "b"), "of the members"):
                judge.choose(
                    "checks", check.code, path, column, [*own, "entity"], "of the document's columns"
                )
    for part, category in usable.items():
        given = {*CLUSTER_FACTS, *_facts_of_kind(check), *check.columns, *check.key}
        _told(judge, catalog, check, category, given, [part])
    return True


def _facts_of_kind(check: ClusterCheck) -> set[str]:
    """What a kind of cluster says beside that."""
    if isinstance(check, HierarchyCheck):
        return {"path", "parent", "why"}
    return {"keys", "paid", "score"} if isinstance(check, SimilarCheck) else {"keys", "paid"}
