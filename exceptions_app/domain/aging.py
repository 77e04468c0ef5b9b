"""When an exception grows older by a bucket: what is stored of its age, and when that is to be looked at again."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .clock import BusinessCalendar, add_each
from .sla import AGING, Stage


class Aged(NamedTuple):
    """Which of `AGING` an exception is in, from 0, and when it enters the next (None: it is in the last)."""

    bucket: int
    next_at: datetime | None


def aged(opened_at: datetime, now: datetime, calendar: BusinessCalendar) -> Aged:
    """Where an exception stands at `now`, in business days of its calendar: exactly as `sla.aging_bucket` says."""
    days = [bucket.high * calendar.hours_per_day for bucket in AGING if bucket.high is not None]
    edges = add_each(opened_at, days, calendar)
    bucket = sum(edge <= now for edge in edges)
    return Aged(bucket, edges[bucket] if bucket < len(edges) else None)


def stage_edge(stage: str, due_soon_at: datetime | None, due_at: datetime | None) -> datetime | None:
    """When a running clock enters its next stage, whatever has been told of it; None where it stays as it is."""
    if stage == Stage.ON_TRACK:
        return due_soon_at or due_at
    return due_at if stage == Stage.DUE_SOON else None


def earliest(*instants: datetime | None) -> datetime | None:
    """The first of those that are known."""
    return min((at for at in instants if at is not None), default=None)
