"""Accepts a configuration: each one that was ever in force is kept and has an id that everything else
carries.
"""

from __future__ import annotations

import zlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import ConfigSnapshot

from . import feed_changes
from .audit import AuditTag, record_subject
from .conflict import insert_unless_exists

SUBJECT = "configuration"


def accept(session: Session, catalog: Catalog, by: str, now: datetime) -> int:
    """The snapshot id of this configuration; added, with its line in the trail, when it was never in
    force before.

    `by` names the actor (`user:3`, `system:start`).
    """
    digest = bytes.fromhex(catalog.digest)
    known = session.scalar(select(ConfigSnapshot.id).where(ConfigSnapshot.digest == digest))
    if known is not None:
        return known
    summary = (
        f"{len(catalog.feeds)} feeds, {len(catalog.checks)} checks, {len(catalog.categories)} categories"
    )
    added = insert_unless_exists(
        session,
        ConfigSnapshot,
        digest=digest,
        content=zlib.compress(catalog.to_json().encode()),
        summary=summary,
        accepted_by=by,
        accepted_at=now,
    )
    snapshot_id = session.scalars(select(ConfigSnapshot.id).where(ConfigSnapshot.digest == digest)).one()
    if added:
        before = feed_changes.newest_before(session, snapshot_id)
        feed_changes.note(session, catalog, content(before) if before else None, snapshot_id, now)
        record_subject(
            session,
            SUBJECT,
            AuditTag.CONFIGURATION_ACCEPTED,
            actor=by,
            at=now,
            config_snapshot_id=snapshot_id,
            after={"digest": catalog.digest, "summary": summary},
        )
    return snapshot_id


def content(snapshot: ConfigSnapshot) -> str:
    """The canonical JSON of the configuration that was in force."""
    return zlib.decompress(snapshot.content).decode()
