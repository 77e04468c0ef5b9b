"""When the verdict of a match check changes although no record does: the instants at which the time that it is
judged at passes one that a record says.

Everything that a statement asks of the time must be such a comparison (`received_at <= days_ago(30)`, a grace since
`entered_at`, a side that was read later than that), and the compared value must be one that a single record or
look-up holds, whatever selects among them. Then the records with a value between the last judgement's time and this
one's are all that can be judged otherwise. What is asked in any other way is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expression_sql import write
from exceptions_app.catalog.expression_tree import Node
from exceptions_app.catalog.expressions import Expr, render
from exceptions_app.catalog.schema import MatchCheck

from .findings import FIGURES, waits_of

_COMPARED = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_SELECTING = frozenset({"min", "max", "coalesce", "greatest", "least"})
_AGGREGATES = frozenset({"min", "max", "sum", "count", "bool_or", "bool_and"})


class UndatedError(Exception):
    """A check asks the time for something that no single record tells."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A value of one record of a side, or of one of its look-ups, and the time that passes it.

    `value` is an expression over that record alone. `time` is SQL that names the statement's parameters.
    """

    side: str
    lookup: str | None
    value: Expr
    time: str
    parameters: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tree stands: over one side's rows, or (None) over the joined row."""

    side: str | None


def moments_of(check: MatchCheck, accepted: Mapping[Path, Expr], fed: Mapping[str, bool]) -> list[Moment]:
    """All moments of a check. Raises `UndatedError`. `fed` says which sides, and `side.lookup`s, a feed brings."""
    return list(dict.fromkeys(_Reader(check, accepted, fed).read()))


class _Reader:
    def __init__(self, check: MatchCheck, accepted: Mapping[Path, Expr], fed: Mapping[str, bool]) -> None:
        self.check, self.accepted, self.fed = check, accepted, fed
        self.seen: set[tuple[str | None, str]] = set()

    def read(self) -> Iterator[Moment]:
        for side, party in self.check.sides.items():
            if not self.fed[side]:
                continue
            at = _Place(side)
            yield from self._asked(at, self.accepted.get(("sides", side, "where")))
            for column in party.columns:
                found = self.accepted["sides", side, "columns", column]
                if "now" not in found.parameters:  # else it is shown, and compared only where a verdict asks
                    yield from self._asked(at, found)
            for code, lookup in party.lookups.items():
                yield from self._of_lookup(side, code, list(lookup.on))
        for index in range(len(self.check.findings)):
            yield from self._of_finding(index)

    def _of_lookup(self, side: str, code: str, on: list[str]) -> Iterator[Moment]:
        path: Path = ("sides", side, "lookups", code)
        parts = [self.accepted.get((*path, "as_of")), *(self.accepted.get((*path, "on", c)) for c in on)]
        if any(part is not None and part.parameters for part in parts):
            raise UndatedError("a look-up is asked as of the day of the run")
        where = self.accepted.get((*path, "where"))
        if where is not None and self.fed[f"{side}.{code}"]:
            for moment in self._asked(_Place(side), where):
                yield replace(moment, lookup=code)

    def _of_finding(self, index: int) -> Iterator[Moment]:
        path: Path = ("findings", index)
        for part in [(*path, "when"), (*path, "since"), *((*path, "tolerance", name) for name in FIGURES)]:
            yield from self._asked(_Place(None), self.accepted.get(part))
        since = self.accepted[*path, "since"]
        for name in waits_of(self.check, self.check.findings[index]):
            if self._is_asked(name, index):
                yield from self._passing(_Place(None), since.tree, f"${name}", frozenset({name}))

    def _is_asked(self, name: str, index: int) -> bool:
        """A finding that waits for a side without a feed is never raised, or does not wait for it."""
        del index
        side = name.removeprefix("settled_")
        return not (name.startswith("settled_") and not self.fed.get(side, True))

    def _asked(self, at: _Place, expression: Expr | None) -> Iterator[Moment]:
        if expression is not None:
            yield from self._walk(at, expression.tree)

    def _walk(self, at: _Place, node: Node) -> Iterator[Moment]:
        if node.op == "column":
            yield from self._behind(at, *node.value)
        elif node.op == "parameter":
            raise UndatedError(f"{_called(node)} is asked for outside a comparison with what a record says")
        elif node.op in _COMPARED and _timed(node):
            yield from self._compared(at, *node.args)
        elif node.op == "between" and _timed(node):
            for bound in node.args[1:]:
                yield from self._compared(at, node.args[0], bound)
        else:
            for argument in node.args:
                yield from self._walk(at, argument)

    def _compared(self, at: _Place, left: Node, right: Node) -> Iterator[Moment]:
        if not _timed(right):
            left, right = right, left
        if _timed(left):
            yield from self._walk(at, left)
        elif not _only_time(right):
            yield from self._walk(at, right)  # what it compares by the time is no plain time: refused below
        else:
            names = frozenset(str(n.value) for n in right.walk() if n.op == "parameter")
            yield from self._walk(at, left)
            yield from self._passing(at, left, write(right, _no_columns), names)
            return
        yield from self._walk(at, right)

    def _behind(self, at: _Place, qualifier: str | None, name: str) -> Iterator[Moment]:
        """What a column is made of, once."""
        if at.side is not None or (qualifier, name) in self.seen:
            return
        self.seen.add((qualifier, name))
        path: Path = ("let", name) if qualifier is None else ("sides", qualifier, "columns", name)
        if path in self.accepted and (qualifier is None or self.fed[qualifier]):
            yield from self._walk(_Place(qualifier), self.accepted[path].tree)

    def _passing(self, at: _Place, node: Node, time: str, names: frozenset[str]) -> Iterator[Moment]:
        """The moments at which `time` passes what `node` gives: always a value that one record holds."""
        if not any(n.op in ("column", "parameter") for n in node.walk()):
            return
        whole = self._of_one_record(at, node)
        if whole is not None:
            side, lookup, tree = whole
            if self.fed[side] and (lookup is None or self.fed[f"{side}.{lookup}"]):
                yield Moment(side, lookup, Expr(tree, ""), time, names)
        elif node.op == "column":
            for place, definition in self._definitions(*node.value):
                yield from self._passing(_Place(place), definition, time, names)
        elif node.op in _SELECTING or node.op == "nullif":
            for argument in node.args[: 1 if node.op == "nullif" else None]:
                yield from self._passing(at, argument, time, names)
        elif node.op == "case":
            for result in _results(node):
                yield from self._passing(at, result, time, names)
        elif node.op == "cast":
            for moment in self._passing(at, node.args[0], time, names):
                cast = Node("cast", node.kind, (moment.value.tree,))
                yield replace(moment, value=Expr(cast, ""))
        else:
            raise UndatedError("what is compared with the time is worked out from several records")

    def _of_one_record(self, at: _Place, node: Node) -> tuple[str, str | None, Node] | None:
        """Dates and times of one record, as it is stored: nothing that a crosswalk would translate."""
        if at.side is None or any(n.op in _AGGREGATES or n.op == "parameter" for n in node.walk()):
            return None
        if any(n.op == "column" and n.kind.name not in ("date", "timestamp") for n in node.walk()):
            return None
        sources = {n.value[0] for n in node.walk() if n.op == "column"}
        if len(sources) != 1:
            return None
        [lookup] = sources
        return at.side, lookup, node if lookup is None else _unqualified(node)

    def _definitions(self, qualifier: str | None, name: str) -> list[tuple[str | None, Node]]:
        if qualifier is not None:
            known = self.accepted["sides", qualifier, "columns", name].tree
            return [(qualifier, known)] if self.fed[qualifier] else []
        if ("let", name) in self.accepted:
            return [(None, self.accepted["let", name].tree)]
        sides = [side for side in self.check.sides if self.fed[side]]
        return [(side, self.accepted["sides", side, "key", name].tree) for side in sides]


def _timed(node: Node) -> bool:
    return any(n.op == "parameter" for n in node.walk())


def _only_time(node: Node) -> bool:
    """A time or its day: it never goes back while time passes."""
    return all(n.op in ("parameter", "cast") for n in node.walk())


def _called(node: Node) -> str:
    return f"{node.value}()"


def _results(node: Node) -> list[Node]:
    parts = list(node.args[1:] if node.value else node.args)
    return [*parts[1:-1:2], parts[-1]]


def _unqualified(node: Node) -> Node:
    if node.op == "column":
        return replace(node, value=(None, node.value[1]))
    return replace(node, args=tuple(map(_unqualified, node.args)))


def _no_columns(_: str | None, name: str) -> str:
    raise AssertionError(name)


def value_sql(moment: Moment, alias: str = "r") -> str:
    """The value as SQL over a row of the record."""
    return render(moment.value, lambda _, name: f'{alias}."{name}"')
