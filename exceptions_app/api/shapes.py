"""What the API answers, as pydantic models: names, units and zones as the OpenAPI document tells them.

Amounts are exact decimals as text. Times are UTC, ISO 8601. Codes are those of the site's configuration.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Answers are built from the queries' frozen dataclasses."""

    model_config = ConfigDict(from_attributes=True)


class ExceptionLine(Shape):
    """One exception as a line of the queue."""

    reference: str = Field(description="its own reference, e.g. EX-7F3K2Q")
    business_reference: str = Field(description="order, invoice, employee, item or award")
    sentence: str = Field(description="what is wrong, with the figures")
    check: str
    category: str
    entity: str
    queue: str
    severity: Literal["low", "medium", "high", "critical"]
    status: Literal["open", "awaiting_confirmation", "resolved", "waived"]
    stage: Literal["on_track", "due_soon", "breached", "paused", "stopped"]
    counterparty: str | None
    amount: Decimal | None
    currency: str | None
    reporting_amount: Decimal | None = Field(description="in the site's reporting currency")
    owner: str | None
    recurring: bool
    on_hold: bool
    ball_in_court: str | None
    since_at: datetime
    opened_at: datetime
    due_at: datetime | None
    resolved_at: datetime | None
    end_reason: str | None
    retries: int


class ExceptionPage(Shape):
    """One page of a filter. `next` continues it; null on the last page."""

    exceptions: list[ExceptionLine]
    next: str | None
    count: int
    count_is_capped: bool = Field(description="there are more than `count`")


class CellShape(Shape):
    """What one side says of one fact; `kind` is value, absent, none, masked or elsewhere."""

    text: str
    differs: bool
    kind: str


class FactShape(Shape):
    label: str
    cells: list[CellShape]


class HeadShape(Shape):
    code: str
    title: str
    systems: str
    is_record: bool = Field(description="the system of record")
    present: bool


class SidesShape(Shape):
    """The side by side: a head and a cell per system, masked by what the person may see."""

    heads: list[HeadShape]
    rows: list[FactShape]
    tolerances: list[str]


class HappeningShape(Shape):
    """One line of the timeline."""

    at: datetime
    who: str
    did: str


class PausedShape(Shape):
    """The clock's own time that one party took, in seconds; `party` null: the exception had ended meanwhile."""

    party: str | None
    time: timedelta


class DayOffShape(Shape):
    day: date
    name: str


class CutoffShape(Shape):
    code: str
    title: str
    at: datetime


class ExplanationShape(Shape):
    """One deadline in a sentence, and what it is made of. `due_at` is null where nobody can say: on hold."""

    sentence: str
    target: str
    started_at: datetime
    paused: list[PausedShape]
    on_hold_since: datetime | None
    left: timedelta | None
    skipped: list[DayOffShape]
    cutoff: CutoffShape | None = Field(description="what comes before the target")
    due_at: datetime | None
    zone: str


class ResponseShape(Shape):
    """The first response of a person: when it was due, when it came, and why it was due then."""

    due_at: datetime
    responded_at: datetime | None
    missed: bool
    sentence: str


class ClockShape(Shape):
    target: str
    calendar: str
    used: int = Field(description="percent of the time there is")
    explanation: ExplanationShape | None
    response: ResponseShape | None


class ExceptionDetail(ExceptionLine):
    """One exception with its sides, its guidance and its clock."""

    cause: str
    guidance: list[str]
    whose_move: str
    clock: ClockShape
    sides: SidesShape
    also: list[str]
    timeline: list[HappeningShape]


def _of_our_calendar(at: datetime) -> datetime:
    if not 1900 <= at.year < 2200:
        raise ValueError("expected a year from 1900 to 2199")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_of_our_calendar)]


class QueueQuery(Shape):
    """The queue's own filter. Each list may be repeated: `?queue=accounts_payable&queue=buyers`."""

    model_config = ConfigDict(extra="forbid", strict=False)

    queue: list[str] = []
    category: list[str] = []
    entity: list[str] = Field([], description="with everything below it")
    owner: list[str] = Field([], description="ids, `me` or `none`")
    stage: list[str] = []
    severity: list[str] = []
    ball: list[str] = []
    status: Literal["live", "any", "open", "awaiting_confirmation", "resolved", "waived"] = "live"
    hold: Literal["yes", "no"] | None = None
    due: Moment | None = Field(None, description="due by then; with its zone")
    since: Moment | None = Field(None, description="opened from then on; with its zone")
    q: str = Field("", max_length=200)
    sort: Literal["due", "-due", "amount", "-amount", "opened", "-opened"] = "due"
    after: str | None = Field(None, description="`next` of the page before")
    size: int = Field(default=50, ge=1, le=200)
