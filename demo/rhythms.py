"""Two lists of the warehouse that grow by a rhythm of their own: refills of cabinets around the clock, counts on
working days only.

When the network is built, nothing was refilled for hours (a fault). Whether anything is counted just then depends on
the day and the hour, as ever (a look-alike). What was told before is not kept, only when and how much: `past`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import holidays

from .documents import instant, stamp
from .ledger import Change, Entry
from .ledger_systems.listed import table
from .systems.store import Row

if TYPE_CHECKING:
    from .network import Network

SYSTEM = "wms_stock"
TABLES = {
    "refills": table("refills", "refill cabinet item quantity:whole refilled_at facility"),
    "counts": table("counts", "number location item quantity:whole counted_at facility"),
}
FEEDS = {"refills": "wms_cabinet_refills", "counts": "wms_cycle_counts"}
"""Table -> the feed that reads it."""
REMEMBERED = timedelta(days=14)
SILENT = timedelta(hours=5)
"""So long nothing has been refilled when the network is built: at no time of the week it takes two and a half."""
ROWS = 3
"""Each time so many are refilled or counted."""
_ZONE = ZoneInfo("America/New_York")


@cache
def _holidays(year: int) -> frozenset[str]:
    return frozenset(day.isoformat() for day in holidays.country_holidays("US", years=year))


def due(name: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    """When something is refilled or counted, after `begin` and up to `end`."""
    first = begin.replace(minute=5, second=0, microsecond=0)
    for number in range(int((end - begin) / timedelta(hours=1)) + 2):
        told = first + timedelta(hours=number)
        if begin < told <= end and _is_told(name, told.astimezone(_ZONE)):
            yield told


def _is_told(name: str, local: datetime) -> bool:
    if name == "refills":
        return 6 <= local.hour < 22 or local.hour % 2 == 0
    works = local.weekday() < 5 and local.date().isoformat() not in _holidays(local.year)
    return works and 8 <= local.hour <= 16


def past(built: datetime) -> dict[str, dict[str, int]]:
    """Feed -> when it brought something before the network was built -> how many rows."""
    ends = {"refills": built - SILENT, "counts": built}
    return {
        feed: {stamp(at): ROWS for at in due(name, built - REMEMBERED, ends[name])}
        for name, feed in FEEDS.items()
    }


def plant(network: Network, now: datetime) -> None:
    """Nothing was refilled for hours; it is repaired when something is."""
    row = {"id": 1, **_row("refills", now, 1)}
    undo = Change(SYSTEM, "refills", "insert", {}, row)
    found = Entry("feed_failed", "*", SYSTEM, {"feed": FEEDS["refills"]}, "silent for hours", [], [undo])
    network.ledger.write("fault", found, now, now)
    how = "silent at night, at weekends and on holidays"
    network.ledger.write(
        "look_alike", Entry("feed_failed", "*", SYSTEM, {"feed": FEEDS["counts"]}, how), now, now
    )


def go_on(network: Network, now: datetime) -> None:
    """What was due since the last time is refilled and counted; nothing is refilled while that fault lasts."""
    since = max(instant(network.recall("told") or stamp(now)), now - timedelta(hours=2))
    is_silent = bool(network.ledger.rows("fault", "feed_failed", open_only=True))
    for name in TABLES:
        if name == "refills" and is_silent:
            continue
        for at in due(name, since, now):
            _tell(network, name, at, now)
    network.remember("told", stamp(now))


def _tell(network: Network, name: str, at: datetime, now: datetime) -> None:
    (last,) = network.stores[SYSTEM].rows(f"SELECT coalesce(max(id), 1) AS id FROM {name}")
    for number in range(int(last["id"]) + 1, int(last["id"]) + 1 + ROWS):
        row = {"id": number, **_row(name, at, number)}
        network.change(Change(SYSTEM, name, "insert", {}, row), now)


def _row(name: str, at: datetime, number: int) -> Row:
    item, place = f"W{4100 + number % 32}", f"OR-{number % 4 + 1}"
    if name == "refills":
        known = {"refill": f"RF-{number}", "cabinet": place, "refilled_at": stamp(at)}
    else:
        known = {"number": f"CC-{number}", "location": place, "counted_at": stamp(at)}
    return {**known, "item": item, "quantity": 1 + number % 9, "facility": "HMC", "changed_at": stamp(at)}
