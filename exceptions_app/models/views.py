"""How people like to see the queue: views that they saved, their columns, and lists of references they pasted."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from exceptions_app.extensions import Base

from .types import Big, Id, LongText, Utc


class SavedView(Base):
    """A filter with its sort, grouping, columns and density, under a name. `shared`: colleagues may open it.

    `asked` is JSON: the arguments of the queue's address. Empty `columns` and `density`: as its reader likes it.
    """

    __tablename__ = "saved_view"

    id: Mapped[Id]
    owner_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    shared: Mapped[bool] = mapped_column(default=False, index=True)
    asked: Mapped[LongText]
    grouping: Mapped[str] = mapped_column(String(16), default="")
    columns: Mapped[str] = mapped_column(Text, default="")
    density: Mapped[str] = mapped_column(String(16), default="")
    created_at: Mapped[Utc]
    updated_at: Mapped[Utc]

    __table_args__ = (UniqueConstraint("owner_id", "name"),)


class QueueLayout(Base):
    """What one person has chosen for the queue: columns in order (codes between commas), density, default view."""

    __tablename__ = "queue_layout"

    user_id: Mapped[int] = mapped_column(
        Big, ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    columns: Mapped[str] = mapped_column(Text, default="")
    density: Mapped[str] = mapped_column(String(16), default="")
    default_view_id: Mapped[int | None] = mapped_column(Big, ForeignKey("saved_view.id", ondelete="SET NULL"))


class ReferenceList(Base):
    """References that were pasted, too many for an address. Its key is in the address instead, and can be shared."""

    __tablename__ = "reference_list"

    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner_id: Mapped[int] = mapped_column(Big, ForeignKey("user_account.id", ondelete="CASCADE"))
    created_at: Mapped[Utc]


class ListedReference(Base):
    """One of them, as it was pasted; `case_id` where it is the number of an exception."""

    __tablename__ = "listed_reference"

    key: Mapped[str] = mapped_column(
        String(32), ForeignKey("reference_list.key", ondelete="CASCADE"), primary_key=True
    )
    reference: Mapped[str] = mapped_column(String(200), primary_key=True)
    case_id: Mapped[int | None] = mapped_column(Big)
