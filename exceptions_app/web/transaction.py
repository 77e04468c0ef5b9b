"""Where a request's transaction begins and ends: the only place in the web that commits.

A request that reads says so before its first query, so that it takes no lock on SQLite; one that writes
begins as a writer, because a read that turns into a write would fail. What is not committed is rolled back
at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import current_app, request
from flask.typing import ResponseReturnValue

from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.milestones import reached
from exceptions_app.runtime import refresh
from exceptions_app.services.engine import done_reading, is_only_reading, reading

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

View = Callable[..., ResponseReturnValue]


def begin() -> None:
    """Before every request: a safe method only reads, and so does a view that says it does."""
    if _only_reads() and request.endpoint != "static":
        reading(db.session(), strictly=True)


def end(error: BaseException | None) -> None:
    """After every request that only read: a COMMIT of nothing. What failed is rolled back by the session's own end."""
    if error is None and _only_reads() and db.session.registry.has():
        done_reading(db.session())


def _only_reads() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return request.method in SAFE_METHODS or is_only_reading(view)


def take_up_additions() -> None:
    """Before every page: the configuration as people have added to it."""
    if request.endpoint not in (None, "static", "health.healthz"):
        refresh(current_app._get_current_object(), db.session(), utc_now())  # type: ignore[attr-defined]


def transactional(view: View) -> View:
    """The view's changes are committed when it returns, and undone when it raises."""

    @wraps(view)
    def within(*args: object, **kwargs: object) -> ResponseReturnValue:
        try:
            response = view(*args, **kwargs)
            db.session.commit()
            reached("action.committed")
        except BaseException:
            db.session.rollback()
            raise
        return response

    return within
