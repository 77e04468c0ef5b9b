"""The work queue: a filtered page, and claiming or assigning several exceptions at once."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from exceptions_app.access import Permission
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries import people
from exceptions_app.queries.cases import page
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.runtime import runtime
from exceptions_app.services import actions

from . import acting, facets, gate, hx
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("queues", __name__)

BULK_LIMIT = 200


@blueprint.get("/queue")
@needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    wanted = QueueFilter.from_args(request.args)
    number = public_id.decode(wanted.q) if wanted.q else None
    if number is not None and not hx.wants_fragment():  # a reference in the search box is a jump
        return hx.vary(redirect(url_for("cases.show", reference=public_id.encode(number))))
    return _render(wanted, request.args.get("after"))


def _render(wanted: QueueFilter, cursor: str | None) -> ResponseReturnValue:
    viewer, catalog, now = gate.viewer(), runtime().catalog, utc_now()
    found = page(db.session(), viewer, catalog, wanted, now=now, cursor=cursor)
    team = people.colleagues(db.session())
    template = "queues/_queue.html" if hx.wants_fragment() else "queues/index.html"
    return hx.respond(
        render_template(
            template,
            page=found,
            wanted=wanted,
            facets=facets.facets(viewer, catalog, wanted, team),
            chips=facets.chips(catalog, wanted, team, viewer),
            sorts=facets.sort_links(wanted),
            team=team,
            cursor=cursor,
            now=now,
        )
    )


@blueprint.post("/queue/claim")
@needs(Permission.WORK_CASES)
@transactional
def claim() -> ResponseReturnValue:
    result = actions.bulk_claim(db.session(), acting.context(), gate.viewer(), _picked())
    return _told(result, "claimed")


@blueprint.post("/queue/assign")
@needs(Permission.ASSIGN_OTHERS)
@transactional
def assign() -> ResponseReturnValue:
    owner = request.form.get("owner", "")
    if not owner.isdecimal():
        flash("Choose a person first: nothing was assigned.", "amber")
        return hx.go_to(_back())
    result = actions.bulk_assign(db.session(), acting.context(), gate.viewer(), _picked(), int(owner))
    return _told(result, "assigned")


@blueprint.post("/queue/retry")
@needs(Permission.RETRY)
def retry() -> ResponseReturnValue:
    """From the ticked rows to the page that says what a retry of them would do. Changes nothing."""
    picked = _picked()
    if not picked:
        flash("Nothing was ticked.", "amber")
        return hx.go_to(_back())
    return hx.go_to(url_for("retries.new", case=[number for number, _ in picked]))


def _picked() -> list[tuple[int, int]]:
    """The ticked rows as (id, version the person saw)."""
    picked = []
    for value in request.form.getlist("pick")[:BULK_LIMIT]:
        number, _, version = value.partition(":")
        if not (number.isdecimal() and version.isdecimal()):
            abort(400)
        picked.append((int(number), int(version)))
    return picked


def _told(results: list[actions.BulkResult], done: str) -> ResponseReturnValue:
    """Back to the same queue, saying how many were done and why others were not."""
    good = sum(result.done for result in results)
    if not results:
        flash("Nothing was ticked.", "amber")
    elif good:
        flash(f"{wording.plural(good, 'exception')} {done}.", "green")
    for result in [r for r in results if not r.done][:5]:
        flash(f"{public_id.encode(result.case_id)}: {result.problem}", "amber")
    return hx.go_to(_back())


def _back() -> str:
    """The queue with the filter the form came from."""
    given = MultiDict([(k[2:], v) for k, v in request.form.items(multi=True) if k.startswith("f-")])
    return url_for("queues.index", **QueueFilter.from_args(given).to_args())
