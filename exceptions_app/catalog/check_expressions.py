"""Reads every expression of a check in its scope: typed where it is right, else refused with its path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from exceptions_app.domain.delay import PREFIX

from .expressions import TIMES, Expr, ExpressionError, Scope, parse
from .schema import (
    AllocationCheck,
    BalanceCheck,
    ClusterCheck,
    DuplicateCheck,
    Finding,
    HierarchyCheck,
    MatchCheck,
    Side,
    SimilarCheck,
)
from .scopes import (
    ALLOCATION,
    BALANCE,
    CLUSTER,
    Columns,
    RecordTypes,
    document_scope,
    looked_up,
    match_scope,
    record_columns,
    record_scope,
    row_scope,
    side_scope,
)

Path = tuple[str | int, ...]


@dataclass
class Expressions:
    """The expressions of one check by their path in it, as in `("sides", "order", "columns", "unit")`."""

    accepted: dict[Path, Expr] = field(default_factory=dict)
    refused: list[tuple[Path, ExpressionError]] = field(default_factory=list)

    def read(self, text: str | None, scope: Scope, path: Path, *wanted: str) -> Expr | None:
        """Parse one; `wanted` are the types it may have (none: any). NULL goes everywhere."""
        if text is None:
            return None
        try:
            expr = parse(text, scope)
            if wanted and expr.type not in (*wanted, "unknown"):
                raise ExpressionError(f"{' or '.join(wanted)} is needed here, this is {expr.type}")
        except ExpressionError as error:
            self.refused.append((path, error))
            return None
        self.accepted[path] = expr
        return expr

    def refuse(self, path: Path, message: str) -> None:
        self.refused.append((path, ExpressionError(message)))


NUMBER = ("integer", "decimal")
FIGURES = ("difference", "base")
"""What a finding judged, unscaled: said as it is in an amount or a fact, and in no larger expression."""


def read_check(check: MatchCheck | ClusterCheck, record_types: RecordTypes) -> Expressions:
    """All expressions of a check whose record types exist."""
    found = Expressions()
    if isinstance(check, MatchCheck):
        _match(check, record_types, found)
    else:
        _cluster(check, record_types, found)
    return found


def _grouped(found: Expressions, paths: Iterable[Path], key: set[str], what: str) -> None:
    """Where one column aggregates, the others must aggregate too or read nothing but the key."""
    exprs = {path: found.accepted[path] for path in paths if path in found.accepted}
    if not any(expr.aggregates for expr in exprs.values()):
        return
    for path, expr in exprs.items():
        loose = sorted(name for qualifier, name in expr.bare_columns if qualifier or name not in key)
        if loose:
            found.refuse(
                path, f"{what} is grouped: put '{loose[0]}' into an aggregate such as min({loose[0]})"
            )


def _match(check: MatchCheck, record_types: RecordTypes, found: Expressions) -> None:
    columns: Columns = {}
    for name, side in check.sides.items():
        _side(check, name, side, record_types, found)
        for key in check.row_key:
            expr = found.accepted.get(("sides", name, "key", key))
            if expr is not None:
                columns.setdefault(key, expr.kind)
        for column in side.columns:
            expr = found.accepted.get(("sides", name, "columns", column))
            columns[f"{name}.{column}"] = expr.kind if expr else "unknown"
    if isinstance(check, BalanceCheck):
        columns = _documents(check, columns, found)
    for name, text in check.let.items():
        expr = found.read(text, match_scope(check, columns), ("let", name))
        columns[name] = expr.kind if expr else "unknown"
    delay = _delay(check, columns, found)
    for index, finding in enumerate(check.findings):
        _finding(check, finding, ("findings", index), columns, found, delay)


def _delay(check: MatchCheck, columns: Columns, found: Expressions) -> set[str]:
    """Read what waiting costs, where it stands in the check; the facts of it that are refused."""
    types = {"discount_until": ("date",), "due": ("date",), "credit_hold": ("boolean",)}
    parts = check.cost_of_delay.parts() if check.cost_of_delay is not None else {}
    scope = match_scope(check, columns)
    read = {
        name: found.read(text, scope, ("cost_of_delay", name), *types.get(name, NUMBER))
        for name, text in parts.items()
    }
    return {f"{PREFIX}{name}" for name, expr in read.items() if expr is None}


def _documents(check: BalanceCheck, columns: Columns, found: Expressions) -> Columns:
    """Read what is said of one document; gives the names that its balance has."""
    documents, scope = check.documents, match_scope(check, columns)
    found.read(documents.when, scope, ("documents", "when"), "boolean")
    found.read(documents.since, scope, ("documents", "since"), "timestamp")
    for name in check.sides:
        added = found.accepted.get(("sides", name, "columns", documents.amount))
        if added is not None and added.type not in (*NUMBER, "unknown"):
            found.refuse(
                ("documents", "amount"), f"a number is needed here, {name}.{documents.amount} is {added.type}"
            )
    more = ALLOCATION if isinstance(check, AllocationCheck) else BALANCE
    return {**{name: kind for name, kind in columns.items() if name not in documents.key}, **more}


def _side(check: MatchCheck, name: str, side: Side, record_types: RecordTypes, found: Expressions) -> None:
    path: Path = ("sides", name)
    row, joined = record_scope(record_types[side.record]), row_scope(side, record_types)
    found.read(side.where, joined, (*path, "where"), "boolean")
    for key in check.row_key:
        found.read(side.key.get(key, key), row, (*path, "key", key))
    known: Columns = record_columns(record_types[side.record])
    for code, lookup in side.lookups.items():
        inner = record_scope(record_types[lookup.record])
        found.read(lookup.where, inner, (*path, "lookups", code, "where"), "boolean")
        for column, text in lookup.on.items():
            found.read(text, Scope(dict(known), TIMES), (*path, "lookups", code, "on", column))
        found.read(lookup.as_of, row, (*path, "lookups", code, "as_of"), "date")
        known |= looked_up(code, lookup, record_types)  # those that follow may ask for it
    scope = side_scope(side, record_types)
    for column, text in side.columns.items():
        found.read(text, scope, (*path, "columns", column))
    by_key = {side.key.get(key, key) for key in check.row_key}
    listed: list[Path] = [(*path, "columns", column) for column in side.columns]
    _grouped(found, listed, by_key, f"side '{name}'")
    if side.latest and any(found.accepted[one].aggregates for one in listed if one in found.accepted):
        found.refuse((*path, "latest"), f"side '{name}' aggregates: no row of several speaks for the others")


def _finding(
    check: MatchCheck, finding: Finding, path: Path, columns: Columns, found: Expressions, refused: set[str]
) -> None:
    scope = figures = match_scope(check, columns)
    found.read(finding.when, scope, (*path, "when"), "boolean")
    found.read(finding.since, scope, (*path, "since"), "timestamp")
    if finding.tolerance is not None:
        known = dict(columns)
        for part in ("difference", "base", "scale"):
            expr = found.read(getattr(finding.tolerance, part), scope, (*path, "tolerance", part), *NUMBER)
            known[part] = expr.kind if expr else "decimal"
        figures = match_scope(check, {**known, **dict.fromkeys(FIGURES, "decimal")})
    found.read(finding.amount, figures if finding.amount in FIGURES else scope, (*path, "amount"), *NUMBER)
    found.read(finding.amount_per, scope, (*path, "amount_per"), *NUMBER)
    found.read(finding.currency, scope, (*path, "currency"), "text")
    found.read(finding.counterparty, scope, (*path, "counterparty"), "text")
    found.read(finding.critical_when, scope, (*path, "critical_when"), "boolean")
    for fact, text in finding.facts.items():
        if fact in refused:
            continue
        found.read(text, figures if text in FIGURES else scope, (*path, "facts", fact))


def _cluster(check: ClusterCheck, record_types: RecordTypes, found: Expressions) -> None:
    lines = document_scope(check, record_types)
    found.read(check.where, record_scope(record_types[check.record]), ("where",), "boolean")
    known = record_columns(record_types[check.record])
    columns: Columns = {key: known[key] for key in check.key if key in known}
    for name, text in check.columns.items():
        expr = found.read(text, lines, ("columns", name))
        columns[name] = expr.kind if expr else "unknown"
    _grouped(found, [("columns", name) for name in check.columns], set(check.key), "a document")
    document = Scope(columns, TIMES)
    found.read(check.amount, document, ("amount",), *NUMBER)
    found.read(check.currency, document, ("currency",), "text")
    found.read(check.counterparty, document, ("counterparty",), "text")
    found.read(check.critical_when, Scope({**columns, **CLUSTER}, TIMES), ("critical_when",), "boolean")
    if isinstance(check, DuplicateCheck):
        _duplicate(check, document, found)
        _taken_back(check, record_scope(record_types[check.record]), document, found)
    elif isinstance(check, SimilarCheck):
        _similar(check, document, found)
    elif isinstance(check, HierarchyCheck):
        _hierarchy(check, document, found)


def _similar(check: SimilarCheck, document: Scope, found: Expressions) -> None:
    for name, part in check.parts.items():
        wanted = ("date",) if part.by == "date" else ("text",)
        found.read(part.of, document, ("parts", name, "of"), *wanted)
    for index, text in enumerate(check.blocks):
        found.read(text, document, ("blocks", index))
    found.read(check.order_by, document, ("order_by",))
    found.read(check.paid, document, ("paid",), "boolean")


def _hierarchy(check: HierarchyCheck, document: Scope, found: Expressions) -> None:
    found.read(check.parent, document, ("parent",), "text")
    found.read(check.active, document, ("active",), "boolean")
    for name in ("valid_from", "valid_to", "as_of"):
        found.read(getattr(check, name), document, (name,), "date")
    found.read(check.since, document, ("since",), "timestamp")


def _duplicate(check: DuplicateCheck, document: Scope, found: Expressions) -> None:
    for index, rule in enumerate(check.rules):
        for place, text in enumerate(rule.same):
            found.read(text, document, ("rules", index, "same", place))
        found.read(rule.near, document, ("rules", index, "near"), "date", "timestamp")
    found.read(check.order_by, document, ("order_by",))
    found.read(check.paid, document, ("paid",), "boolean")


def _taken_back(check: DuplicateCheck, row: Scope, document: Scope, found: Expressions) -> None:
    """Under `taken_back.names` every key column is read, whether it is said or has its own name."""
    taken = check.taken_back
    if taken is None:
        return
    path = ("taken_back",)
    found.read(taken.where, row, (*path, "where"), "boolean")
    for key in check.key:
        found.read(taken.names.get(key, key), row, (*path, "names", key))
    for place, text in enumerate(taken.same):
        found.read(text, document, (*path, "same", place))
