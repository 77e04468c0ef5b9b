"""What people work with: categories, queues, routing, service levels."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from .base import Code, Shape, Span

Severity = Literal["low", "medium", "high", "critical"]


class Reason(Shape):
    """Why an exception ended, as a person may say it."""

    code: Code
    label: str


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
    owner: str
    ball: Literal["us", "supplier", "requester", "receiving", "payroll", "it", "buyer"] = "us"
    queue: Code
    severity: Severity = "medium"
    reasons: list[Reason] = Field(default_factory=list)
    target: Span
    waivable: bool = True


class Queue(Shape):
    code: Code
    name: str
    calendar: Code
    description: str = ""
    escalation: str = ""


class Route(Shape):
    """First fit, top down; an empty condition fits everything."""

    category: list[Code] = Field(default_factory=list)
    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    severity: list[Severity] = Field(default_factory=list)
    amount_from: Decimal | None = Field(None, description="in reporting currency")
    queue: Code


class SlaPolicy(Shape):
    """First fit, top down; where none fits, the category's own target holds."""

    code: Code
    category: list[Code] = Field(default_factory=list)
    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    severity: list[Severity] = Field(default_factory=list)
    queue: list[Code] = Field(default_factory=list)
    amount_from: Decimal | None = None
    target: Span
    calendar: Code | None = Field(None, description="default: the queue's")
