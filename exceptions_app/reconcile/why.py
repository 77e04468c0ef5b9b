"""Why a check says something of a key, or nothing: the parts of its compiled statement, asked one by one.

The same sub-selects, columns and conditions as the statement that finds, without its filter: what is said here is what
the comparison itself works out. Knows neither files nor the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path, read_check
from exceptions_app.catalog.expressions import (
    PRESENT,
    Expr,
    ExpressionError,
    Kind,
    conjuncts,
    literal,
    parse,
    render,
)
from exceptions_app.catalog.schema import AllocationCheck, BalanceCheck, Finding, MatchCheck, Tolerance
from exceptions_app.catalog.scopes import BALANCE, match_scope
from exceptions_app.domain.tolerance import Verdict, assess

from .balance import BalanceCompiler
from .errors import CheckError
from .findings import FIGURES, FindingPlan, Part, figure
from .joining import name_of
from .match import Compiler
from .parameters import PARAMETER, RunParameters, bind
from .values import exact, instant, instant_sql, number_text, text_sql

Told = Mapping[str, str]
Times = Mapping[str, datetime | None]
Operand = tuple[str, str]
"""`side.column` or the name of a computed column, and its value as text; an empty text: it has none."""


@dataclass(frozen=True, slots=True)
class AskedPart:
    """One thing that must be so: `kind` and `of` as in `findings.Part`. `holds` None: unknown, for an operand is empty.
    `at`: of what is waited for, the instant that `since` must have reached.
    """

    kind: str
    of: str
    text: str
    holds: bool | None
    operands: Sequence[Operand] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AskedFinding:
    """What one finding of the check comes to for a key. `verdict` is that of its tolerance, on the real figures."""

    finding: Finding
    holds: bool | None
    parts: Sequence[AskedPart]
    since: datetime | None
    verdict: Verdict | None
    currency: str
    counterparty: str


@dataclass(frozen=True, slots=True)
class AskedLine:
    """A key as the comparison sees it: which sides have it, what each says, what is computed."""

    sides: Mapping[str, Mapping[str, str] | None]
    computed: Mapping[str, str]
    findings: Sequence[AskedFinding]


def explains(check: object) -> bool:
    """Whether its conditions can be asked one by one."""
    return isinstance(check, MatchCheck) and not isinstance(check, AllocationCheck)


def ask(
    con: DuckDBPyConnection,
    check: MatchCheck,
    catalog: Catalog,
    key: Mapping[str, str],
    parameters: RunParameters,
) -> AskedLine | None:
    """What the check works out for one key (canonical, as text) over what the views show; None: no side has it.

    Raises `CheckError` where a side that must be there has no feed.
    """
    expressions = read_check(check, catalog.record_types)
    if expressions.refused:
        path, error = expressions.refused[0]
        raise CheckError(str(error), f"{check.code}: {'.'.join(map(str, path))}")
    return _Asking(check, catalog, expressions.accepted).ask(con, key, parameters)


class _Asking:
    """One question: what is selected of the key's row, and where each of it stands there."""

    def __init__(self, check: MatchCheck, catalog: Catalog, accepted: Mapping[Path, Expr]) -> None:
        self.check, self.accepted = check, accepted
        compiler: type[Compiler] = BalanceCompiler if isinstance(check, BalanceCheck) else Compiler
        self.compiler = compiler(check, catalog, accepted)
        self.kinds: dict[str, Kind] = {
            f"{side}.{name}": kind
            for side, plan in self.compiler.sides.items()
            for name, kind in plan.columns.items()
        }
        self.kinds |= {
            name: accepted["sides", next(iter(check.sides)), "key", name].kind for name in check.key
        }
        self.kinds |= {name: accepted["let", name].kind for name in check.let}
        more = BALANCE if isinstance(check, BalanceCheck) else {}
        self.scope = match_scope(check, {**self.kinds, **more})
        self.selected: list[str] = []
        self.row: Sequence[Any] = ()

    def ask(
        self, con: DuckDBPyConnection, key: Mapping[str, str], parameters: RunParameters
    ) -> AskedLine | None:
        values = {name: self._put(self._text(name)) for name in self.kinds}
        present = {side: self._put(name_of(side, PRESENT)) for side in self.compiler.sides}
        asked = [self._finding(plan) for plan in self.compiler.findings]
        wanted = " AND ".join(f"{self._text(name)} = {literal(value)}" for name, value in key.items())
        rows = self.compiler.computed(f"({self.compiler.lines()})")
        statement = f"SELECT {', '.join(self.selected)} FROM {rows} AS l WHERE {wanted}"
        named = sorted(set(PARAMETER.findall(statement)))
        times = bind(named, self.check, parameters, self.compiler.compile().lags)
        found = con.execute(statement, times).fetchall()
        if not found:
            return None
        self.row = found[0]
        told = {name: _told(self.row[place], self.kinds[name]) for name, place in values.items()}
        sides = {
            side: {name: told[f"{side}.{name}"] for name in plan.columns} if self.row[present[side]] else None
            for side, plan in self.compiler.sides.items()
        }
        return AskedLine(
            sides, {name: told[name] for name in self.check.let}, [one(told, times) for one in asked]
        )

    def _put(self, sql: str | None) -> int:
        self.selected.append(sql or "NULL")
        return len(self.selected) - 1

    def _text(self, name: str) -> str:
        side, _, column = name.rpartition(".")
        return text_sql(name_of(side or None, column), self.kinds[name])

    def _of(self, index: int, *place: str) -> str | None:
        expression = self.accepted.get(("findings", index, *place))
        return None if expression is None else render(expression, name_of)

    def _finding(self, plan: FindingPlan) -> Callable[[Told, Times], AskedFinding]:
        parts = [asked for part in plan.parts for asked in self._parts(plan, part)]
        since = self._put(instant_sql(plan.since))
        figures = [
            self._put(f"CAST({figure(plan.index, n)} AS STRING)" if plan.figures else None) for n in FIGURES
        ]
        money, party = (self._put(self._of(plan.index, name)) for name in ("currency", "counterparty"))

        def read(told: Told, times: Times) -> AskedFinding:
            started = self.row[since]
            at = None if started is None else instant(int(started))
            found = [part(told, times) for part in parts]
            verdict = self._verdict(plan, [self.row[place] for place in figures], self.row[money], at)
            return AskedFinding(
                plan.finding, _all(found), found, at, verdict, self.row[money] or "", self.row[party] or ""
            )

        return read

    def _parts(self, plan: FindingPlan, part: Part) -> Iterator[Callable[[Told, Times], AskedPart]]:
        """A condition is asked part by part, where it is a conjunction."""
        texts = conjuncts(plan.finding.when) if part.kind == "when" and plan.finding.when else [""]
        for text in texts:
            expression = self._read(text) if text else None
            whole = part.kind == "when" and expression is None
            sql = part.sql if expression is None else render(expression, name_of)
            shown = plan.finding.when or "" if whole else text
            names = expression.columns if expression else frozenset()
            if part.kind == "tolerance" or whole:
                path = ("tolerance", "difference") if part.kind == "tolerance" else ("when",)
                names = self.accepted["findings", plan.index, *path].columns
            yield partial(self._asked, part, shown, self._put(sql), _written(names))
            if whole:
                return

    def _asked(
        self, part: Part, text: str, place: int, names: Sequence[str], told: Told, times: Times
    ) -> AskedPart:
        holds = self.row[place]
        operands = [(name, told[name]) for name in names if name in told]
        return AskedPart(
            part.kind, part.of, text, holds, operands, times.get(part.of) if part.kind == "waits" else None
        )

    def _read(self, text: str) -> Expr | None:
        try:
            return parse(text, self.scope)
        except ExpressionError:
            return None

    def _verdict(
        self, plan: FindingPlan, figures: Sequence[str | None], currency: str | None, since: datetime | None
    ) -> Verdict | None:
        use, (difference, base, scale) = plan.finding.tolerance, figures
        if use is None or difference is None:
            return None
        per = Decimal(scale or 1) or Decimal(1)
        tolerance: Tolerance = self.check.tolerances[use.name]
        if plan.limits is not None:
            tolerance = plan.limits.on(currency, since and since.date())
        return assess(tolerance, exact(Decimal(difference) / per), exact(Decimal(base or 0) / per))


def _written(names: Iterable[tuple[str | None, str]]) -> list[str]:
    return sorted(name if side is None else f"{side}.{name}" for side, name in names)


def _all(parts: Iterable[AskedPart]) -> bool | None:
    """Whether all of them hold, as SQL has it."""
    held = [part.holds for part in parts]
    return False if False in held else None if None in held else True


def _told(text: str | None, kind: Kind) -> str:
    return "" if text is None else number_text(text) if kind.is_number else str(text)
