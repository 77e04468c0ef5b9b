"""What people work with: categories, queues, routing, service levels."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from .base import Code, Name, Shape, Span
from .shown import Draft

Severity = Literal["low", "medium", "high", "critical"]


class Reason(Shape):
    """Why an exception ended, as a person may say it."""

    code: Code
    label: str


FactName = Annotated[str, StringConstraints(pattern=r"^(key\.)?[a-z][a-z0-9_]*$", max_length=71)]
"""A fact of an exception, or `key.x`: a part of its business key, as the source wrote it."""


class CausedBy(Shape):
    """What exceptions of a category follow from: one cause per distinct value of `key`.

    With `crosswalk`, only what that crosswalk does not know is a cause, per system that wrote it.
    """

    category: Code = Field(description="the category of the cause, which is an exception too")
    key: dict[Name, FactName] = Field(min_length=1, description="a fact of the cause -> where it is here")
    crosswalk: Code | None = Field(None, description="the key's one value is an identifier that it lacks")
    side: Name | None = Field(None, description="the side of the check that wrote it: says which system")
    side_fact: FactName | None = Field(None, description="the fact that names that side, where it varies")
    when: dict[FactName, str] = Field(default_factory=dict, description="facts that must have these values")
    at_least: int = Field(1, ge=1, description="so many exceptions make a cause")

    @model_validator(mode="after")
    def _one_identifier(self) -> CausedBy:
        if self.crosswalk is not None and len(self.key) != 1:
            raise ValueError("one key beside a crosswalk: the identifier that it lacks")
        if self.side is not None and self.side_fact is not None:
            raise ValueError("a side, or the fact that names it")
        return self


class Supplies(Shape):
    """What mends a cause once: a row of reference data that no system holds."""

    record: Name
    columns: dict[Name, Name] = Field(description="column of the record -> fact of the cause")
    ask: list[Name] = Field(min_length=1, description="columns that a person gives")


class ReferenceRow(Shape):
    """A row of reference data that the configuration holds itself. A feed that brings the same key wins."""

    record: Name
    values: dict[Name, str] = Field(min_length=1)


class Category(Shape):
    """The business name of what is wrong. `rank` says how specific it is: the lowest on a line is primary."""

    code: Code
    title: str
    rank: int = 500
    sentence: str = Field(
        description="what is wrong, with {fact}, {fact|money}, {fact|quantity}, {fact|date}"
    )
    cause: str
    guidance: list[str] = Field(min_length=1)
    draft: Draft | None = Field(None, description="a letter, where writing to somebody is the natural step")
    owner: str
    ball: Literal["us", "supplier", "requester", "receiving", "payroll", "it", "buyer"] = "us"
    queue: Code
    severity: Severity = "medium"
    reasons: list[Reason] = Field(default_factory=list)
    target: Span
    first_response: Span | None = Field(None, description="by when somebody must have taken it up")
    waivable: bool = True
    caused_by: list[CausedBy] = Field(
        default_factory=list, description="master data and mappings that it follows from; the first that fits"
    )
    shared: dict[Code, str] = Field(
        default_factory=dict,
        description="facts that many may have in common -> how a cluster says it: `of item {value}`",
    )
    supplies: Supplies | None = Field(None, description="of a cause: the reference data that mends it once")


class Queue(Shape):
    code: Code
    name: str
    calendar: Code
    description: str = ""
    escalation: str = Field("", description="the function that is told of a breach, e.g. Controller")


TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class MonthlyCutoff(Shape):
    """A cut-off on the n-th business day of every month (-1: the last one), at a local time of day."""

    business_day: int = Field(ge=-23, le=23, description="1: the first business day, -1: the last")
    at: TimeOfDay = "17:00"


class Cutoff(Shape):
    """An instant by which work must be done whatever its target says: a close, a payroll, a payment run.

    Local times in the calendar's zone: single `dates`, every month by `monthly`, or the day that an exception says
    (`by_fact`). Which exceptions it concerns is said as in routing, and by `fact`; an empty condition fits everything.
    """

    code: Code
    title: str
    kind: Literal["close", "payroll", "pay_group", "payment_run", "discount"] = "close"
    calendar: Code
    dates: list[datetime] = Field(default_factory=list, description="local times, without a zone")
    monthly: MonthlyCutoff | None = None
    by_fact: FactName | None = Field(
        None,
        description="a fact, or `key.x` of the business key, that is the day or the instant, instead of both",
    )
    at: TimeOfDay = Field("17:00", description="when the day that `by_fact` says is over")
    closes: Literal["to_date", "month_before"] = Field(
        "to_date",
        description="what is closed: all until the cut-off, or until the end of the month before it",
    )
    starts: date | None = Field(None, description="no cut-off before this date")
    category: list[Code] = Field(default_factory=list)
    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    queue: list[Code] = Field(default_factory=list)
    fact: dict[FactName, list[str]] = Field(
        default_factory=dict,
        description="facts, or `key.x` of the business key -> the values it is for: a pay group",
    )


class Route(Shape):
    """First fit, top down; an empty condition fits everything."""

    category: list[Code] = Field(default_factory=list)
    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    severity: list[Severity] = Field(default_factory=list)
    amount_from: Decimal | None = Field(None, description="in reporting currency")
    queue: Code


class Assignment(Shape):
    """Who is given an exception that nobody has: first fit, top down; where none fits, people claim.

    Given to people who work on its queue and entity, are not away, and did not hand it back. Whoever has the whole
    network as their scope by `*` is given work only where `function` names them.
    """

    code: Code
    category: list[Code] = Field(default_factory=list)
    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    severity: list[Severity] = Field(default_factory=list)
    queue: list[Code] = Field(default_factory=list)
    amount_from: Decimal | None = Field(None, description="in reporting currency")
    by: Literal["round_robin", "load", "entity", "supplier"] = Field(
        description="in turns; the fewest open; the narrowest scope around the entity; who has that supplier"
    )
    function: str = Field("", description="only people of this function; empty: specialists")
    at_most: int | None = Field(None, ge=1, description="nobody is given more than so many open ones")


class SlaPolicy(Shape):
    """First fit, top down; where none fits, the category's own target holds."""

    code: Code
    category: list[Code] = Field(default_factory=list)
    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    severity: list[Severity] = Field(default_factory=list)
    queue: list[Code] = Field(default_factory=list)
    amount_from: Decimal | None = None
    target: Span
    first_response: Span | None = Field(None, description="default: the category's own")
    calendar: Code | None = Field(None, description="default: the queue's")
