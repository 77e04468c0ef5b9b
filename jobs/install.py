"""One install opened by a command or a job process: settings, runtime, database; what a first start needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from exceptions_app.config import Settings, load_settings
from exceptions_app.domain.instant import utc_now
from exceptions_app.runtime import Runtime, engine_options, make_runtime, never_share_across_forks
from exceptions_app.services import reclock, schema, search_index
from exceptions_app.services.engine import prepare_engine, reading


@dataclass(frozen=True)
class Install:
    """A runtime and its database."""

    runtime: Runtime
    engine: Engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A short write, committed at the end."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session


def open_engine(settings: Settings) -> Engine:
    """The install's database."""
    settings.instance.mkdir(parents=True, exist_ok=True)
    url = settings.sqlalchemy_url
    return never_share_across_forks(prepare_engine(create_engine(url, **engine_options(url))))


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Install]:
    """An install with its database brought to the newest layout and its configuration accepted.

    Where that changes the clocks of open exceptions, or search does not know them all, that work is asked for.
    """
    settings = load_settings() if settings is None else settings
    engine = open_engine(settings)
    try:
        runtime = make_runtime(settings)
        schema.upgrade(engine)
        with Session(engine) as session:
            runtime = runtime.in_force(reading(session), utc_now())
        install = Install(runtime, engine)
        with install.transaction() as session:
            runtime.snapshot_id(session, "system:start", utc_now())
            reclock.ask_if_changed(session, runtime.catalog, utc_now())
            search_index.ask_if_behind(session, utc_now())
        yield install
    finally:
        engine.dispose()
