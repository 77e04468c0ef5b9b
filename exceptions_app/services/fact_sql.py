"""A fact of an exception as an SQL expression, alike on SQLite and PostgreSQL. Knows no fact's meaning."""

from __future__ import annotations

from sqlalchemy import JSON, ColumnElement, String, cast, func
from sqlalchemy.orm import Session

from exceptions_app.catalog.verify_causes import OWN_KEY
from exceptions_app.models import ExceptionCase


def fact(session: Session, name: str) -> ColumnElement[str]:
    """The text of a fact, or of a part of the business key (`key.x`); NULL where the exception has none.

    `name` has passed the catalog's schema: letters, digits and underscores.
    """
    column = ExceptionCase.business_key if name.startswith(OWN_KEY) else ExceptionCase.facts
    bare = name.removeprefix(OWN_KEY)
    if session.get_bind().dialect.name == "postgresql":
        found: ColumnElement[str] = cast(column, JSON)[bare].as_string()
        return found
    return cast(func.json_extract(column, f'$."{bare}"'), String)
