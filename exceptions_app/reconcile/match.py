"""A match check as one statement: sides joined, columns computed, hits filtered once, what they say.

Plain SQL with every name quoted; no division, and nothing in it asks for the time. One row per hit, whatever
the number of its findings: planning costs more than running where entities are small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path, read_check
from exceptions_app.catalog.expressions import PRESENT, Expr, Kind, quote, render
from exceptions_app.catalog.schema import MatchCheck

from .errors import CheckError
from .findings import FIGURES, FindingPlan, figure, plan_finding
from .joining import joined, known_to, name_of, written_key
from .sides import SidePlan, plan_side
from .values import instant_sql, text_sql

NO_TEXT = "CAST(NULL AS STRING)"


@dataclass(frozen=True, slots=True)
class CompiledMatch:
    """A statement and how to read its rows.

    The row whose first column is not NULL counts the keys known to `enough` sides: what was compared. Every other
    row is a hit: NULL; presence of each side; the key; each of `shown`, as text; then for each finding NULL or a
    list of texts: since (microseconds); critical; the key as the sources wrote it; difference, base, scale;
    amount; what to divide it by; currency; counterparty; each fact in order. An amount or fact that is one of
    the tolerance's own figures is NULL here.
    """

    check: MatchCheck
    statement: str
    enough: int
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
        if unfed or all(plan.sql is None for plan in self.sides.values()):
            raise CheckError("no feed brings a side of the check", f"{check.code}: {', '.join(unfed)}")
        self.findings = [
            plan_finding(check, index, accepted, self.sides, name_of) for index in range(len(check.findings))
        ]

    def compile(self) -> CompiledMatch:
        shown, rows = self._shown(), joined(self.check, self.sides)
        known, enough = known_to(self.sides)
        used = [self.accepted["let", name].parameters for name in self.check.let]
        used += [plan.parameters for plan in self.findings]
        used += [plan.parameters for plan in self.sides.values()]
        feeds = {name: self.catalog.side_feeds(self.check, name) for name in self.sides}
        return CompiledMatch(
            check=self.check,
            statement=self._statement(rows, shown, f"{known} >= {enough}"),
            enough=enough,
            parameters=frozenset().union(*used),
            lags={name: max((f.lag for f in found), default=timedelta(0)) for name, found in feeds.items()},
            sides=self.sides,
            shown=[(side, name, kind.name) for side, name, kind in shown],
            fact_kinds=[
                {fact: self._fact(plan, fact).kind.name for fact in plan.finding.facts}
                for plan in self.findings
            ],
        )

    def _statement(self, lines: str, shown: Sequence[tuple[str | None, str, Kind]], compared: str) -> str:
        figures = {
            figure(plan.index, name): sql for plan in self.findings for name, sql in plan.figures.items()
        }
        holds = {_holds(plan.index): plan.condition for plan in self.findings}
        rows = "lines"
        for layer in filter(None, [*self._let_layers(), figures, holds]):
            added = ", ".join(f"{sql} AS {name}" for name, sql in layer.items())
            rows = f"(SELECT *, {added} FROM {rows} AS l)"
        selected = [name_of(side, PRESENT) for side in self.sides]
        selected += [text_sql(quote(key), self._key_kind(key)) for key in self.check.key]
        selected += [text_sql(name_of(side, name), kind) for side, name, kind in shown]
        selected += [self._said(plan) for plan in self.findings]
        return (
            f"WITH lines AS MATERIALIZED ({lines})"
            f" SELECT CAST(NULL AS BIGINT), {', '.join(selected)} FROM {rows} AS l WHERE {' OR '.join(holds)}"
            f" UNION ALL SELECT COUNT(*), {', '.join(['NULL'] * len(selected))} FROM lines WHERE {compared}"
        )

    def _let_layers(self) -> list[dict[str, str]]:
        """Computed columns by how deep they build on each other, one sub-select per depth."""
        depth: dict[str, int] = {}
        layers: list[dict[str, str]] = []
        for name in self.check.let:
            expression = self.accepted["let", name]
            below = [depth[used] + 1 for side, used in expression.columns if side is None and used in depth]
            depth[name] = max(below, default=0)
            layers.extend({} for _ in range(depth[name] + 1 - len(layers)))
            layers[depth[name]][quote(name)] = render(expression, name_of)
        return layers

    def _shown(self) -> list[tuple[str | None, str, Kind]]:
        """What evidence keeps: the columns of sides and of `let`, except what moves with every run's time."""
        timed: set[tuple[str | None, str]] = {
            (n, column) for n, p in self.sides.items() for column in p.timed
        }
        shown: list[tuple[str | None, str, Kind]] = [
            (name, column, kind)
            for name, plan in self.sides.items()
            for column, kind in plan.columns.items()
            if column not in plan.timed
        ]
        for name in self.check.let:
            expression = self.accepted["let", name]
            if "now" in expression.parameters or expression.columns & timed:
                timed.add((None, name))
            else:
                shown.append((None, name, expression.kind))
        return shown

    def _said(self, plan: FindingPlan) -> str:
        """What one finding says of a hit; NULL where it does not hold, or an earlier one of its category
        does.
        """
        path: Path = ("findings", plan.index)
        since = self._sql((*path, "since"))
        said = [f"CAST({instant_sql(since)} AS STRING)" if since else NO_TEXT]
        said += [f"CAST({self._sql((*path, 'critical_when')) or 'FALSE'} AS STRING)"]
        said += [self._written_key(plan.finding.present, key) for key in self.check.key]
        said += [f"CAST({figure(plan.index, n)} AS STRING)" if plan.figures else NO_TEXT for n in FIGURES]
        said += [self._text((*path, part)) for part in ("amount", "amount_per", "currency", "counterparty")]
        said += [self._text((*path, "facts", fact)) for fact in plan.finding.facts]
        earlier = [
            p.index for p in self.findings[: plan.index] if p.finding.category == plan.finding.category
        ]
        condition = " AND ".join([_holds(plan.index), *(f"{_holds(index)} IS NOT TRUE" for index in earlier)])
        return f"CASE WHEN {condition} THEN [{', '.join(said)}] END"

    def _sql(self, path: Path) -> str | None:
        expression = self.accepted.get(path)
        if expression is None or expression.text.strip() in FIGURES:
            return None
        return render(expression, name_of)

    def _text(self, path: Path) -> str:
        sql = self._sql(path)
        if sql is None or self.accepted[path].kind.name == "unknown":
            return NO_TEXT
        return text_sql(sql, self.accepted[path].kind)

    def _key_kind(self, key: str) -> Kind:
        return self.accepted["sides", next(iter(self.sides)), "key", key].kind

    def _written_key(self, present: Sequence[str], key: str) -> str:
        """The key as a source wrote it: the first present side's, so that identity outlives the crosswalk."""
        side = next((name for name in present if key in self.sides[name].written_keys), None)
        return text_sql(quote(key), self._key_kind(key)) if side is None else written_key(side, key)

    def _fact(self, plan: FindingPlan, fact: str) -> Expr:
        return self.accepted["findings", plan.index, "facts", fact]


def _holds(index: int) -> str:
    return quote(f"{index} holds")
