"""A hospital of its own, where one test needs several."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import create_engine

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from exceptions_app.services import schema
from exceptions_app.services.engine import prepare_engine
from jobs.install import Install
from tests.once import with_own_mappings

from .conftest import NOW, SITE, Clock, Hospital


@contextmanager
def on_sqlite(factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """An empty install with the catalog of `tests/jobs/site`, and a clock that stands at `NOW`."""
    folder = factory.mktemp("hospital")
    url = f"sqlite:///{shutil.copyfile(_migrated(factory.getbasetemp()), folder / 'tieout.sqlite')}"
    settings = Settings(instance=folder / "instance", catalog=SITE, duck_memory="500MB", cheap_passwords=True)
    catalog = with_own_mappings(_catalog())
    engine = prepare_engine(create_engine(url))
    with time_machine.travel(NOW, tick=False) as coordinates:
        runtime = Runtime(settings, catalog, RecordStore(settings.records_uri, catalog))
        yield Hospital(Install(runtime, engine), Clock(coordinates))
    engine.dispose()


@cache
def _migrated(folder: Path) -> Path:
    path = folder / "hospital.sqlite"
    schema.upgrade(f"sqlite:///{path}")
    return path


@cache
def _catalog() -> Catalog:
    return load_catalog(SITE, connector_models())
