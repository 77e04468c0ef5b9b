"""Dead letters of feeds of events: what could not become a record, why, and sending it again."""

from __future__ import annotations

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission, sees_network
from exceptions_app.connectors.events.event import EventError
from exceptions_app.domain import wording
from exceptions_app.extensions import db
from exceptions_app.queries import dead_events as queries
from exceptions_app.runtime import runtime
from exceptions_app.services import dead_events as services

from . import acting, gate, hx
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("dead_events", __name__, url_prefix="/integration/dead-letters")


@blueprint.get("")
@needs(Permission.SEE_INTEGRATION)
def index() -> ResponseReturnValue:
    viewer, catalog, feed = gate.viewer(), runtime().catalog, request.args.get("feed") or None
    found = queries.page(
        db.session(), viewer, catalog, feed=feed, before=request.args.get("before", type=int)
    )
    return render_template(
        "integration/dead_events.html", events=found, feed=feed, catalog=catalog, size=queries.PAGE,
        hidden=not sees_network(viewer, catalog),
    )  # fmt: skip


@blueprint.get("/<int:event_id>")
@needs(Permission.SEE_INTEGRATION)
def show(event_id: int) -> ResponseReturnValue:
    found = queries.one(db.session(), gate.viewer(), runtime().catalog, event_id)
    if found is None:
        abort(404)
    return render_template("integration/dead_event.html", event=found, text=found.shown, problem="")


@blueprint.post("/<int:event_id>/replay")
@needs(Permission.REPEAT_RUNS)
@transactional
def replay(event_id: int) -> ResponseReturnValue:
    viewer, catalog = gate.viewer(), runtime().catalog
    found = queries.one(db.session(), viewer, catalog, event_id)
    if found is None or found.feed not in catalog.feeds:
        abort(404)
    edited = request.form.get("event")
    edited = None if edited is None or _same(edited, found.shown) else edited
    try:
        services.replay(
            db.session(), acting.context(), event_id, edited, queries.open_fields(viewer, catalog, found.feed)
        )
    except services.GoneError:
        abort(409)
    except EventError as error:
        page = render_template("integration/dead_event.html", event=found, text=edited, problem=str(error))
        return page, 422
    flash("The event waits to be taken again.", "green")
    return hx.go_to(url_for(".index"))


@blueprint.post("/replay")
@needs(Permission.REPEAT_RUNS)
@transactional
def replay_feed() -> ResponseReturnValue:
    """All of one feed, as they are."""
    viewer, catalog, feed = gate.viewer(), runtime().catalog, request.form.get("feed", "")
    if feed not in catalog.feeds or not sees_network(viewer, catalog):
        abort(404)
    try:
        count = services.replay_feed(db.session(), acting.context(), feed)
    except services.GoneError:
        abort(409)
    waits = (
        f"{wording.plural(count, 'event')} of {feed} {'waits' if count == 1 else 'wait'} to be taken again."
    )
    flash(
        waits if count else f"No event of {feed} can be sent again as it is.", "green" if count else "amber"
    )
    return hx.go_to(url_for(".index", feed=feed))


@blueprint.post("/<int:event_id>/discard")
@needs(Permission.REPEAT_RUNS)
@transactional
def discard(event_id: int) -> ResponseReturnValue:
    found = queries.one(db.session(), gate.viewer(), runtime().catalog, event_id)
    if found is None:
        abort(404)
    reason = request.form.get("reason", "").strip()
    if not reason:
        said = "Say why it will never be a record: what it told is lost with it."
        page = render_template("integration/dead_event.html", event=found, text=found.shown, problem=said)
        return page, 422
    try:
        services.discard(db.session(), acting.context(), event_id, reason[:500])
    except services.GoneError:
        abort(409)
    flash("The event was discarded.", "green")
    return hx.go_to(url_for(".index"))


def _same(edited: str, before: str) -> bool:
    return edited.replace("\r\n", "\n").strip() == before.strip()
