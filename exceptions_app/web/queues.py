"""The work queue: a filtered page in the person's own view, its groups, its rows refreshed in place.

What many are done to is `bulk`'s; views and columns are `views`'. Which exceptions fit is the address's, always.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from exceptions_app.access import Permission
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.lifecycle import Action
from exceptions_app.extensions import db
from exceptions_app.queries import bulk, groups
from exceptions_app.queries.cases import QueuePage, page
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.queries.groups import Group
from exceptions_app.queries.refreshed import refreshed
from exceptions_app.runtime import runtime
from exceptions_app.services import actions, bulk_actions, comments
from exceptions_app.services.bulk_apply import Asked

from . import acting, facets, filter_bar, gate, hx
from .bulk import picked_in
from .forms import filter_of_form, is_number
from .gate import needs
from .queue_look import Looking, looking
from .transaction import transactional

blueprint = Blueprint("queues", __name__)

REFRESH_LIMIT = 100
GROUP_SIZE = 20
"""Rows of a group that are shown at once."""
FEW = 5
"""So many refusals are told in full."""


@blueprint.get("/queue")
@needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    seen = looking(request.args)
    number = public_id.decode(seen.wanted.q) if seen.wanted.q else None
    if number is not None and not hx.wants_fragment():  # a reference in the search box is a jump
        return hx.vary(redirect(url_for("cases.show", reference=public_id.encode(number))))
    return _render(seen, request.args.get("after"))


def _render(seen: Looking, cursor: str | None) -> ResponseReturnValue:
    viewer, catalog, now = gate.viewer(), runtime().catalog, utc_now()
    if seen.group and request.args.get("part") and hx.wants_fragment():
        return _one_group(seen, request.args["part"], cursor, now)
    if seen.group and request.args.get("heads") and hx.wants_fragment():
        return _heads(seen, now)
    team = seen.look.team
    shown: dict[str, Any] = {}
    if seen.group:
        shown["groups"] = groups.groups(db.session(), viewer, catalog, seen.wanted, seen.group, now)
        line = next((line for line in shown["groups"].lines if line.code == seen.open), None)
        shown["opened"] = _inside(seen, line, cursor, now) if line else None
        cursor = None
    else:
        shown["page"] = page(db.session(), viewer, catalog, seen.wanted, now=now, cursor=cursor)
    template = "queues/_queue.html" if hx.wants_fragment() else "queues/index.html"
    return hx.respond(
        render_template(
            template,
            seen=seen,
            wanted=seen.wanted,
            facets=filter_bar.choices_html(viewer, catalog, seen.wanted, team),
            chips=facets.chips(catalog, seen.wanted, team, viewer, seen.more),
            sorts=facets.sort_links(seen.wanted, seen.more),
            pasted=seen.pasted(),
            cursor=cursor,
            now=now,
            **shown,
        ),
        push=seen.here() if hx.wants_fragment() and not cursor else None,
    )


@dataclass(frozen=True)
class _Inside:
    """A page of the rows of one group, within the grouped queue that it was opened in."""

    code: str
    outer: Looking
    seen: Looking
    page: QueuePage
    cursor: str | None
    sorts: dict[str, tuple[str, str]]


def _inside(seen: Looking, line: Group, cursor: str | None, now: datetime) -> _Inside | None:
    """None for what no filter restricts the queue to."""
    if line.asked is None:
        return None
    wanted = QueueFilter.from_args(line.asked)
    found = page(
        db.session(), gate.viewer(), runtime().catalog, wanted, now=now, cursor=cursor, size=GROUP_SIZE
    )
    sorts = facets.sort_links(seen.wanted, seen.more | {"open": line.code})
    return _Inside(line.code, seen, replace(seen, wanted=wanted, group="", open=""), found, cursor, sorts)


def _one_group(seen: Looking, code: str, cursor: str | None, now: datetime) -> ResponseReturnValue:
    """One group alone, open or closed: the others stay as they stand on the page."""
    wanted = groups.within(seen.wanted, seen.group, code)
    found = groups.groups(db.session(), gate.viewer(), runtime().catalog, wanted, seen.group, now).lines
    if not found:
        abort(404)
    inside = _inside(seen, found[0], cursor, now) if seen.open == code else None
    return hx.respond(
        render_template("queues/_group.html", group=found[0], seen=seen, inside=inside, now=now)
    )


def _heads(seen: Looking, now: datetime) -> ResponseReturnValue:
    """The figures of the groups' heads, as they are now: each finds its place on the page, and none is added."""
    found = groups.groups(db.session(), gate.viewer(), runtime().catalog, seen.wanted, seen.group, now)
    return hx.respond(render_template("queues/_heads.html", groups=found))


@blueprint.get("/queue/rows")
@needs(Permission.SEE_CASES)
def rows() -> ResponseReturnValue:
    """The rows that the page shows already, as they are now; those that no longer fit say so. Nothing is added, so
    that nothing moves.
    """
    seen = looking(request.args)
    ids = [int(each) for each in request.args.get("ids", "").split("-") if is_number(each)]
    found = refreshed(
        db.session(), gate.viewer(), runtime().catalog, seen.wanted, ids[:REFRESH_LIMIT], now=utc_now()
    )
    target = hx.target_id()
    place = target if target.startswith("rows-") else "rows"  # of a group, or of the whole list
    return hx.respond(
        render_template(
            "queues/_rows.html",
            rows=found.rows,
            moved=found.moved,
            seen=seen,
            wanted=seen.wanted,
            rows_id=place,
        )
    )


@blueprint.post("/queue/claim")
@needs(Permission.WORK_CASES)
@transactional
def claim() -> ResponseReturnValue:
    """The ticked ones at once; all that match by way of the page that says how many those are."""
    if request.form.get("all"):
        return hx.go_to(url_for("bulk.new", action="claim", all="yes", **filter_of_form().to_args()))
    picked = picked_in(request.form)
    if not picked:
        flash("Nothing was ticked.", "amber")
        return hx.go_to(_back())
    try:
        made = bulk_actions.start(
            db.session(), acting.context(), gate.viewer(), token=uuid.uuid4().hex, action=Action.CLAIM,
            asked=Asked(), title=f"Claim {wording.plural(len(picked), 'exception')}", picked=picked,
        )  # fmt: skip
    except actions.NotAllowedError as error:
        db.session.rollback()
        flash(str(error), "amber")
    else:
        _tell_claimed(made.id)
    return hx.go_to(_back())


@blueprint.post("/queue/note/<reference>")
@needs(Permission.WORK_CASES)
@transactional
def note(reference: str) -> ResponseReturnValue:
    """A comment that is pinned at once: it stands on the row for everybody."""
    case, viewer, context = acting.case_or_404(reference), gate.viewer(), acting.context()
    text = request.form.get(f"note-{case.id}", "")
    try:
        written = actions.comment(db.session(), context, viewer, case, text=text)
        if written.pinned_at is None:
            comments.pin(db.session(), context, viewer, case, comment_id=written.id, expected_version=None)
    except actions.NotAllowedError as error:
        db.session.rollback()
        flash(str(error), "amber")
    else:
        flash(f"{case.reference}: the note is on its row now.", "green")
    return hx.go_to(_back())


@blueprint.post("/queue/retry")
@needs(Permission.RETRY)
def retry() -> ResponseReturnValue:
    """From the ticked rows, or all that match, to the page that says what a retry would do. Changes nothing."""
    if request.form.get("all"):
        return hx.go_to(url_for("retries.new", **filter_of_form().to_args()))
    picked = picked_in(request.form)
    if not picked:
        flash("Nothing was ticked.", "amber")
        return hx.go_to(_back())
    return hx.go_to(url_for("retries.new", case=[number for number, _ in picked]))


def _tell_claimed(number: int) -> None:
    """How many were claimed and how to take that back; why others were not, at length where they are few."""
    session, viewer = db.session(), gate.viewer()
    made = bulk.bulk_action(session, viewer, number, utc_now())
    done, refused = (made.count("done"), made.count("refused")) if made else (0, 0)
    link = Markup('{} <a href="{}">{}</a>')
    if done:
        claimed = f"{wording.plural(done, 'exception')} claimed."
        flash(link.format(claimed, url_for("bulk.show", bulk_id=number), "Results and undo"), "green")
    told = bulk.items(session, viewer, number, kind="refused")[:FEW]
    for line in told:
        flash(f"{line.reference}: {line.note}", "amber")
    if refused > len(told):
        others = f"{wording.plural(refused - len(told), 'other' if told else 'exception')} not claimed."
        flash(link.format(others, url_for("bulk.show", bulk_id=number, kind="refused"), "Why"), "amber")


def _back() -> str:
    """The queue with the filter, view and place that the form came from."""
    more = {name: request.form.get(f"f-{name}", "") for name in ("view", "after", "group", "open")}
    return facets.address(filter_of_form(), **more)
