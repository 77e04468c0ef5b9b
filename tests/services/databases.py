"""A fresh migrated database for every example of a state machine: a fixture lives as long as the whole test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from exceptions_app.services.engine import prepare_engine
from tests.emptied import postgres_url


def on_database(request: pytest.FixtureRequest, kind: str) -> Callable[[], Iterator[Engine]]:
    """What opens one, `sqlite` or `postgres`, and removes it when it is asked for the next time."""
    template = request.getfixturevalue(f"{kind}_template")
    if kind == "sqlite":
        return lambda: _sqlite(template)
    server = request.getfixturevalue("postgres_server")
    return lambda: _postgres(server, template)


def _sqlite(template: Path) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as directory:
        path = shutil.copyfile(template, Path(directory) / "t.sqlite")
        engine = prepare_engine(create_engine(f"sqlite:///{path}", poolclass=NullPool))
        yield engine
        engine.dispose()


def _postgres(server: str, template: str) -> Iterator[Engine]:
    name = f"life_{template}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = prepare_engine(create_engine(postgres_url(server, name), poolclass=NullPool))
    yield engine
    engine.dispose()
