"""A fresh migrated database for every example of a state machine: a fixture lives as long as the whole test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from exceptions_app.services.engine import prepare_engine
from tests.emptied import Emptied


def on_database(request: pytest.FixtureRequest, kind: str) -> Callable[[], Iterator[Engine]]:
    """What opens one, `sqlite` or `postgres`, and removes it when it is asked for the next time."""
    if kind == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        return lambda: _sqlite(template)
    emptied: Emptied = request.getfixturevalue("emptied")
    return lambda: _postgres(emptied)


def _sqlite(template: Path) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as directory:
        path = shutil.copyfile(template, Path(directory) / "t.sqlite")
        engine = prepare_engine(create_engine(f"sqlite:///{path}"))
        yield engine
        engine.dispose()


def _postgres(emptied: Emptied) -> Iterator[Engine]:
    engine = prepare_engine(create_engine(emptied.take()))
    yield engine
    engine.dispose()
    emptied.give_back()
