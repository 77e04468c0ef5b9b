"""How people like to see the queue: views that they saved, their columns, and lists of references they pasted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, String, Text, UniqueConstraint, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from exceptions_app.domain.search_terms import SIGN
from exceptions_app.extensions import Base

from .cases import ExceptionCase
from .types import CONDITION, Big, Id, LongText, Utc


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
    """What one person has chosen for the queue: columns in order (as `domain.layouts` writes them), density, default
    view.
    """

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
    """One of them: as it was pasted, in capitals, and as search keeps it; `case_id` where it is the number of an
    exception.
    """

    __tablename__ = "listed_reference"

    key: Mapped[str] = mapped_column(
        String(32), ForeignKey("reference_list.key", ondelete="CASCADE"), primary_key=True
    )
    reference: Mapped[str] = mapped_column(String(200), primary_key=True)
    case_id: Mapped[int | None] = mapped_column(Big)


class _Listed(FunctionElement[bool]):
    """`id IN (…)` of the exceptions that a stored list names."""

    type = CONDITION
    name = "listed"
    inherit_cache = True


def listed(key: str) -> ColumnElement[bool]:
    """Exceptions whose reference is in the list, or begins with one of it and a slash, whose id is in it, or that are
    about a document with a number that is in it.
    """
    return _Listed(ExceptionCase.id, bindparam(None, key, type_=String()))


_FOUND = "SELECT coalesce(w.case_id, c.id) FROM listed_reference AS w LEFT JOIN exception_case AS c"
_KEPT = f"SELECT reference FROM listed_reference WHERE substr(reference, 1, 1) = '{SIGN}' AND key ="  # noqa: S608
_LINE = "substr(c.reference, length(w.reference) + 1, 1) IN ('', '/')"


@compiles(_Listed, "sqlite")
def _listed_sqlite(element: _Listed, compiler: Any, **options: Any) -> str:
    number, key = (compiler.process(each, **options) for each in element.clauses)
    return (
        f"{number} IN ({_FOUND} ON w.case_id IS NULL AND c.reference >= w.reference "  # noqa: S608
        f"AND c.reference < w.reference || '0' AND {_LINE} WHERE w.key = {key} "
        f"UNION ALL SELECT case_search.rowid FROM ({_KEPT} {key}) AS w CROSS JOIN case_search "
        "WHERE case_search MATCH '\"' || w.reference || '\"')"
    )


@compiles(_Listed, "postgresql")
def _listed_postgres(element: _Listed, compiler: Any, **options: Any) -> str:
    """By the operators of `text_pattern_ops`, which compare bytes whatever the collation."""
    number, key = (compiler.process(each, **options) for each in element.clauses)
    return (
        f"{number} IN ({_FOUND} ON w.case_id IS NULL AND c.reference ~>=~ w.reference "  # noqa: S608
        f"AND c.reference ~<~ (w.reference || '0') AND {_LINE} WHERE w.key = {key} "
        f"UNION ALL SELECT case_id FROM case_search WHERE words @@ "
        f"(SELECT CAST(string_agg(quote_literal(w.reference), ' | ') AS tsquery) FROM ({_KEPT} {key}) AS w))"
    )
