"""A feed's mapping as SQL, worked out once: raw text columns in, typed canonical columns and what is wrong
with them out. Knows no rows; `mapping` runs it page by page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expression_sql import write
from exceptions_app.catalog.expressions import MAPPING, Expr, Scope, parse, render
from exceptions_app.catalog.schema import ColumnType, Feed, Mapped, Sensitivity
from exceptions_app.duck import literal, literals, quoted

from .errors import MappingError
from .layout import Layout
from .masking import strictest
from .raw import RAW_TABLE
from .validation import out_of_range_sql, source_time_wrong_sql, typed_sql

DOOR_PREFIX = "door_"
MISSING, WRONG_TYPE, OUT_OF_RANGE, UNKNOWN_ENTITY, WRONG_SOURCE_TIME = (
    "missing",
    "type",
    "range",
    "entity",
    "time",
)
_CONVERTING = frozenset({"parse_date", "parse_timestamp", "parse_decimal", "cast"})
_META_TYPES: dict[str, ColumnType] = {"entity": "text", "source_id": "text", "source_time": "timestamp"}


@dataclass(frozen=True)
class Target:
    """A canonical column that the feed fills."""

    name: str
    kind: ColumnType
    expr: Expr
    required: bool
    crosswalk: str | None
    optional: bool
    """The source may leave its fields out altogether."""


@dataclass(frozen=True)
class MappingPlan:
    """How one feed's rows become records. `only_keys` maps the identity alone, for lists of all keys."""

    catalog: Catalog
    feed: Feed
    layout: Layout
    fetched_at: datetime
    only_keys: bool = False

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The columns of the identity that a row brings itself (its source system is the feed's)."""
        return tuple(name for name in self.layout.identity if name != "source_system")

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The columns to fill, in the order of the mapping. Raises `MappingError` for a name that is none."""
        wanted = self.feed.mapping.items()
        return tuple(
            self._target(name, value) for name, value in wanted if not self.only_keys or name in self.key
        )

    def _target(self, name: str, value: str | Mapped) -> Target:
        own = self.layout.record_type.columns.get(name)
        kind = own.type if own else _META_TYPES.get(name)
        if kind is None:
            known = ", ".join([*_META_TYPES, *self.layout.own])
            raise MappingError(
                "is no column of the record type", f"feed {self.feed.code}, mapping {name}", known
            )
        mapped = value if isinstance(value, Mapped) else Mapped.model_validate({"value": value})
        required = name in self.key or bool(own and own.required)
        return Target(name, kind, self._parse(mapped.value), required, mapped.crosswalk, mapped.optional)

    def _parse(self, text: str) -> Expr:
        return parse(text, Scope(None, functions=MAPPING))

    @cached_property
    def where(self) -> Expr | None:
        return self._parse(self.feed.where) if self.feed.where and not self.only_keys else None

    @cached_property
    def deleted(self) -> Expr | None:
        return self._parse(self.feed.deleted) if self.feed.deleted and not self.only_keys else None

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Every source column that is named anywhere; the rest of a raw row is never loaded."""
        expressions: Iterable[Expr | None] = (
            *(target.expr for target in self.targets),
            self.where,
            self.deleted,
        )
        return tuple(dict.fromkeys(name for expr in expressions if expr for name in _fields(expr)))

    @cached_property
    def needed(self) -> dict[str, str]:
        """Source column → the canonical column it feeds, for those that the source must always have."""
        conditions = {name: "where" for expr in (self.where, self.deleted) if expr for name in _fields(expr)}
        return conditions | {
            n: target.name for target in self.targets if not target.optional for n in _fields(target.expr)
        }

    @cached_property
    def sensitivities(self) -> dict[str, Sensitivity]:
        """Source column → the strictest sensitivity among the canonical columns that it feeds."""
        columns = self.layout.record_type.columns
        return {
            field: strictest(
                [
                    columns[t.name].sensitivity
                    for t in self.targets
                    if t.name in columns and field in _fields(t.expr)
                ]
            )
            for field in self.fields
        }

    # -- SQL

    def _name(self, _: str | None, name: str) -> str:
        return f"c{self.fields.index(name)}"

    @cached_property
    def checked_sql(self) -> str:
        """A SELECT over `raw_page`: `_i` (row number), `_position`, `_deleted`, then per column `f_` (the
        text that was found) and `v_` (its value), and `_bad`: `<code>:<column>` of all that is wrong, NULL
        where nothing is.
        """
        found = ", ".join(
            f"{self._found_sql(target)} AS {quoted('f_' + target.name)}" for target in self.targets
        )
        typed = ", ".join(
            f"{self._typed_sql(target)} AS {quoted('v_' + target.name)}" for target in self.targets
        )
        wrong = ", ".join(self._problems())
        deleted = f"coalesce({render(self.deleted, self._name)}, false)" if self.deleted else "false"
        where = f"WHERE coalesce({render(self.where, self._name)}, false)" if self.where else ""
        return (
            f"SELECT *, nullif(concat_ws(' ', {wrong}), '') AS _bad FROM (SELECT *, {typed} FROM ("
            f"SELECT {RAW_TABLE}.rowid AS _i, position AS _position, {deleted} AS _deleted, {found} "
            f"FROM {RAW_TABLE} {where}) {self._doors()})"
        )

    def _found_sql(self, target: Target) -> str:
        """The value as text; where a conversion failed and gave none, the text it could not convert."""
        value = f"nullif(trim(CAST({render(target.expr, self._name)} AS VARCHAR)), '')"
        converting = [node for node in target.expr.tree.walk() if node.op in _CONVERTING]
        failed = [
            f"CASE WHEN {write(node, self._name)} IS NULL "
            f"THEN CAST({write(node.args[0], self._name)} AS VARCHAR) END"
            for node in converting
        ]
        return f"coalesce({', '.join([value, *failed])})" if failed else value

    def _typed_sql(self, target: Target) -> str:
        text = quoted("f_" + target.name)
        if target.crosswalk:
            text = f"coalesce({quoted(DOOR_PREFIX + target.name)}.canonical, {text})"
        return typed_sql(text, target.kind)

    def _doors(self) -> str:
        joins = (
            quoted(DOOR_PREFIX + t.name)
            + f" ON {quoted('f_' + t.name)} = {quoted(DOOR_PREFIX + t.name)}.local"
            for t in self.targets
            if t.crosswalk
        )
        return " ".join(f"LEFT JOIN {join}" for join in joins)

    def _problems(self) -> list[str]:
        given = {target.name for target in self.targets}
        required = [
            *self.key,
            *(name for name, column in self.layout.record_type.columns.items() if column.required),
        ]
        unmapped = [
            f"'{MISSING}:{name}'"
            for name in dict.fromkeys(required)
            if name not in given and (name in self.key or not self.only_keys)
        ]
        return [*unmapped, *(problem for target in self.targets for problem in self._problems_of(target))]

    def _problems_of(self, target: Target) -> Iterable[str]:
        found, value = quoted("f_" + target.name), quoted("v_" + target.name)
        tests = {WRONG_TYPE: f"{found} IS NOT NULL AND {value} IS NULL"}
        if target.required:
            tests[MISSING] = f"{found} IS NULL"
        if target.name == "entity" and self.layout.by_entity:
            tests[UNKNOWN_ENTITY] = (
                f"{value} NOT IN ({literals(self.catalog.entities)})" if self.catalog.entities else "true"
            )
        if target.name == "source_time":
            tests[WRONG_SOURCE_TIME] = source_time_wrong_sql(value, self.fetched_at)
        elif (outside := out_of_range_sql(value, target.kind)) is not None:
            tests[OUT_OF_RANGE] = outside
        excused = "" if target.name in (*self.key, "source_time") else " AND NOT _deleted"
        for code, test in tests.items():
            yield f"CASE WHEN ({test}){excused} THEN {literal(f'{code}:{target.name}')} END"

    @cached_property
    def records_sql(self) -> str:
        """A SELECT over `checked_page` of the rows that are right: `_i`, `_position`, `_deleted`, and the
        record.
        """
        given = {target.name: quoted("v_" + target.name) for target in self.targets}
        key = ", ".join(given.get(name, "NULL") for name in self.layout.record_type.key)
        values = {
            "source_system": literal(self.feed.system),
            "source_id": f"coalesce({given.get('source_id', 'NULL')}, concat_ws('/', {key}))",
            "source_time": f"coalesce({given.get('source_time', 'NULL')}, {literal(self.fetched_at)})",
            "fetched_at": literal(self.fetched_at),
            "run_id": "NULL",
        }
        if not self.layout.by_entity:
            values["entity"] = "NULL"
        columns = ", ".join(
            f"CAST({values.get(name) or given.get(name, 'NULL')} AS {kind}) AS {quoted(name)}"
            for name, kind in self.layout.visible.items()
        )
        return f"SELECT _i, _position, _deleted, {columns} FROM checked_page WHERE _bad IS NULL"


def _fields(expr: Expr) -> list[str]:
    return sorted(name for _, name in expr.columns)
