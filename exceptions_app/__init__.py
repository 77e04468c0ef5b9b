"""Tieout: exception management for healthcare ERP synchronisation.

Imports nothing at module level, so that `domain`, `catalog` and `reconcile` load without Flask or a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from .config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The web application, ready to serve: settings, catalog, record store, database, blueprints.

    Writes nothing to the database (`tieout db upgrade` and the jobs do). Raises `SettingError` or
    `CatalogError` when an install cannot run as it is configured.
    """
    from apiflask import APIFlask

    from . import api, web
    from .config import load_settings
    from .extensions import compress, csrf, db, htmx, login_manager
    from .runtime import assets, bind, flask_config

    settings = load_settings() if settings is None else settings
    settings.instance.mkdir(parents=True, exist_ok=True)
    app = APIFlask(
        "exceptions_app",
        title="Tieout",
        version="1",
        spec_path=api.SPEC,
        docs_path=None,  # the usual page fetches scripts from elsewhere
        json_errors=False,
        instance_path=str(settings.instance.resolve()),
        template_folder=str(assets("templates")),
        static_folder=str(assets("static")),
    )
    app.config.update(flask_config(settings))
    bind(app, settings)
    for extension in (db, csrf, login_manager, htmx, compress):
        extension.init_app(app)
    _prepare_database(app)
    web.register(app)
    api.register(app)
    return app


def _prepare_database(app: Flask) -> None:
    """What the engine's dialect needs, before its first connection."""
    from .extensions import db
    from .runtime import never_share_across_forks
    from .services.engine import prepare_engine

    with app.app_context():
        never_share_across_forks(prepare_engine(db.engine))
