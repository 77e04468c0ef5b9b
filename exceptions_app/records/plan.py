"""A feed's mapping, resolved: which canonical columns it fills, from which source columns.

Knows neither rows nor SQL: `mapping_sql` writes it, `mapping` runs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expressions import MAPPING, Expr, Scope, parse
from exceptions_app.catalog.schema import ColumnType, DoorLookup, Feed, Mapped, Secret, Sensitivity
from exceptions_app.catalog.secrets import SecretError, value_of

from .errors import MappingError
from .layout import Layout
from .masking import strictest

FROZEN_PREFIX = "stored "
"""Before the name of a canonical column: what was stored of it, as a source column."""

_META_TYPES: dict[str, ColumnType] = {"entity": "text", "source_id": "text", "source_time": "timestamp"}


@dataclass(frozen=True)
class Target:
    """A canonical column that the feed fills."""

    name: str
    kind: ColumnType
    expr: Expr
    crosswalk: str | None
    optional: bool
    """The source may leave its fields out altogether."""
    conceal: str | None = None
    """What is stored instead: `hash` or `last4`."""
    key: str = ""
    """Of the hash."""
    look_up: DoorLookup | None = None
    scale: int = 4
    """How many decimals a number keeps."""


@dataclass(frozen=True)
class MappingPlan:
    """How one feed's rows become records. `only_keys` maps the identity alone, for lists of all keys."""

    catalog: Catalog
    feed: Feed
    layout: Layout
    fetched_at: datetime
    only_keys: bool = False
    replaying: bool = False
    """The rows are what was kept of rows that were mapped before: see `replayed`."""

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The columns of the identity that a row brings itself (its source system is the feed's)."""
        return tuple(name for name in self.layout.identity if name != "source_system")

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The columns without which a row is refused."""
        own = () if self.only_keys else self.layout.record_type.columns.items()
        return tuple(dict.fromkeys([*self.key, *(name for name, column in own if column.required)]))

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The columns to fill, in the order of the mapping. Raises `MappingError` for a name that is none."""
        wanted = self.feed.mapping.items()
        found = (
            self._target(name, value) for name, value in wanted if not self.only_keys or name in self.key
        )
        return tuple(
            self._frozen(target) if self.replaying and target.name in self.frozen else target
            for target in found
        )

    @cached_property
    def secret(self) -> frozenset[str]:
        """The source columns of which something is concealed: nobody keeps them as they came."""
        values = (
            value for value in self.feed.mapping.values() if isinstance(value, Mapped) and value.conceal
        )
        return frozenset(name for value in values for name in fields_of(self._parse(value.value)))

    @cached_property
    def frozen(self) -> frozenset[str]:
        """The canonical columns that read a secret one: of them only what was stored can be had again."""
        texts = {n: v.value if isinstance(v, Mapped) else v for n, v in self.feed.mapping.items()}
        return frozenset(
            name for name, text in texts.items() if self.secret & set(fields_of(self._parse(text)))
        )

    def _frozen(self, target: Target) -> Target:
        expr = self._parse(f'"{FROZEN_PREFIX}{target.name}"')
        return Target(target.name, target.kind, expr, None, optional=True, scale=target.scale)

    def _target(self, name: str, value: str | Mapped) -> Target:
        own = self.layout.record_type.columns.get(name)
        kind = own.type if own else _META_TYPES.get(name)
        if kind is None:
            known = ", ".join([*_META_TYPES, *self.layout.own])
            raise MappingError(
                "is no column of the record type", f"feed {self.feed.code}, mapping {name}", known
            )
        mapped = value if isinstance(value, Mapped) else Mapped.model_validate({"value": value})
        key = "" if mapped.conceal_key is None else self._revealed(name, mapped.conceal_key)
        expr = self._parse(mapped.value)
        return Target(
            name, kind, expr, mapped.crosswalk, mapped.optional, mapped.conceal, key, mapped.look_up,
            own.scale if own else Target.scale,
        )  # fmt: skip

    def _revealed(self, name: str, secret: Secret) -> str:
        try:
            return value_of(secret)
        except SecretError as error:
            where = f"feed {self.feed.code}, mapping {name}"
            raise MappingError(str(error), where, "the key of the hash") from None

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
        return tuple(dict.fromkeys(name for expr in expressions if expr for name in fields_of(expr)))

    def raw_name(self, _: str | None, name: str) -> str:
        """The column of `raw_page` that holds a source column."""
        return f"c{self.fields.index(name)}"

    @cached_property
    def needed(self) -> dict[str, str]:
        """Source column → the canonical column it feeds, for those that the source must always have."""
        conditions = {
            name: "where" for expr in (self.where, self.deleted) if expr for name in fields_of(expr)
        }
        return conditions | {
            n: target.name for target in self.targets if not target.optional for n in fields_of(target.expr)
        }

    @cached_property
    def sensitivities(self) -> dict[str, Sensitivity]:
        """Source column → the strictest sensitivity among the canonical columns that it feeds."""
        columns = self.layout.record_type.columns
        return {
            field: strictest(
                [
                    "patient" if t.conceal else columns[t.name].sensitivity
                    for t in self.targets
                    if t.name in columns and field in fields_of(t.expr)
                ]
            )
            for field in self.fields
        }


def fields_of(expr: Expr) -> list[str]:
    """The source columns that an expression reads."""
    return sorted(name for _, name in expr.columns)
