"""Brings a database to the newest table layout. The revisions themselves are in `migrations`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine

from .engine import prepare_engine

_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without an ini file; `connection` is the one to migrate over."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Engine | str, revision: str = "head") -> None:
    """Run every missing revision in one transaction. Two processes may call it at once: the second waits."""
    if isinstance(database, str):
        engine = prepare_engine(create_engine(database))
        try:
            upgrade(engine, revision)
        finally:
            engine.dispose()
        return
    with database.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7302948210)")
        command.upgrade(alembic_config(connection), revision)
