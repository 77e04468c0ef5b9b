"""What a feed would bring, before anything is stored: its first rows, raw and mapped, with rejects.

The page only asks: reading the source is a task. What comes back is masked by it, and shown to those who may see
rows of every entity.
"""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission, sees_network
from exceptions_app.extensions import db
from exceptions_app.queries import tasks
from exceptions_app.runtime import runtime

from . import acting, gate, hx
from .gate import needs
from .transaction import transactional

KIND = "feed_preview"

blueprint = Blueprint("feed_preview", __name__, url_prefix="/integration/feeds")


@blueprint.get("/<feed>/preview")
@needs(Permission.SEE_INTEGRATION)
def show(feed: str) -> ResponseReturnValue:
    declared = acting.feed_or_404(feed)
    viewer, catalog = gate.viewer(), runtime().catalog
    hidden = not sees_network(viewer, catalog)
    found = None if hidden else tasks.newest(db.session(), f"{KIND}:{feed}")
    return hx.respond(
        render_template(
            "integration/preview.html",
            feed=declared,
            system=catalog.systems[declared.system],
            task=found,
            hidden=hidden,
        )
    )


@blueprint.post("/<feed>/preview")
@needs(Permission.REPEAT_RUNS)
@transactional
def ask(feed: str) -> ResponseReturnValue:
    acting.feed_or_404(feed)
    acting.ask_task(KIND, f"{KIND}:{feed}", {"feed": feed})
    return hx.go_to(url_for(".show", feed=feed))
