"""The configuration in force and those before it, for those who answer for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import ConfigSnapshot

PAGE = 50


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    id: int
    digest: str
    summary: str
    accepted_by: str
    accepted_at: datetime
    in_force: bool


def snapshots(session: Session, catalog: Catalog) -> list[SnapshotLine]:
    """The configurations that were in force, newest first."""
    found = session.scalars(select(ConfigSnapshot).order_by(ConfigSnapshot.id.desc()).limit(PAGE))
    return [
        SnapshotLine(
            s.id, s.digest.hex(), s.summary, s.accepted_by, s.accepted_at, s.digest.hex() == catalog.digest
        )
        for s in found
    ]


def settings_of(catalog: Catalog, section: str, code: str) -> str | None:
    """One piece of the configuration in force as readable JSON; secrets in it are references."""
    found = getattr(catalog, section, {}).get(code)
    return (
        json.dumps(found.model_dump(mode="json", exclude_defaults=True), indent=2)
        if found is not None
        else None
    )
