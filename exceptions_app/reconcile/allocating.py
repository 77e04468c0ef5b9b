"""An allocation check: a balance whose documents have no key in common. They are allocated by amount first, and what is
left over makes the difference.

The documents are read once for the allocation; its result stands in a table of the session, which the statement of the
balance joins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields
from datetime import datetime

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import read_check
from exceptions_app.catalog.expressions import PRESENT, Kind, quote
from exceptions_app.catalog.schema import AllocationCheck

from .allocation import Place, allocate, told
from .balance import BalanceCompiler, part_sql
from .errors import CheckError
from .joining import name_of, null_sql, written_key
from .match import CompiledMatch
from .sides import source_key

_TABLE = quote("allocated documents")
_STATE, _CANDIDATES = quote("document state"), quote("document candidates")
_SEPARATOR = "CHR(31)"


@dataclass(frozen=True, slots=True)
class CompiledAllocation(CompiledMatch):
    """`documents` gives what is to be allocated: side, group, document, amount in ten-thousandths, and whether the
    other side must know it by now.
    """

    documents: str
    searched: int
    parts: int

    def prepare(self, con: duckdb.DuckDBPyConnection, values: Mapping[str, datetime | None]) -> None:
        """Allocate, group by group, and put the result where the statement finds it."""
        used = {name: value for name, value in values.items() if f"${name}" in self.documents}
        groups: dict[str, tuple[dict[str, int], dict[str, int]]] = defaultdict(lambda: ({}, {}))
        young: dict[str, set[Place]] = defaultdict(set)
        for side, group, document, amount, is_old in con.execute(self.documents, used).fetchall():
            groups[group][side][document] = int(amount)
            if not is_old:
                young[group].add((side, document))
        con.execute(
            f'CREATE OR REPLACE TEMP TABLE {_TABLE} ("of side" INTEGER, "of group" VARCHAR,'
            ' "of document" VARCHAR, "their state" VARCHAR, "their candidates" VARCHAR)'
        )
        rows = [row for group, sides in groups.items() for row in self._rows(group, sides, young[group])]
        if rows:
            columns = dict(zip("abcde", map(list, zip(*rows, strict=True)), strict=True))
            unnested = ", ".join(f"UNNEST(${name})" for name in columns)
            con.execute(f"INSERT INTO {_TABLE} SELECT {unnested}", columns)

    def _rows(
        self, group: str, sides: Sequence[Mapping[str, int]], young: Set[Place]
    ) -> list[tuple[int, str, str, str, str]]:
        found = allocate(sides, self.searched, self.parts, young)
        rows = [(side, group, document, "allocated", "") for side, document in sorted(found.done)]
        return rows + [
            (side, group, document, "ambiguous", told([tuple(map(_said, one)) for one in candidates]))
            for (side, document), candidates in sorted(found.candidates.items())
        ]


def _said(document: str) -> str:
    return document.replace(chr(31), " ")


def compile_allocation(
    check: AllocationCheck, catalog: Catalog, *, together: bool = False
) -> CompiledAllocation:
    """Raises `CheckError` where a side has no feed."""
    expressions = read_check(check, catalog.record_types)
    for path, error in expressions.refused:
        raise CheckError(str(error), f"{check.code}: {'.'.join(map(str, path))}")
    compiler = _AllocationCompiler(check, catalog, expressions.accepted, together=together)
    compiled = compiler.compile()
    known = {field.name: getattr(compiled, field.name) for field in fields(CompiledMatch)}
    return CompiledAllocation(
        **known, documents=compiler.to_allocate(), searched=check.searched, parts=check.parts
    )


class _AllocationCompiler(BalanceCompiler):
    check: AllocationCheck

    def also_shown(self) -> Sequence[tuple[None, str, Kind]]:
        return [*super().also_shown(), (None, "ambiguous", Kind("integer"))]

    def to_allocate(self) -> str:
        """Every document that counts, of either side."""
        where = f" WHERE {self.counted()}" if self.counted() else ""
        amount = f"CAST({super().difference()} * 10000 AS DECIMAL(38, 0))"
        first = name_of(next(iter(self.sides)), PRESENT)
        signed = f"CASE WHEN {first} THEN {amount} ELSE -({amount}) END"
        return (
            f"SELECT CASE WHEN {first} THEN 0 ELSE 1 END, {self._group()}, {self._document()}, {signed},"
            f" COALESCE({self.settled(self.since())}, FALSE) FROM ({self._both()}) AS j{where}"
        )

    def rows(self) -> str:
        first = name_of(next(iter(self.sides)), PRESENT)
        same = f't."of group" = {self._group()} AND t."of document" = {self._document()}'
        return (
            f'SELECT j.*, t."their state" AS {_STATE}, t."their candidates" AS {_CANDIDATES} FROM ({self._both()}) AS j'
            f' LEFT JOIN {_TABLE} AS t ON t."of side" = CASE WHEN {first} THEN 0 ELSE 1 END AND {same}'
        )

    def difference(self) -> str:
        return f"CASE WHEN {_STATE} = 'allocated' THEN 0 ELSE {super().difference()} END"

    def totals(self) -> list[str]:
        return [*super().totals(), f"COUNT(CASE WHEN {_STATE} = 'ambiguous' THEN 1 END) AS \"ambiguous\""]

    def item_of(self, side: str) -> list[str]:
        return [*super().item_of(side), part_sql(f"{side}=candidates", _CANDIDATES, Kind("text"))]

    def _group(self) -> str:
        return self._one_text([*self.apart, *self.check.key])

    def _document(self) -> str:
        return self._one_text(self.check.documents.key)

    def _one_text(self, names: Sequence[str]) -> str:
        return f"CONCAT({f', {_SEPARATOR}, '.join(f'CAST({quote(name)} AS STRING)' for name in names)}, '')"

    def _both(self) -> str:
        """The documents of both sides below each other; what a side does not say is NULL."""
        selects = []
        for name, plan in self.sides.items():
            selected = [f"s.{quote(key)} AS {quote(key)}" for key in [*self.apart, *self.check.row_key]]
            for other, its in self.sides.items():
                own = other == name
                for column, kind in its.columns.items():
                    sql = f"s.{quote(column)}" if own else null_sql(kind)
                    selected.append(f"{sql} AS {name_of(other, column)}")
                for key in sorted(its.written_keys):
                    sql = f"s.{quote(source_key(key))}" if own else "CAST(NULL AS STRING)"
                    selected.append(f"{sql} AS {written_key(other, key)}")
                present = "TRUE" if own else "CAST(NULL AS BOOLEAN)"
                selected.append(f"{present} AS {quote(other + ' present')}")
            selects.append(f"SELECT {', '.join(selected)} FROM ({plan.sql}) AS s")
        return " UNION ALL ".join(selects)
