"""A hospital of its own, where one test needs several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import time_machine
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from exceptions_app.services import schema
from exceptions_app.services.engine import prepare_engine
from jobs.install import Install

from .conftest import NOW, SITE, Clock, Hospital


@contextmanager
def on_sqlite(factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """An empty install with the catalog of `tests/jobs/site`, and a clock that stands at `NOW`."""
    folder = factory.mktemp("hospital")
    url = f"sqlite:///{folder / 'tieout.sqlite'}"
    schema.upgrade(url)
    settings = Settings(instance=folder / "instance", catalog=SITE, duck_memory="500MB", cheap_passwords=True)
    catalog = load_catalog(SITE, connector_models())
    engine = prepare_engine(create_engine(url, poolclass=NullPool))
    with time_machine.travel(NOW, tick=False) as coordinates:
        runtime = Runtime(settings, catalog, RecordStore(settings.records_uri, catalog))
        yield Hospital(Install(runtime, engine), Clock(coordinates))
    engine.dispose()
