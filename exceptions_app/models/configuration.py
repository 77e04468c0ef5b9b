"""Configuration snapshots: what was in force when something happened."""

from __future__ import annotations

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Id, ShortText, Utc


class ConfigSnapshot(Base):
    """One accepted configuration: the resolved catalog as compressed canonical JSON, unique by its digest."""

    __tablename__ = "config_snapshot"

    id: Mapped[Id]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    summary: Mapped[ShortText]
    accepted_by: Mapped[ShortText]
    accepted_at: Mapped[Utc]
