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
    from flask import Flask

    from . import web
    from .config import load_settings
    from .extensions import csrf, db, htmx, login_manager
    from .runtime import assets, bind, flask_config

    settings = load_settings() if settings is None else settings
    settings.instance.mkdir(parents=True, exist_ok=True)
    app = Flask(
        "exceptions_app",
        instance_path=str(settings.instance.resolve()),
        template_folder=str(assets("templates")),
        static_folder=str(assets("static")),
    )
    app.config.update(flask_config(settings))
    bind(app, settings)
    for extension in (db, csrf, login_manager, htmx):
        extension.init_app(app)
    _prepare_database(app)
    web.register(app)
    return app


def _prepare_database(app: Flask) -> None:
    """Dialect set-up of the engine; a page that only reads takes no write lock; a fork never shares a
    connection.
    """
    from flask import request

    from .extensions import db
    from .runtime import SAFE_METHODS, never_share_across_forks
    from .services.engine import prepare_engine, reading

    with app.app_context():
        never_share_across_forks(prepare_engine(db.engine))

    @app.before_request
    def read_only_unless_it_writes() -> None:
        if request.method in SAFE_METHODS and request.endpoint not in {None, "static"}:
            reading(db.session())
