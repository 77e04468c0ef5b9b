"""The page of one exception, whole or as the panel beside the queue, and the way on within the queue's filter.

The filter that the page was opened from stays in its address, and in that of every form on it: so next and previous
are those of the list the person works through, also after an action. Does nothing to an exception itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import abort, get_flashed_messages, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.lifecycle import Action
from exceptions_app.extensions import db
from exceptions_app.queries import people
from exceptions_app.queries.case_retries import case_retries
from exceptions_app.queries.cases import Neighbours, QueueFilter, neighbours
from exceptions_app.queries.detail import detail
from exceptions_app.queries.kept import Stored
from exceptions_app.runtime import runtime
from exceptions_app.services.actions import BALLS

from . import gate, hx

PANEL = "panel"
"""The element beside the queue that shows an exception, and the argument that asks for it."""
SHOWS = {"people": "People", "systems": "Systems"}
"""Parts of the timeline -> what they are called."""
FROM_QUEUE = {"from": "queue"}
"""In the address of an exception that was opened from the whole queue, which has no filter to say."""


def page(
    number: int, status: int = 200, *, problem: str | None = None, opened: str = "",
    problems: Mapping[str, str] | None = None,
) -> ResponseReturnValue:  # fmt: skip
    """The page; with a problem, the form named `opened` comes back with what was typed. `problems`: what is wrong
    with each field of the retry that is edited.
    """
    now, viewer, catalog = utc_now(), gate.viewer(), runtime().catalog
    found = detail(db.session(), viewer, catalog, number, now=now)
    if found is None:
        return _gone()
    may_assign = Action.ASSIGN in found.actions
    body = render_template(
        "cases/_panel.html" if is_panel() else "cases/index.html",
        case=found,
        row=found.row,
        around=around(),
        beside=beside(number, now),
        show=_shown(),
        watched=found.stored.kept.watched,
        balls=BALLS,
        team=people.colleagues(db.session(), found.row.queue) if may_assign else [],
        problem=problem,
        opened=opened,
        typed=request.form,
        conflict=status == 409,
        today=now.astimezone(found.zone).date(),
        now=now,
        retries=_retries(catalog, found.stored, now),
        problems=problems or {},
        token=uuid.uuid4().hex,
    )
    changed = is_panel() and bool(get_flashed_messages())
    response = hx.respond((body, status), trigger={"case-changed": {"id": number}} if changed else None)
    if status >= 400 or request.method == "POST" or is_panel():
        response.headers["HX-Push-Url"] = "false"
    return response


def is_panel() -> bool:
    """Whether the panel beside the queue asks: it gets the exception without the frame around it."""
    return hx.is_htmx() and (hx.target_id() == PANEL or bool(request.args.get(PANEL)))


def around() -> dict[str, Any]:
    """The filter that the page was opened from, as arguments of an address; empty where it was from none."""
    given = QueueFilter.from_args(request.args).to_args()
    return given or (FROM_QUEUE if request.args.get("from") == FROM_QUEUE["from"] else {})


def address(number: int) -> str:
    """The page of an exception, within the same filter; in the panel where it is asked for there."""
    shown = {PANEL: "1"} if is_panel() else {}
    return url_for("cases.show", reference=public_id.encode(number), **around() | shown)


def beside(number: int, now: datetime) -> Neighbours:
    """The exceptions before and after this one in the filter; none where the page was opened from none."""
    if not around():
        return Neighbours(None, None)
    wanted = QueueFilter.from_args(request.args)
    return neighbours(db.session(), gate.viewer(), runtime().catalog, wanted, number, now)


def _shown() -> str:
    """Which part of the timeline is asked for; everything where that is none of them."""
    wanted = request.args.get("show", "")
    return wanted if wanted in SHOWS else ""


def _retries(catalog: Catalog, stored: Stored, now: datetime) -> Any:
    task_id = request.args.get("task", type=int)
    return case_retries(db.session(), gate.viewer(), catalog, stored, now=now, task_id=task_id)


def _gone() -> ResponseReturnValue:
    if not is_panel():
        abort(404)
    return hx.respond((render_template("cases/_gone.html"), 404))
