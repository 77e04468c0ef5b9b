"""A balance check: sums per key on two sides, and the documents that make the difference between them.

The statement of a match over one more step: documents joined, those that are too young left out, then added up
per key. Which documents differ is kept in the evidence, the largest differences first.
"""

from __future__ import annotations

from collections.abc import Sequence

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import read_check
from exceptions_app.catalog.expressions import AGGREGATES, PRESENT, Kind, Scope, literal, parse, quote, render
from exceptions_app.catalog.schema import BalanceCheck
from exceptions_app.catalog.scopes import BALANCE

from .errors import CheckError
from .joining import joined, name_of, written_key
from .match import CompiledMatch, Compiler
from .parameters import grace_parameter, settled_parameter
from .values import DOCUMENTS, FIELD, PART, text_sql

_DIFFERENCE, _SINCE, _PLACE, _ITEM = (
    quote(f"document {name}") for name in ("difference", "since", "place", "item")
)
_COUNT, _OLDEST = map(quote, BALANCE)


def compile_balance(check: BalanceCheck, catalog: Catalog, *, together: bool = False) -> CompiledMatch:
    """Raises `CheckError` where a side has no feed."""
    expressions = read_check(check, catalog.record_types)
    for path, error in expressions.refused:
        raise CheckError(str(error), f"{check.code}: {'.'.join(map(str, path))}")
    return BalanceCompiler(check, catalog, expressions.accepted, together=together).compile()


class BalanceCompiler(Compiler):
    check: BalanceCheck

    def times(self) -> frozenset[str]:
        read = [self.accepted["documents", name].parameters for name in ("when", "since") if self._says(name)]
        return frozenset(self._waits()).union(*read)

    def also_shown(self) -> Sequence[tuple[None, str, Kind]]:
        return [(None, next(iter(BALANCE)), Kind("integer")), (None, "documents", DOCUMENTS)]

    def lines(self) -> str:
        """Documents that agree always count; one that differs, once both sides must know it."""
        known = [self.counted()] if self.counted() else []
        conditions = " AND ".join([*known, f"({_DIFFERENCE} = 0 OR ({self.settled(_SINCE)}))"])
        rows = f"SELECT *, {self.difference()} AS {_DIFFERENCE}, {self.since()} AS {_SINCE} FROM ({self.rows()}) AS j"
        keys = ", ".join(map(quote, [*self.apart, *self.check.key]))
        order = ", ".join([f"ABS({_DIFFERENCE}) DESC", *map(quote, self.check.documents.key)])
        place = f"ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {order})"
        rows = f"SELECT *, {place} AS {_PLACE} FROM ({rows}) AS d WHERE {conditions}"
        rows = f"SELECT *, {self._item()} AS {_ITEM} FROM ({rows}) AS p"
        return f"SELECT {keys}, {', '.join(self.totals())} FROM ({rows}) AS i GROUP BY {keys}"

    def rows(self) -> str:
        """The documents, a row each."""
        return joined(self.check, self.sides, list(self.sides), together=self.together)

    def counted(self) -> str:
        """Which documents count at all; empty: all."""
        return render(self.accepted["documents", "when"], name_of) if self._says("when") else ""

    def since(self) -> str:
        """Since when the other side may know a document."""
        return render(self.accepted["documents", "since"], name_of)

    def settled(self, since: str) -> str:
        """Whether both sides must know by now what began then."""
        return " AND ".join(f"{since} <= ${name}" for name in self._waits())

    def _says(self, name: str) -> bool:
        return ("documents", name) in self.accepted

    def _waits(self) -> list[str]:
        grace = self.check.documents.grace
        waits = [settled_parameter(self.check, side) for side in self.sides]
        return [*waits, grace_parameter(grace)] if grace is not None else waits

    def difference(self) -> str:
        """What a document adds to the difference."""
        name = self.check.documents.amount
        kinds = dict(zip("ab", (plan.columns[name] for plan in self.sides.values()), strict=True))
        sides = dict(zip("ab", self.sides, strict=True))
        difference = parse("COALESCE(a, 0) - COALESCE(b, 0)", Scope(dict(kinds)))
        return render(difference, lambda _, side: name_of(sides[side], name))

    def totals(self) -> list[str]:
        """What a side says of a key: numbers added up, the smallest of everything else."""
        totals = []
        for side, plan in self.sides.items():
            for column, kind in plan.columns.items():
                name = name_of(side, column)
                totals.append(f"{_total(name, kind)} AS {name}")
            totals += [
                f"MIN({written_key(side, key)}) AS {written_key(side, key)}"
                for key in self.check.key
                if key in plan.written_keys
            ]
            present = quote(f"{side} present")
            totals.append(f"BOOL_OR({present}) AS {present}")
        differs, most = f"{_DIFFERENCE} <> 0", self.check.documents.most
        return [
            *totals,
            f"COUNT(CASE WHEN {differs} THEN 1 END) AS {_COUNT}",
            f"MIN(CASE WHEN {differs} THEN {_SINCE} END) AS {_OLDEST}",
            f'ARRAY_AGG({_ITEM}) FILTER (WHERE {differs} AND {_PLACE} <= {most}) AS "documents"',
        ]

    def _item(self) -> str:
        """One document as a text of named parts; `values.documents_json` reads it."""
        key = self.check.documents.key
        kinds = {name: self.accepted["sides", next(iter(self.sides)), "key", name].kind for name in key}
        parts = [
            f"CAST({_PLACE} AS STRING)",
            *(part_sql(f"={name}", quote(name), kinds[name]) for name in key),
        ]
        for side in self.sides:
            there = ", ".join(self.item_of(side))
            parts.append(f"CASE WHEN {name_of(side, PRESENT)} THEN CONCAT({there}) ELSE '' END")
        return f"CONCAT({', '.join(parts)})"

    def item_of(self, side: str) -> list[str]:
        """What a side says of a document, where it has it."""
        columns = self.sides[side].columns
        shown = dict.fromkeys([self.check.documents.amount, *self.check.documents.show])
        there = [f"CONCAT(CHR({FIELD}), {literal(side + '=')})"]
        return there + [part_sql(f"{side}={n}", name_of(side, n), columns[n]) for n in shown if n in columns]

    def written_key_of(self, present: Sequence[str], key: str) -> str:
        """As the first side that knows the key wrote it."""
        asked = present or list(self.sides)
        written = [written_key(name, key) for name in asked if key in self.sides[name].written_keys]
        found = [f"CAST({name} AS STRING)" for name in written]
        return (
            f"COALESCE({', '.join([*found, super().written_key_of((), key)])})" if found else self._key(key)
        )


def _total(name: str, kind: Kind) -> str:
    function = "SUM" if kind.is_number else "BOOL_OR" if kind.name == "boolean" else "MIN"
    return render(parse(f"{function}(x)", Scope({"x": kind}, AGGREGATES)), lambda _, __: name)


def part_sql(path: str, sql: str, kind: Kind) -> str:
    """`<field><path><part><kind><part><value>`, or nothing where there is no value."""
    text = text_sql(sql, kind)
    if kind.name == "text":
        text = f"REPLACE(REPLACE({text}, CHR({FIELD}), ' '), CHR({PART}), ' ')"
    field = f"CHR({FIELD}), {literal(path)}, CHR({PART}), {literal(kind.name)}, CHR({PART})"
    return f"CASE WHEN {sql} IS NULL THEN '' ELSE CONCAT({field}, {text}) END"
