"""The hospital network as data: entities, calendars, systems, feeds, crosswalks. No facility is ever code."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .base import Code, Duration, Email, Expression, Interval, Name, Recipient, SecretRef, Shape
from .delivery import DeliveryRules


class Calendar(Shape):
    """Business time: local weekly hours less breaks and holidays. Times are local `HH:MM-HH:MM` in `time_zone`.

    `breaks` are taken out of every day's hours. `shifts` replace a date's hours altogether, holiday or not (an
    empty list: closed); breaks do not shorten them.
    """

    code: Code
    time_zone: str = "UTC"
    always_open: bool = False
    weekly: dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], list[str]] = Field(
        default_factory=dict
    )
    breaks: list[str] = Field(default_factory=list)
    shifts: dict[date, list[str]] = Field(default_factory=dict)
    holidays_country: str | None = None
    holidays_subdivision: str | None = None
    holidays_extra: dict[date, str] = Field(default_factory=dict)
    working_days_extra: list[date] = Field(default_factory=list)
    hours_per_day: float | None = Field(
        None, description="hours of one business day; default: the longest weekday"
    )


class Entity(Shape):
    """A legal entity, hospital or site; `parent` makes the tree."""

    code: Code
    name: str
    kind: str = "hospital"
    parent: Code | None = None
    region: str | None = None
    time_zone: str = "UTC"
    calendar: Code | None = Field(None, description="default: the parent's, else the queue's")
    currency: str = "USD"
    valid_from: date | None = None
    valid_to: date | None = None
    letters: dict[Recipient, Email] = Field(
        default_factory=dict, description="whom one writes to where no record says it; default: the parent's"
    )


class System(Shape):
    """An application that holds records. `kind` is what packs refer to; `code` is the site's name for it."""

    code: Code
    name: str
    kind: Literal[
        "erp", "procurement", "supplier_portal", "ap_automation", "hcm", "payroll", "identity", "wms",
        "grants", "file_source", "other",
    ]  # fmt: skip
    connector: Name
    connection: dict[str, Any] = Field(
        default_factory=dict, description="checked by the connector's own model"
    )
    record_urls: dict[Name, str | list[str]] = Field(
        default_factory=dict,
        description="record type -> link pattern (of several the first that can be filled), may begin with env:NAME",
    )
    delivery: DeliveryRules = DeliveryRules()


def _time_of_day(value: Any) -> Any:
    """YAML takes a bare 16:30 for 16 times 60 and 30."""
    return f"{value // 60:02}:{value % 60:02}" if isinstance(value, int) and 0 <= value < 24 * 60 else value


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected a time zone such as Europe/Berlin") from None


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class DeliverBy(Shape):
    """By when a delivery has to have come on each of these days; one that came after the deadline before counts."""

    at: Annotated[str, BeforeValidator(_time_of_day), Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    time_zone: TimeZone = "UTC"
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], min_length=1
    )


class Rhythm(Shape):
    """When a feed that brings nothing is silent, judged by its own past: longer than `times` the `quantile` of the
    gaps that began at the same time of the week. Days on which `calendar` is closed do not count.
    """

    calendar: Code | None = Field(
        None, description="whose weekends and holidays count as closed; none: every day counts"
    )
    quantile: float = Field(0.99, ge=0.5, le=1)
    times: float = Field(1.5, ge=1)
    at_least: Duration = timedelta(hours=1)
    days: int = Field(60, ge=7, le=400, description="so many days are learned from")


class Volume(Shape):
    """How many records are usual, learned from the feed's own past: of a snapshot in each delivery, else on each day.
    Far from it is less than `lower` or more than `upper` percent, and at least `at_least` records away.
    """

    calendar: Code | None = Field(
        None, description="whose days they are, and which are closed; none: every day in UTC counts"
    )
    lower: int = Field(25, ge=0, le=100)
    upper: int = Field(400, ge=100)
    at_least: int = Field(20, ge=1)
    days: int = Field(60, ge=14, le=400, description="so many days are learned from")
    history: int = Field(10, ge=3, description="fewer days known of a kind say nothing")
    since: date | None = Field(None, description="days before it are not learned from")


class Contract(Shape):
    """What a feed promises, and who answers for it."""

    version: str = "1"
    owner_technical: str = ""
    owner_business: str = ""
    criticality: Literal["low", "medium", "high", "critical"] = "medium"
    latency: Duration = timedelta(minutes=15)
    deliver_by: DeliverBy | None = None
    rhythm: Rhythm | None = None
    volume: Volume | None = None
    accept_fields: list[str] = Field(
        default_factory=list,
        description="fields of the source that may be new or change their kind unsaid: names, or patterns with *",
    )
    most_gone: int = Field(
        default=50,
        ge=0,
        le=100,
        description="percent: a whole read that lacks more of what is known is not believed",
    )


class DoorLookup(Shape):
    """What stored reference records say of a value that a source sends."""

    record: Name = Field(description="the record type that is asked")
    column: Name = Field(description="what is taken from the record: one of its columns, or entity")
    by: Name | None = Field(None, description="the column that the value is; default: the record's only key")
    system: Code | None = Field(None, description="only records of this system")
    absent: Literal["reject", "empty"] = Field(
        "reject", description="what becomes of a row whose value no record knows: refused, or left without it"
    )


class Mapped(Shape):
    """One canonical column: an expression over the raw row, perhaps translated by a crosswalk or looked up."""

    value: Expression
    crosswalk: Code | None = None
    look_up: DoorLookup | None = None
    optional: bool = Field(False, description="the source leaves the field out of rows that have no value")
    conceal: Literal["hash", "last4"] | None = Field(
        None, description="what is stored instead of the value: its keyed hash, or its last four characters"
    )
    conceal_key: SecretRef | None = Field(None, description="the key of the hash, a secret")

    @model_validator(mode="after")
    def _hash_has_a_key(self) -> Mapped:
        if (self.conceal == "hash") != (self.conceal_key is not None):
            raise ValueError(
                "conceal: hash and conceal_key belong together: without a key a hash is soon guessed"
            )
        return self


class Feed(Shape):
    """How records of one type come from one system.

    `snapshot`: every read holds all records (absence is a deletion). `keys_and_changes`: changed rows, and
    the list of all keys. `changes`: changed rows only (cannot prove absence).
    """

    code: Code
    title: str = ""
    system: Code
    record_type: Name
    mode: Literal["snapshot", "keys_and_changes", "changes"] = "changes"
    every: Interval = timedelta(minutes=5)
    lag: Duration = timedelta(minutes=5)
    read: dict[str, Any] = Field(default_factory=dict, description="checked by the connector's own model")
    mapping: dict[Name, Expression | Mapped]
    where: Expression | None = Field(None, description="rows of the source that belong to this feed")
    deleted: Expression | None = Field(None, description="a boolean: the row says that its record is gone")
    contract: Contract = Contract()
    enabled: bool = True


class Crosswalk(Shape):
    """The map from one system's local identifier to the canonical one. Entries inline, or in a CSV file
    beside.

    CSV columns: `system,local,canonical` (`system` empty: every system).
    """

    code: Code
    title: str = ""
    file: str | None = None
    entries: list[CrosswalkEntry] = Field(default_factory=list)


class CrosswalkEntry(Shape):
    system: Code | None = None
    local: str
    canonical: str
