"""The runs that an install would have recorded, had it read a system before it was there: when a feed brought
something, and every hour that nothing new came. Only the runs: what they brought is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import select

from exceptions_app.domain.instant import from_iso
from exceptions_app.models import SyncRun
from exceptions_app.services import runs

from ..install import Install

_ASKED_EVERY = timedelta(hours=1)


def remember(install: Install, past: Mapping[str, Mapping[str, int]], now: datetime) -> None:
    """`past`: feed -> when it brought something -> how many rows. Feeds that have runs of their own keep them."""
    with install.transaction() as session:
        snapshot = install.runtime.snapshot_id(session, "system:demo", now)
        known = set(session.scalars(select(SyncRun.feed).where(SyncRun.feed.in_(list(past))).distinct()))
        for feed in past.keys() & install.runtime.catalog.feeds.keys() - known:
            brought = {from_iso(at): rows for at, rows in past[feed].items()}
            ended = [(at, brought.get(at, 0)) for at in _asked(sorted(brought), now)]
            runs.remember(session, feed, ended, snapshot_id=snapshot, correlation_id=uuid4().hex)


def _asked(brought: Sequence[datetime], now: datetime) -> list[datetime]:
    """Those instants, and between two of them and up to now every hour."""
    found: list[datetime] = []
    for at in [*brought, now]:
        while found and at - found[-1] > _ASKED_EVERY:
            found.append(found[-1] + _ASKED_EVERY)
        found.append(at)
    return found[:-1]
