"""What people keep of the queue: saved views, columns and density, and pasted lists of references.

Each is a form that comes from the queue and goes back to it; nothing here changes an exception.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain.search_terms import REFERENCE_LIMIT, pasted, references
from exceptions_app.extensions import db
from exceptions_app.queries import views
from exceptions_app.queries.references import meant
from exceptions_app.services import views as keeping
from exceptions_app.services.acting import NotAllowedError

from . import acting, facets, gate, hx
from .forms import filter_of_form, is_number, optional
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("views", __name__, url_prefix="/queue")

ADDRESS_LIMIT = 1_500
"""Letters of references that still fit an address; more are stored as a list."""


@blueprint.get("/views")
@needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """The views that the person may open, and what they can do with each."""
    look = views.look(db.session(), gate.viewer())
    return render_template("queues/views.html", look=look, groupings=views.GROUPINGS)


@blueprint.post("/views")
@needs(Permission.SEE_CASES)
@transactional
def save() -> ResponseReturnValue:
    """Keep what is looked at: under a new name, or as the view that it began as."""
    session, viewer, context = db.session(), gate.viewer(), acting.context()
    known = request.form.get("update", "")
    if is_number(known):
        said = "The view shows this from now on."
        return _tried(
            lambda: said if keeping.update(session, context, viewer, int(known), _shown()) else "",
            url_for("queues.index", view=known),
        )
    try:
        shared = bool(request.form.get("shared"))
        made = keeping.save(session, context, viewer, optional("name"), _shown(), shared=shared)
    except NotAllowedError as error:
        db.session.rollback()
        flash(str(error), "amber")
        return hx.go_to(_back())
    if request.form.get("default"):
        keeping.make_default(session, viewer, made.id)
    flash(f"Saved as “{made.name}”.", "green")
    return hx.go_to(url_for("queues.index", view=made.id))


@blueprint.post("/views/<int:view_id>/rename")
@needs(Permission.SEE_CASES)
@transactional
def rename(view_id: int) -> ResponseReturnValue:
    shared = bool(request.form.get("shared"))

    def change() -> str:
        context = acting.context()
        made = keeping.rename(db.session(), context, gate.viewer(), view_id, optional("name"), shared=shared)
        return f"“{made.name}” is changed."

    return _tried(change, url_for(".index"))


@blueprint.post("/views/<int:view_id>/delete")
@needs(Permission.SEE_CASES)
@transactional
def delete(view_id: int) -> ResponseReturnValue:
    return _tried(
        lambda: f"“{keeping.delete(db.session(), gate.viewer(), view_id)}” is deleted.", url_for(".index")
    )


@blueprint.post("/views/<int:view_id>/default")
@needs(Permission.SEE_CASES)
@transactional
def default(view_id: int) -> ResponseReturnValue:
    """What the queue opens with; 0: everything."""

    def change() -> str:
        keeping.make_default(db.session(), gate.viewer(), view_id or None)
        return "The queue opens with it from now on." if view_id else "The queue opens with everything."

    return _tried(change, url_for(".index"))


@blueprint.post("/layout")
@needs(Permission.SEE_CASES)
@transactional
def layout() -> ResponseReturnValue:
    """Columns in their order, and density: remembered with one's own view where one is open, else for the person; in a
    colleague's view for the person and that view.
    """
    columns, density = ("", "") if request.form.get("reset") else _chosen()
    view = request.form.get("f-view", "")
    try:
        if is_number(view):
            keeping.set_columns(db.session(), acting.context(), gate.viewer(), int(view), columns, density)
        else:
            keeping.set_layout(db.session(), gate.viewer(), columns, density)
    except NotAllowedError as error:
        flash(str(error), "amber")
    return hx.go_to(_back())


def _chosen() -> tuple[str, str]:
    """The columns of the form, between commas, and its density; one button moves one column."""
    order = [code for code in request.form.getlist("order") if code in views.COLUMNS]
    shown = {*request.form.getlist("column"), views.ALWAYS}
    code, _, way = request.form.get("move", "").partition(":")
    if code in order and way in {"up", "down"}:
        at = order.index(code)
        order.insert(max(0, min(len(order) - 1, at + (1 if way == "down" else -1))), order.pop(at))
    density = request.form.get("density", "")
    return ",".join(each for each in order if each in shown), density if density in views.DENSITIES else ""


@blueprint.post("/references")
@needs(Permission.SEE_CASES)
@transactional
def paste() -> ResponseReturnValue:
    """From pasted text to the queue of what is called so or about such documents, whatever its state."""
    given = meant(db.session(), gate.viewer(), pasted(optional("references")))
    if not given:
        flash("No reference was found in what you pasted.", "amber")
        return hx.go_to(_back())
    if len(given) > REFERENCE_LIMIT:
        given = given[:REFERENCE_LIMIT]
        flash(f"Only the first {REFERENCE_LIMIT} references are looked for.", "amber")
    address = " ".join(given)
    if len(address) <= ADDRESS_LIMIT and references(address) == given:
        return hx.go_to(url_for("queues.index", refs=address, status="any"))
    key = keeping.keep_list(db.session(), acting.context(), gate.viewer(), given)
    return hx.go_to(url_for("queues.index", listed=key, status="any"))


def _tried(change: Callable[[], str], to: str) -> ResponseReturnValue:
    try:
        said = change()
    except NotAllowedError as error:
        db.session.rollback()
        flash(str(error), "amber")
    else:
        flash(said, "green")
    return hx.go_to(to)


def _shown() -> keeping.Shown:
    """What is looked at: the filter, and the columns and density as they are shown."""
    group, columns = request.form.get("f-group", ""), request.form.get("columns", "")
    density = request.form.get("density", "")
    if (group and group not in views.GROUPINGS) or (density and density not in views.DENSITIES):
        abort(400)
    return keeping.Shown(filter_of_form().to_args(), group, ",".join(views.known_columns(columns)), density)


def _back() -> str:
    more = {name: request.form.get(f"f-{name}", "") for name in ("view", "group")}
    return facets.address(filter_of_form(), **more)
