"""When a delivery was due: a time of day on some days of the week, in its own zone.

A time that a clock skips when it goes forward is due when the clock goes on; one that comes twice, the first time.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def last_two_due(now: datetime, at: time, zone: str, weekdays: Collection[int]) -> tuple[datetime, datetime]:
    """The last moment but one and the last moment, both at or before `now`, at which a delivery was due, in UTC.

    `weekdays`: Monday is 0; at least one.
    """
    local = now.astimezone(ZoneInfo(zone))
    found: list[datetime] = []
    day = local.date()
    while len(found) < 2:
        if day.weekday() in weekdays:
            due = datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)
            if due <= now:
                found.append(due)
        day -= timedelta(days=1)
    return found[1], found[0]
