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

from .columns import Columns
from .errors import CheckError
from .findings import FIGURES, FindingPlan, figure, plan_finding
from .joining import joined, known_to, name_of, written_key
from .limits import Limits
from .parameters import PARAMETER
from .sides import ENTITY, Among, SidePlan, plan_side
from .values import text_sql


@dataclass(frozen=True, slots=True)
class Said:
    """Where a row has what one finding says of a hit. Column 0, NULL for every hit, is what is not said.

    `figures` are difference, base and scale; an amount or fact that is one of the tolerance's own figures is not
    in the row. Everything but `holds` is text.
    """

    holds: int
    since: int
    critical: int
    key: Mapping[str, int]
    figures: tuple[int, int, int]
    amount: int
    amount_per: int
    currency: int
    counterparty: int
    facts: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class CompiledMatch:
    """A statement and how to read its rows.

    The row whose column 0 is not NULL counts the keys known to `enough` sides: what was compared. Every other row
    is a hit: NULL; presence of each side; the key; each of `shown`, as text; then whatever else findings say; in column
    `alike`, how many lines say exactly this. Where several entities are compared together, a row says in column
    `of_entity` which it is of, and each has its count.
    """

    check: MatchCheck
    statement: str
    enough: int
    parameters: frozenset[str]
    lags: Mapping[str, timedelta]
    sides: Mapping[str, SidePlan]
    shown: Sequence[tuple[str | None, str, str]]
    said: Sequence[Said]
    limits: Sequence[Limits | None]
    width: int
    of_entity: int | None
    alike: int


def compile_match(
    check: MatchCheck, catalog: Catalog, among: Among | None = None, *, together: bool = False
) -> CompiledMatch:
    """With `among` only the keys that its table holds are compared; `together`: several entities, each by itself.
    Raises `CheckError` where a side that must be there has no feed.
    """
    expressions = read_check(check, catalog.record_types)
    for path, error in expressions.refused:
        raise CheckError(str(error), f"{check.code}: {'.'.join(map(str, path))}")
    return Compiler(check, catalog, expressions.accepted, among, together=together).compile()


class Compiler:
    """Compiles one check. `lines`, `times` and `also_shown` are what other kinds of check do otherwise."""

    def __init__(
        self,
        check: MatchCheck,
        catalog: Catalog,
        accepted: Mapping[Path, Expr],
        among: Among | None = None,
        *,
        together: bool = False,
    ) -> None:
        self.check, self.catalog, self.accepted, self.together = check, catalog, accepted, together
        self.apart = [ENTITY] if together else []
        self.sides = {
            name: plan_side(catalog, check, name, accepted, among, together=together) for name in check.sides
        }
        unfed = [name for name, plan in self.sides.items() if not plan.systems and plan.sql is not None]
        if unfed or all(plan.sql is None for plan in self.sides.values()):
            raise CheckError("no feed brings a side of the check", f"{check.code}: {', '.join(unfed)}")
        self.findings = [
            plan_finding(catalog, check, index, accepted, self.sides, name_of)
            for index in range(len(check.findings))
        ]

    def compile(self) -> CompiledMatch:
        shown, lines = [*self._shown(), *self.also_shown()], self.lines()
        known, enough = known_to(self.sides)
        columns = self._columns(shown)
        said = [self._said(plan, columns) for plan in self.findings]
        used = [self.accepted["let", name].parameters for name in self.check.let]
        used += [plan.parameters for plan in self.findings]
        used += [plan.parameters for plan in self.sides.values()]
        used.append(self.times())
        feeds = {name: self.catalog.side_feeds(self.check, name) for name in self.sides}
        for name, side in self.check.sides.items():
            for code, lookup in side.lookups.items():
                feeds[f"{name}.{code}"] = self.catalog.sources_of(lookup.record, lookup.kind)
        of_entity = columns.always(quote(ENTITY)) if self.together else None
        alike = columns.always("COUNT(*)")
        statement = self._statement(lines, f"{known} >= {enough}", columns)
        return CompiledMatch(
            check=self.check,
            statement=statement,
            enough=enough,
            # A look-up that no feed brings is not in the statement, nor is what its condition would have used.
            parameters=frozenset().union(*used) & frozenset(PARAMETER.findall(statement)),
            lags={name: max((f.lag for f in found), default=timedelta(0)) for name, found in feeds.items()},
            sides=self.sides,
            shown=[(side, name, kind.name) for side, name, kind in shown],
            said=said,
            limits=[plan.limits for plan in self.findings],
            width=1 + len(columns.sql()),
            of_entity=of_entity,
            alike=alike,
        )

    def lines(self) -> str:
        """The rows that findings look at: a key each, with what every side says."""
        return joined(self.check, self.sides, together=self.together)

    def times(self) -> frozenset[str]:
        """The parameters that `lines` itself needs, beside those of the sides."""
        return frozenset()

    def also_shown(self) -> Sequence[tuple[None, str, Kind]]:
        """What evidence keeps beside the columns of sides and of `let`."""
        return ()

    def _columns(self, shown: Sequence[tuple[str | None, str, Kind]]) -> Columns:
        columns = Columns([name_of(side, PRESENT) for side in self.sides])
        for key in self.check.key:
            columns.always(self._key(key))
        for side, name, kind in shown:
            columns.always(text_sql(name_of(side, name), kind))
        return columns

    def computed(self, rows: str, *more: Mapping[str, str]) -> str:
        """Rows of sides joined, with what is computed of them: `let`, the figures of tolerances, and what is added."""
        figures = {
            figure(plan.index, name): sql for plan in self.findings for name, sql in plan.figures.items()
        }
        for layer in filter(None, [*self._let_layers(), figures, *more]):
            added = ", ".join(f"{sql} AS {name}" for name, sql in layer.items())
            rows = f"(SELECT *, {added} FROM {rows} AS l)"
        return rows

    def _statement(self, lines: str, compared: str, columns: Columns) -> str:
        holds = {_holds(plan.index): plan.condition for plan in self.findings}
        rows = self.computed("lines", holds)
        selected, apart = columns.sql(), [quote(name) for name in self.apart]
        counted = [sql if sql in apart else "NULL" for sql in selected]
        # Grouped, though hits are few and hardly ever alike: what ends in an aggregation is fed with lines while they
        # are joined, and then nobody keeps them. Else every line is: a quarter of the memory of a large entity.
        return (
            f"WITH lines AS MATERIALIZED ({lines})"
            f" SELECT CAST(NULL AS BIGINT), {', '.join(selected)} FROM {rows} AS l WHERE {' OR '.join(holds)}"
            " GROUP BY ALL"
            f" UNION ALL SELECT COUNT(*), {', '.join(counted)} FROM lines WHERE {compared}"
            + (f" GROUP BY {', '.join(apart)}" if apart else "")
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

    def _said(self, plan: FindingPlan, columns: Columns) -> Said:
        """Put into the row what one finding says. It gives way to an earlier one of its category."""
        finding, path = plan.finding, ("findings", plan.index)
        earlier = [p.index for p in self.findings[: plan.index] if p.finding.category == finding.category]
        holds = _holds(plan.index)
        stands = " AND ".join([holds, *(f"{_holds(index)} IS NOT TRUE" for index in earlier)])

        def place(*part: str) -> int:
            return columns.when(holds, self._text((*path, *part)))

        def figures(name: str) -> int:
            sql = plan.figures.get(name)
            return columns.when(holds, f"CAST({figure(plan.index, name)} AS STRING)" if sql else None)

        return Said(
            holds=columns.always(stands),
            since=place("since"),
            critical=place("critical_when"),
            key={
                key: columns.when(holds, self.written_key_of(finding.present, key)) for key in self.check.key
            },
            figures=(figures("difference"), figures("base"), figures("scale")),
            amount=place("amount"),
            amount_per=place("amount_per"),
            currency=place("currency"),
            counterparty=place("counterparty"),
            facts={
                fact: (place("facts", fact), self.accepted[*path, "facts", fact].kind.name)
                for fact in finding.facts
            },
        )

    def _text(self, path: Path) -> str | None:
        expression = self.accepted.get(path)
        if expression is None or expression.kind.name == "unknown" or expression.text.strip() in FIGURES:
            return None
        return text_sql(render(expression, name_of), expression.kind)

    def _key(self, key: str) -> str:
        kind = self.accepted["sides", next(iter(self.sides)), "key", key].kind
        return text_sql(quote(key), kind)

    def written_key_of(self, present: Sequence[str], key: str) -> str:
        """The key as a source wrote it: the first present side's, so that identity outlives the crosswalk."""
        side = next((name for name in present if key in self.sides[name].written_keys), None)
        return self._key(key) if side is None else written_key(side, key)


def _holds(index: int) -> str:
    return quote(f"{index} holds")
