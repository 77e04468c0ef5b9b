"""Exports: asking for a workbook of the current filter, watching it, fetching it, the history."""

from __future__ import annotations

import uuid
from pathlib import Path

from flask import Blueprint, abort, flash, render_template, send_file, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission, Scope, reaches
from exceptions_app.extensions import db
from exceptions_app.queries import people, tasks
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.runtime import runtime
from exceptions_app.services.audit import AuditTag

from . import acting, facets, gate, hx
from .forms import filter_of_form
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("exports", __name__, url_prefix="/exports")

NOBODYS: Scope = {"queues": None, "entities": None}
"""What is not known to have been made for less holds everything."""
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("")
@needs(Permission.EXPORT)
def index() -> ResponseReturnValue:
    viewer, catalog = gate.viewer(), runtime().catalog
    history = tasks.exports(db.session(), viewer)
    team = people.colleagues(db.session())
    filters = {
        task.id: facets.chips(catalog, QueueFilter.from_args(task.payload.get("filter") or {}), team, viewer)
        for task in history
    }
    return render_template("exports/index.html", history=history, filters=filters)


@blueprint.post("")
@needs(Permission.EXPORT)
@transactional
def ask() -> ResponseReturnValue:
    """Insert the task: the web never writes a workbook itself."""
    wanted = filter_of_form().to_args()
    acting.ask_task(
        "export", f"export:{uuid.uuid4().hex}", {"filter": wanted, "user_id": gate.viewer().user_id},
        always=True, tag=AuditTag.EXPORT_ASKED, told={"filter": wanted},
    )  # fmt: skip
    return hx.go_to(url_for(".index"))


@blueprint.get("/<int:task_id>/download")
@needs(Permission.EXPORT)
def download(task_id: int) -> ResponseReturnValue:
    found = tasks.task(db.session(), gate.viewer(), task_id)
    if found is None or found.kind != "export" or found.status != "done":
        abort(404)
    if not reaches(gate.viewer(), found.result.get("scope") or NOBODYS):
        flash("It holds exceptions that are no longer yours to see. Ask for it again.", "amber")
        return hx.go_to(url_for(".index"))
    name = Path(str(found.result.get("file", ""))).name
    path = runtime().exports / name
    if not name or not path.is_file():
        abort(404)
    title = f"exceptions-{found.created_at:%Y-%m-%d-%H%M}.xlsx"
    return send_file(path.resolve(), mimetype=WORKBOOK, as_attachment=True, download_name=title)
