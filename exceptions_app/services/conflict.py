"""Lets the database settle races: inserts that a unique constraint may refuse. Knows no rule."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, Insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from exceptions_app.extensions import Base


def conflict_free_insert(session: Session, model: type[Base]) -> Insert:
    """`INSERT … ON CONFLICT DO NOTHING` in the session's dialect, to be executed with values."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model).on_conflict_do_nothing()
    return sqlite.insert(model).on_conflict_do_nothing()


def insert_unless_exists(session: Session, model: type[Base], **values: Any) -> bool:
    """Add one row unless a unique constraint says that it is already there; whether it was added."""
    result = session.execute(conflict_free_insert(session, model).values(**values))
    return cast("CursorResult[Any]", result).rowcount == 1
