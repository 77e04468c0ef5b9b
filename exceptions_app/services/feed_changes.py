"""Keeps, as a configuration comes into force, which feeds it reads or maps otherwise: the register's last change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog import interfaces
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import ConfigSnapshot, FeedChange

_LONGEST = 300


def note(session: Session, catalog: Catalog, before: str | None, snapshot_id: int, now: datetime) -> None:
    """`before`: the canonical JSON of the configuration that was in force; None: there was none."""
    digests = interfaces.digests(catalog)
    for feed, (said, silent) in interfaces.changes(before, catalog).items():
        session.add(
            FeedChange(
                feed=feed, digest=digests[feed], version=catalog.feeds[feed].contract.version[:200],
                said=said[:_LONGEST], silent=silent, at=now, config_snapshot_id=snapshot_id,
            )
        )  # fmt: skip
    session.flush()


def newest_before(session: Session, snapshot_id: int) -> ConfigSnapshot | None:
    """The configuration that was accepted before this one."""
    older = select(ConfigSnapshot).where(ConfigSnapshot.id < snapshot_id)
    return session.scalar(older.order_by(ConfigSnapshot.id.desc()).limit(1))
