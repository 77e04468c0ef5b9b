"""A match check as one statement: sides joined on the key, computed columns, hits filtered once, findings.

Plain SQL with every name quoted; no division, and nothing in it asks for the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path, read_check
from exceptions_app.catalog.expressions import PRESENT, Expr, Kind, quote, render
from exceptions_app.catalog.schema import MatchCheck

from .errors import CheckError
from .findings import FIGURES, FindingPlan, figure, plan_finding
from .sides import SidePlan, plan_side, source_key
from .values import instant_sql, text_sql


@dataclass(frozen=True, slots=True)
class CompiledMatch:
    """A statement and how to read its rows.

    Columns of a row: finding number; since (microseconds); critical; presence of each side; the key; the key as
    the sources wrote it; each of `shown`, as text; difference, base, scale; amount; what to divide it by;
    currency; counterparty; each fact of the finding, in order. An amount or fact that is one of the tolerance's
    own figures is NULL here.
    """

    check: MatchCheck
    statement: str
    parameters: frozenset[str]
    lags: Mapping[str, timedelta]
    sides: Mapping[str, SidePlan]
    shown: Sequence[tuple[str | None, str, str]]
    fact_kinds: Sequence[Mapping[str, str]]


def compile_match(check: MatchCheck, catalog: Catalog) -> CompiledMatch:
    """Raises `CheckError` where a side that must be there has no feed."""
    expressions = read_check(check, catalog.record_types)
    for path, error in expressions.refused:
        raise CheckError(str(error), f"{check.code}: {'.'.join(map(str, path))}")
    return _Compiler(check, catalog, expressions.accepted).compile()


class _Compiler:
    def __init__(self, check: MatchCheck, catalog: Catalog, accepted: Mapping[Path, Expr]) -> None:
        self.check, self.catalog, self.accepted = check, catalog, accepted
        self.sides = {name: plan_side(catalog, check, name, accepted) for name in check.sides}
        unfed = [name for name, plan in self.sides.items() if not plan.systems and plan.sql is not None]
        if unfed:
            raise CheckError("no feed brings a side of the check", f"{check.code}: {unfed[0]}")
        self.findings = [
            plan_finding(check, index, accepted, self.sides, self.names)
            for index in range(len(check.findings))
        ]
        self.shown = self._shown()

    def names(self, qualifier: str | None, name: str) -> str:
        """A column of the joined row."""
        if name == PRESENT:
            return f"({quote(f'{qualifier} present')} IS NOT NULL)"
        return quote(name if qualifier is None else f"{qualifier}.{name}")

    def compile(self) -> CompiledMatch:
        lets = [self.accepted["let", name] for name in self.check.let]
        used = [e.parameters for e in lets] + [f.parameters for f in self.findings]
        used += [side.parameters for side in self.sides.values()]
        return CompiledMatch(
            self.check,
            self._statement(),
            frozenset().union(*used),
            self._lags(),
            self.sides,
            [(side, name, kind.name) for side, name, kind in self.shown],
            [self._fact_kinds(finding) for finding in self.findings],
        )

    def _lags(self) -> dict[str, timedelta]:
        feeds = {name: self.catalog.side_feeds(self.check, name) for name in self.sides}
        return {name: max((f.lag for f in found), default=timedelta(0)) for name, found in feeds.items()}

    # -- the statement

    def _statement(self) -> str:
        figures = {
            figure(plan.index, name): sql for plan in self.findings for name, sql in plan.figures.items()
        }
        layers = [
            *self._let_layers(),
            figures,
            {quote(f"{p.index} holds"): p.condition for p in self.findings},
        ]
        rows = self._joined()
        for layer in filter(None, layers):
            added = ", ".join(f"{sql} AS {name}" for name, sql in layer.items())
            rows = f"SELECT *, {added} FROM ({rows}) AS l"
        any_holds = " OR ".join(quote(f"{plan.index} holds") for plan in self.findings)
        branches = " UNION ALL ".join(self._branch(plan) for plan in self.findings)
        return f"WITH hits AS (SELECT * FROM ({rows}) AS l WHERE {any_holds}) {branches}"

    def _let_layers(self) -> list[dict[str, str]]:
        """Computed columns by how deep they build on each other, one sub-select per depth."""
        depth: dict[str, int] = {}
        layers: list[dict[str, str]] = []
        for name in self.check.let:
            expression = self.accepted["let", name]
            depth[name] = max(
                (depth[n] + 1 for q, n in expression.columns if q is None and n in depth), default=0
            )
            layers.extend({} for _ in range(depth[name] + 1 - len(layers)))
            layers[depth[name]][quote(name)] = render(expression, self.names)
        return layers

    def _joined(self) -> str:
        """Every key of the sides that a finding can start from, with what each side says of it."""
        anchors = self._anchors()
        order = [
            *anchors,
            *(n for n, plan in self.sides.items() if plan.sql is not None and n not in anchors),
        ]
        tables, seen = "", list[str]()
        for name in order:
            sub = f"({self.sides[name].sql}) AS {quote(name)}"
            if not seen:
                tables = sub
            else:
                on = " AND ".join(f"{quote(name)}.{quote(k)} = {_first(seen, k)}" for k in self.check.key)
                tables += f" {'FULL' if name in anchors else 'LEFT'} JOIN {sub} ON {on}"
            if name in anchors:
                seen.append(name)
        selected = [f"{_first(seen, key)} AS {quote(key)}" for key in self.check.key]
        for name, plan in self.sides.items():
            selected += self._side_columns(name, plan)
        return f"SELECT {', '.join(selected)} FROM {tables}"

    def _side_columns(self, name: str, plan: SidePlan) -> list[str]:
        if plan.sql is None:
            absent = [f"{_null(kind)} AS {quote(f'{name}.{c}')}" for c, kind in plan.columns.items()]
            return [*absent, f"CAST(NULL AS BOOLEAN) AS {quote(name + ' present')}"]
        side = quote(name)
        found = [f"{side}.{quote(column)} AS {quote(f'{name}.{column}')}" for column in plan.columns]
        found += [
            f"{side}.{quote(source_key(key))} AS {quote(f'{name} {key} source')}" for key in plan.written_keys
        ]
        return [*found, f"{side}.present AS {quote(name + ' present')}"]

    def _anchors(self) -> list[str]:
        """The fewest sides such that every finding needs one of them present: only their keys can be hits."""
        fed = [name for name, plan in self.sides.items() if plan.sql is not None]
        open_findings = [
            {side for side in f.finding.present if side in fed} or set(fed) for f in self.findings
        ]
        anchors: list[str] = []
        while open_findings:
            best = max(fed, key=lambda name: sum(name in sides for sides in open_findings))
            anchors.append(best)
            open_findings = [sides for sides in open_findings if best not in sides]
        return anchors

    # -- the rows

    def _shown(self) -> list[tuple[str | None, str, Kind]]:
        """What evidence keeps: the columns of sides and of `let`, except what moves with every run's time."""
        timed: set[tuple[str | None, str]] = {
            (name, column) for name, plan in self.sides.items() for column in plan.timed
        }
        shown: list[tuple[str | None, str, Kind]] = [
            (name, column, kind)
            for name, plan in self.sides.items()
            for column, kind in plan.columns.items()
            if column not in plan.timed
        ]
        for name in self.check.let:
            expression = self.accepted["let", name]
            if "now" in expression.parameters or any(column in timed for column in expression.columns):
                timed.add((None, name))
            else:
                shown.append((None, name, expression.kind))
        return shown

    def _branch(self, plan: FindingPlan) -> str:
        finding, path = plan.finding, ("findings", plan.index)
        since = instant_sql(self._sql((*path, "since")) or "NULL")
        selected = [f"{plan.index} AS finding", since, self._sql((*path, "critical_when")) or "FALSE"]
        selected += [self.names(side, PRESENT) for side in self.sides]
        selected += [text_sql(quote(key), self._key_kind(key)) for key in self.check.key]
        selected += [self._written_key(finding.present, key) for key in self.check.key]
        selected += [text_sql(self.names(side, name), kind) for side, name, kind in self.shown]
        selected += [
            f"CAST({figure(plan.index, name)} AS STRING)" if plan.figures else _NO_TEXT for name in FIGURES
        ]
        selected += [
            self._text((*path, place)) for place in ("amount", "amount_per", "currency", "counterparty")
        ]
        facts = [self._text((*path, "facts", fact)) for fact in finding.facts]
        width = max(len(f.facts) for f in self.check.findings)
        selected += facts + [_NO_TEXT] * (width - len(facts))
        earlier = [p.index for p in self.findings[: plan.index] if p.finding.category == finding.category]
        not_yet = "".join(f" AND NOT {quote(f'{index} holds')}" for index in earlier)
        return f"SELECT {', '.join(selected)} FROM hits WHERE {quote(f'{plan.index} holds')}{not_yet}"

    def _sql(self, path: Path) -> str | None:
        expression = self.accepted.get(path)
        if expression is None or expression.text.strip() in FIGURES:
            return None
        return render(expression, self.names)

    def _text(self, path: Path) -> str:
        sql = self._sql(path)
        if sql is None or self.accepted[path].kind.name == "unknown":
            return _NO_TEXT
        return text_sql(sql, self.accepted[path].kind)

    def _key_kind(self, key: str) -> Kind:
        return self.accepted["sides", next(iter(self.sides)), "key", key].kind

    def _written_key(self, present: Iterable[str], key: str) -> str:
        """The key as a source wrote it: the first present side's, so that identity outlives the crosswalk."""
        side = next((name for name in present if key in self.sides[name].written_keys), None)
        return text_sql(quote(key), self._key_kind(key)) if side is None else quote(f"{side} {key} source")

    def _fact_kinds(self, plan: FindingPlan) -> dict[str, str]:
        path = ("findings", plan.index, "facts")
        return {fact: self.accepted[*path, fact].kind.name for fact in plan.finding.facts}


_NO_TEXT = "CAST(NULL AS STRING)"


def _null(kind: Kind) -> str:
    return f"CAST(NULL AS {'STRING' if kind.name == 'unknown' else kind.sql})"


def _first(sides: Sequence[str], key: str) -> str:
    columns = [f"{quote(side)}.{quote(key)}" for side in sides]
    return columns[0] if len(columns) == 1 else f"COALESCE({', '.join(columns)})"
