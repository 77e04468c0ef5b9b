"""Sides of a check: which records say something, and the reference data that is looked up for them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from .base import Code, Expression, Name, Shape

SideOrLookup = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$", max_length=127)
]
"""`side`, or `side.lookup`."""


class Lookup(Shape):
    """Reference data joined to each row of a side before it aggregates; of several, `pick` decides, or adds them up.

    With `as_of`, only what holds on that day counts: from `valid_from` to `valid_to`, both inclusive, an empty
    `valid_to` without end. Of several that hold, those that began last do.
    """

    record: Name
    kind: Code | None = None
    on: dict[Name, Expression] = Field(description="lookup column -> expression over the side's row")
    where: Expression | None = Field(None, description="which reference rows count, over the lookup's record")
    columns: list[Name] = Field(min_length=1)
    pick: Literal["min", "max", "sum"] = "min"
    as_of: Expression | None = Field(None, description="a date, over the side's row")
    valid_from: Name | None = Field(None, description="the column with the first day; needed with `as_of`")
    valid_to: Name | None = Field(None, description="the column with the last day")
    sequence: Name | None = Field(None, description="of several that began on one day, the highest counts")
    needed: bool = Field(False, description="without a feed that brings it the check does not run")

    @model_validator(mode="after")
    def _dated(self) -> Lookup:
        if (self.as_of is None) != (self.valid_from is None):
            raise ValueError("as_of together with valid_from")
        if self.valid_to is not None and self.as_of is None:
            raise ValueError("as_of and valid_from beside valid_to")
        if self.sequence is not None and self.as_of is None:
            raise ValueError("as_of and valid_from beside sequence")
        if self.pick == "sum" and self.as_of is not None:
            raise ValueError("min or max: what holds on a day is one row, and is not added up")
        return self


class Side(Shape):
    """One party to the comparison: records of one type, from systems of one kind, or named ones.

    Where it names neither, it reads the type's system of record, or every system where that one has no
    feed.

    `columns` are expressions over the record (its columns by name, look-ups as `lookup.column`); when any
    of them aggregates, the side is grouped by the check's key. A column with a crosswalk is canonical; what
    the source wrote is `<column>_source`.
    """

    record: Name
    kind: Code | None = None
    systems: list[Code] | None = None
    where: Expression | None = None
    key: dict[Name, Expression] = Field(
        default_factory=dict, description="key column -> expression; default: same name"
    )
    latest: list[Name] = Field(
        default_factory=list, description="of several rows with one key, the one with the highest of these"
    )
    lookups: dict[Name, Lookup] = Field(default_factory=dict)
    columns: dict[Name, Expression]
    told: list[Name] = Field(
        default_factory=list,
        description="columns that are shown and never compared: no change of theirs is news",
    )
    optional: bool = Field(False, description="the check also runs where no feed provides this side")
