"""Lets the database settle races: inserts that a unique constraint may refuse. Knows no rule."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from exceptions_app.extensions import Base


def insert_unless_exists(session: Session, model: type[Base], **values: Any) -> bool:
    """Add one row unless a unique constraint says that it is already there; whether it was added."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    added = dialect.insert(model).values(**values).on_conflict_do_nothing()
    return session.execute(added.returning(*inspect(model).primary_key)).first() is not None
