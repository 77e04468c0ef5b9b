"""What a running process has: settings, the catalog in force, the record store. One per Flask application.

Web and jobs ask `runtime()` for it. It must not hold anything that belongs to one request, task or person.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .catalog.catalog import Catalog
from .catalog.load import load_catalog
from .config import Settings, secret_key
from .connectors.registry import connector_models
from .records.store import RecordStore
from .services import additions, configuration
from .services.additions import InForce

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

_KEY = "tieout"
_LOOK_AT = "tieout look for additions at"
_LOOK_EVERY = 1.0
_NONE_ADDED = InForce()


@dataclass(frozen=True)
class Runtime:
    """The parts that every request and every task works with."""

    settings: Settings
    catalog: Catalog
    store: RecordStore
    base: Catalog | None = None
    """What the files say, where people have added to it; None: the catalog is that."""
    additions: InForce = _NONE_ADDED

    @property
    def files(self) -> Catalog:
        """The configuration without what people have added to it."""
        return self.catalog if self.base is None else self.base

    def in_force(self, session: Session, now: datetime) -> Runtime:
        """This runtime under the additions that hold now; itself where nothing has changed. One statement."""
        held = additions.in_force(session, now)
        if held.ids == self.additions.ids:
            return self if held == self.additions else replace(self, additions=held)
        return replace(
            self, catalog=additions.catalog_with(self.files, held), base=self.files, additions=held
        )

    def snapshot_id(self, session: Session, by: str, now: datetime) -> int:
        """The id of the configuration in force; recorded with whatever is done under it."""
        return configuration.accept(session, self.catalog, by, now)

    @property
    def exports(self) -> Path:
        """Where finished workbooks wait to be fetched."""
        return self.settings.instance / "exports"


def make_runtime(settings: Settings) -> Runtime:
    """Load the catalog and open the record store. Raises `CatalogError` with every problem that was found."""
    directory = settings.catalog_dir
    catalog = load_catalog(directory if directory.is_dir() else None, connector_models())
    return Runtime(settings, catalog, RecordStore(settings.records_uri, catalog))


def bind(app: Flask, settings: Settings) -> None:
    """Give an application its runtime."""
    app.extensions[_KEY] = make_runtime(settings)


def runtime(app: Flask | None = None) -> Runtime:
    """The runtime of `app`, or of the application in context."""
    if app is None:
        from flask import current_app

        app = current_app
    found: Runtime = app.extensions[_KEY]
    return found


def refresh(app: Flask, session: Session, now: datetime, *, at_once: bool = False) -> None:
    """Take up what people have added to the configuration, or withdrawn: looked for at most once a second, so that
    a page costs no statement more; `at_once` after a change of one's own.
    """
    found: Runtime = app.extensions[_KEY]
    until, moment = found.additions.until, time.monotonic()
    expired = until is not None and until <= now
    if at_once or expired or moment >= app.extensions.get(_LOOK_AT, 0.0):
        app.extensions[_KEY] = found.in_force(session, now)
        app.extensions[_LOOK_AT] = moment + _LOOK_EVERY


def refresh_now(session: Session, now: datetime) -> None:
    """Take up a change of one's own, in the application in context, whose next page shows it."""
    from flask import current_app

    refresh(current_app._get_current_object(), session, now, at_once=True)  # type: ignore[attr-defined]


def assets(name: str) -> Path:
    """Templates or static files: packed into the wheel, or at the top of a checkout."""
    packed = Path(__file__).parent / "_assets" / name
    return packed if packed.is_dir() else Path(__file__).parent.parent / name


def engine_options(url: str) -> dict[str, Any]:
    """How connections are pooled: per process, patient on SQLite; `engine` tests those that lay idle on a server."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": 30}}
    return {"pool_size": 5, "max_overflow": 5, "pool_recycle": 1800}


_ENCODINGS = ("zstd", "br", "gzip")


def flask_config(settings: Settings) -> Mapping[str, Any]:
    """The settings in Flask's and its extensions' own words."""
    return {
        "SECRET_KEY": secret_key(settings),
        "SQLALCHEMY_DATABASE_URI": settings.sqlalchemy_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings.sqlalchemy_url),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "WTF_CSRF_TIME_LIMIT": None,
        "MAX_CONTENT_LENGTH": 4 * 1024 * 1024,
        "COMPRESS_ALGORITHM": _ENCODINGS,
        "COMPRESS_ALGORITHM_STREAMING": _ENCODINGS,  # files
        "COMPRESS_LEVEL": 4,  # of gzip, for readers that know nothing newer
    }


def never_share_across_forks(engine: Engine) -> Engine:
    """A child forgets the parent's pooled connections without closing them: a socket has one owner."""
    weak = weakref.ref(engine)

    def forget() -> None:
        inherited = weak()
        if inherited is not None:
            inherited.dispose(close=False)

    os.register_at_fork(after_in_child=forget)
    return engine
