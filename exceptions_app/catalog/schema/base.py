"""The value types every part of the configuration shares: codes, durations, secrets.

Pure: knows neither files nor databases. Every shape is frozen and refuses unknown fields, so that a typing
error in a YAML file is an error and never silently ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
)

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=64)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
"""A SQL expression of the allowed subset; parsed and refused by `catalog.expressions`."""

Recipient = Literal["supplier", "requester"]
"""Whom a letter goes to."""
EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}"
Email = Annotated[str, StringConstraints(pattern=f"^{EMAIL}$")]

_DURATION = re.compile(r"^(\d+)\s*(s|m|h|d)$")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST_DAYS = 3_660
"""Ten years: whatever is longer was meant otherwise, and sums with dates must stay dates."""
_BUSINESS = re.compile(r"^(\d+)\s+(business\s+days?|business\s+hours?|hours?|days?|minutes?)$")


class Shape(BaseModel):
    """A piece of configuration: immutable, and strict about unknown fields."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True
    )


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(str(value).strip())
    if not match:
        raise ValueError("expected a duration such as 30s, 15m, 2h or 1d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST_DAYS * 86_400:
        raise ValueError(f"expected at most {_LONGEST_DAYS}d")
    return timedelta(seconds=seconds)


def _passing(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("expected at least 1s")
    return value


def _plain(value: timedelta) -> str:
    return f"{int(value.total_seconds())}s"


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(_plain, return_type=str)]
"""Wall-clock time from nothing to ten years: `30s`, `15m`, `2h`, `1d` (1d is 24 hours)."""
Interval = Annotated[Duration, AfterValidator(_passing)]
"""A duration of at least a second: how often something is done, how long something may take."""


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """A span on a business clock or on the wall clock, as people write it: `2 business days`, `1 hour`."""

    amount: int
    unit: str  # "business days", "business hours", "hours", "days" or "minutes"

    @property
    def is_business(self) -> bool:
        return self.unit.startswith("business")

    def __str__(self) -> str:
        unit = self.unit if self.amount != 1 else self.unit.removesuffix("s")
        return f"{self.amount} {unit}"


def _service_time(value: Any) -> ServiceTime:
    if isinstance(value, ServiceTime):
        return value
    match = _BUSINESS.match(" ".join(str(value).split()))
    if not match:
        raise ValueError(
            "expected a span such as '2 business days', '4 business hours', '1 hour' or '0 hours'"
        )
    unit = match[2] if match[2].endswith("s") else match[2] + "s"
    longest = _LONGEST_DAYS * {"day": 1, "hour": 24, "minute": 1_440}[unit.removeprefix("business ")[:-1]]
    if int(match[1]) > longest:
        raise ValueError(f"expected at most '{longest} {unit}'")
    return ServiceTime(int(match[1]), unit)


Span = Annotated[ServiceTime, BeforeValidator(_service_time), PlainSerializer(str, return_type=str)]


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a secret, never its value: `env:NAME` or `file:/path`. Resolved when it is used."""

    scheme: str
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.target}"


def _secret(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    scheme, _, target = str(value).partition(":")
    if scheme not in {"env", "file"} or not target:
        raise ValueError(
            "expected a reference to a secret, 'env:NAME' or 'file:/path'; a value is never written here"
        )
    return Secret(scheme, target)


SecretRef = Annotated[Secret, BeforeValidator(_secret), PlainSerializer(str, return_type=str)]
