"""Alembic's entry: migrates over the connection that `services.schema` gives it."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import context

from exceptions_app import models
from exceptions_app.extensions import Base
from exceptions_app.models.types import UtcDateTime

assert models.__all__  # noqa: S101  (the import fills the metadata)


def _render(kind: str, item: object, autogen_context: object) -> str | Literal[False]:
    """A migration must not change when a model does: our types are written as what they are in the
    database.
    """
    del autogen_context
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run() -> None:
    connection: sa.Connection | None = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError(
            "migrations run through `tieout db upgrade` (services.schema.upgrade), not through alembic itself"
        )
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_item=_render, compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite", transaction_per_migration=False,
    )  # fmt: skip
    with context.begin_transaction():
        context.run_migrations()


run()
