"""What people added to the configuration while it was in force: an overlay on the YAML files."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, CodeText, Id, LongText, ShortText, Utc

_IN_FORCE = text("withdrawn_at IS NULL")


class CatalogAddition(Base):
    """One entry of a crosswalk, one row of reference data, or one tolerance for some (`kind`); `payload` is its JSON.

    In force from `created_at` until `expires_at` (NULL: for good), unless withdrawn before. Never changed otherwise:
    another value is another addition.
    """

    __tablename__ = "catalog_addition"

    id: Mapped[Id]
    kind: Mapped[CodeText]
    payload: Mapped[LongText]
    summary: Mapped[ShortText]
    reason: Mapped[LongText]
    case_id: Mapped[int | None] = mapped_column(Big, ForeignKey("exception_case.id"))
    """The cause that it mends, where it began at one."""
    asked_by_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id"))
    approved_by_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id"))
    created_at: Mapped[Utc]
    expires_at: Mapped[Utc | None]
    withdrawn_at: Mapped[Utc | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(Big, ForeignKey("user_account.id"))
    withdrawn_why: Mapped[str | None] = mapped_column(String(2000))

    __table_args__ = (
        Index("ix_catalog_addition_in_force", "id", sqlite_where=_IN_FORCE, postgresql_where=_IN_FORCE),
    )
