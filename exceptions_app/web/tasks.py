"""The progress of background work, as a fragment that asks again while there is progress to show."""

from __future__ import annotations

from flask import Blueprint, abort, flash, render_template, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.models import Task
from exceptions_app.queries import tasks
from exceptions_app.services import tasks as task_service

from . import gate, hx
from .gate import SIGNED_IN, needs
from .transaction import transactional

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")


@blueprint.get("/<int:task_id>")
@needs(SIGNED_IN)
def show(task_id: int) -> ResponseReturnValue:
    found = tasks.task(db.session(), gate.viewer(), task_id)
    if found is None:
        abort(404)
    template = "tasks/_progress.html" if hx.wants_fragment() else "tasks/index.html"
    return hx.respond(render_template(template, task=found))


@blueprint.post("/<int:task_id>/cancel")
@needs(SIGNED_IN)
@transactional
def cancel(task_id: int) -> ResponseReturnValue:
    """Only who asked for it cancels it."""
    found = db.session.get(Task, task_id)
    if found is None or found.requested_by_id != gate.viewer().user_id:
        abort(404)
    stopped = task_service.cancel(db.session(), found, utc_now())
    flash("It will stop." if stopped else "It had already ended.", "green" if stopped else "amber")
    return hx.go_to(url_for("exports.index") if found.kind == "export" else url_for(".show", task_id=task_id))
