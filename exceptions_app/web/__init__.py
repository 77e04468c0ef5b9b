"""The pages: server-rendered, every action a real form. Binds blueprints, headers, errors and words to an
app.

Views fetch and authorise, call one service or query, and render; only `transaction` commits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def register(app: Flask) -> None:
    """Make `app` serve the pages. The extensions are bound already."""
    from . import (
        acting,
        admin,
        auth,
        bulk,
        case_notes,
        case_retry,
        cases,
        cause_fixes,
        causes,
        dashboards,
        dead_events,
        direction,
        errors,
        exports,
        feed_preview,
        frame,
        gate,
        health,
        integration,
        integration_feed,
        interfaces,
        keys,
        my_work,
        notices,
        queues,
        retries,
        retry_decisions,
        retry_gave_up,
        security,
        storms,
        tasks,
        trace,
        transaction,
        try_out,
        views,
        watching,
    )

    app.before_request(acting.correlate)
    app.before_request(transaction.begin)
    app.teardown_request(transaction.end)
    app.before_request(transaction.take_up_additions)
    app.before_request(gate.check)
    security.install(app)
    direction.install(app)
    errors.install(app)
    frame.install(app)
    auth.install(app)
    pages = (
        my_work, notices, queues, views, bulk, cases, case_notes, case_retry, watching, causes, cause_fixes,
        retries, retry_decisions, retry_gave_up, dashboards, exports, feed_preview, tasks, integration,
        integration_feed, interfaces, dead_events, storms, try_out, trace, admin, auth, keys, health,
    )  # fmt: skip
    for module in pages:
        app.register_blueprint(module.blueprint)
