"""What can be sent to a system on an exception's behalf: operations, their fields, how errors are told apart."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from .base import Code, Duration, Name, Shape
from .records import ColumnType, Sensitivity

Outcome = Literal["accepted", "transient", "permanent", "unknown"]
SOURCE = r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"
_FACTOR = r"^([a-z][a-z0-9_]*\.)?[a-z][a-z0-9_]*$"


class DeliveryRules(Shape):
    """How a system takes what is sent to it: whether it honours idempotency keys, how fast, when to let it rest.

    `rate_per_second` 0: as fast as it answers. After `breaker_failures` transient failures in a row nothing is
    sent for `breaker_pause` (twice as long after each failed probe, up to `breaker_longest`), then one probe.
    """

    idempotent: bool = False
    rate_per_second: Decimal = Field(default=Decimal(0), ge=0)
    concurrency: int = Field(default=4, ge=1, le=64)
    breaker_failures: int = Field(default=5, ge=1)
    breaker_pause: Duration = timedelta(seconds=30)
    breaker_longest: Duration = timedelta(minutes=15)


class SentField(Shape):
    """One value of a write. `source` says where it comes from: `key.<column>`, `<side>.<column>`, `let.<name>` or
    `fact.<name>` of the exception.

    With `edit` a person may change it before it is sent: typed, and one of `one_of` where that is given. `times` and
    `per` say what a figure comes to, for `approve_above`: a price times its quantity, per 100.
    """

    source: str = Field(pattern=SOURCE)
    label: str = ""
    type: ColumnType = "text"
    required: bool = True
    edit: bool = False
    one_of: list[str] = Field(default_factory=list)
    sensitivity: Sensitivity = "internal"
    times: str | None = Field(
        None, pattern=_FACTOR, description="a source, or another field of the operation"
    )
    per: str | None = Field(None, pattern=_FACTOR, description="the same: what it is then divided by")


class Backoff(Shape):
    """Waits between tries: `first_wait`, then twice as long each time up to `longest_wait`, each with full jitter
    above `shortest_wait`. A `Retry-After` of the system is honoured where it is longer.
    """

    max_tries: int = Field(default=8, ge=1, le=100)
    first_wait: Duration = timedelta(seconds=5)
    shortest_wait: Duration = timedelta(seconds=1)
    longest_wait: Duration = timedelta(minutes=15)


class ErrorRule(Shape):
    """What an answer means, first fit top down: by HTTP status and by a text in its body. Where none fits: 2xx is
    accepted; 408, 425, 429 and 5xx are transient (but 500, 502 and 504 unknown, where the system does not honour
    idempotency keys); everything else is permanent. `unknown`: it may have been done.
    """

    status: list[int] = Field(default_factory=list)
    contains: str | None = None
    means: Outcome
    error_class: Name = Field("other", description="a short name by which dead letters are grouped")
    say: str = Field("", description="the reason in a person's words; default: what the system said")
    backoff: Backoff | None = Field(None, description="other waits for this class of error")


class Operation(Shape):
    """One write that a retry makes: which categories it can mend, where it goes, what it sends.

    For an exception the first operation that fits its category and entity holds. `submit` and `read_back` are the
    connector's own options; texts in them name fields as `{field}`. Writes with the same `order_key` values keep
    their order. `approve_above` (in reporting currency; what the edit comes to counts, and the exception's amount) and
    `always_approve` ask a second person before an edited write is sent.
    """

    code: Code
    title: str
    system: Code
    category: list[Code] = Field(min_length=1)
    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    fields: dict[Name, SentField] = Field(min_length=1)
    order_key: list[Name] = Field(
        default_factory=list, description="fields; default: all required ones that nobody may edit"
    )
    submit: dict[str, Any] = Field(description="checked by the connector's own model")
    read_back: dict[str, Any] | None = Field(None, description="how to see whether a write has arrived")
    errors: list[ErrorRule] = Field(default_factory=list)
    backoff: Backoff = Backoff()
    approve_above: Decimal | None = None
    always_approve: bool = False
