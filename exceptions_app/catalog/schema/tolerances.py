"""Tolerances: limits as data, which explain themselves, and who has a wider one."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, Field, model_validator

from .base import Code, Expression, Name, Shape


class ScopedTolerance(Shape):
    """A wider limit for some: what is within it is not raised either. It never makes anything stricter.

    In the currency and the direction of the tolerance that it belongs to. `since` leaves alone what has been so
    for longer (a closed period); after `until` it no longer holds. Both are instants.
    """

    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    counterparty: list[str] = Field(default_factory=list, description="as exceptions name it")
    facts: dict[Name, list[str]] = Field(
        default_factory=dict,
        description="fact of the finding, or part of its key -> the values meant, as text",
    )
    absolute: Decimal | None = Field(None, ge=0)
    percent: Decimal | None = Field(None, ge=0)
    combine: Literal["any", "all", "max", "sum"] = "any"
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _limited(self) -> ScopedTolerance:
        if self.absolute is None and self.percent is None:
            raise ValueError("absolute or percent")
        if not self.entity and not self.counterparty and not self.facts:
            raise ValueError("entity, counterparty or facts; what is for all is the tolerance itself")
        if not all(self.facts.values()):
            raise ValueError("facts with values: a fact without any fits nothing")
        return self


class Tolerance(Shape):
    """A limit that explains itself. Outside means: over `ignore_below`, and over the combined limit.

    `any`: outside when over the absolute or the percent limit; `all`: only when over both; `max`: the
    larger of the two is the limit; `sum`: both together are the limit. `percent` is of the base that the
    check names. `over`/`under` restrict the direction (difference > 0 is over).
    """

    absolute: Decimal | None = None
    currency: str | None = None
    percent: Decimal | None = None
    combine: Literal["any", "all", "max", "sum"] = "any"
    ignore_below: Decimal = Decimal(0)
    over: bool = True
    under: bool = True
    scoped: list[ScopedTolerance] = Field(default_factory=list, description="wider limits for some")


class ToleranceUse(Shape):
    """`difference` and `base` are expressions over the sides; percent means percent of `base`.

    Both may be multiples of the real figures, `scale` times as large (a price per hundred, a price per
    case), so that the verdict needs no division. In the finding's `facts` and `amount`, the bare names
    `difference` and `base` are the real figures; the facts `tolerance` and `excess` are filled without
    being asked for.
    """

    name: Name
    difference: Expression
    base: Expression = "0"
    scale: Expression = "1"
    format: Literal["money", "quantity", "number"] = "money"
