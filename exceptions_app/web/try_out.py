"""Trying a changed or a new check: a piece of configuration is typed, and a task says what it would open and clear.

The page only asks: what was typed is judged and compared by the task. Nothing of it is ever put in force here.
"""

from __future__ import annotations

import json

import yaml
from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission, sees_network, sees_place
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.money import from_e4
from exceptions_app.extensions import db
from exceptions_app.models import ExceptionCase, Task
from exceptions_app.queries import tasks as task_pages
from exceptions_app.queries.cases import rows_where
from exceptions_app.queries.tasks import TaskView
from exceptions_app.runtime import runtime

from . import acting, gate, hx
from .forms import is_number, optional
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("try_out", __name__, url_prefix="/integration/try")

KIND = "try"
SAMPLE = 50
MOST_TEXT = 100_000


@blueprint.get("")
@needs(Permission.REPEAT_RUNS)
def index() -> ResponseReturnValue:
    code = request.args.get("check", "")
    return _form(_begun(code), 0)


@blueprint.post("")
@needs(Permission.REPEAT_RUNS)
@transactional
def ask() -> ResponseReturnValue:
    text, days = request.form.get("text", "").replace("\r\n", "\n"), optional("days")
    if not sees_network(gate.viewer(), runtime().catalog):
        return _form(text, 0, "A check reaches every facility: ask somebody who sees all of them."), 403
    if not text.strip() or len(text) > MOST_TEXT or not is_number(days):
        return _form(
            text, 0, "Type what is to be tried, as it would stand in a file, and how many days."
        ), 422
    payload = {"text": text, "days": int(days)}
    task = acting.ask_task(KIND, f"{KIND}:{gate.viewer().user_id}", payload, always=True)
    return hx.go_to(url_for(".show", task_id=task.id))


@blueprint.get("/<int:task_id>")
@needs(Permission.REPEAT_RUNS)
def show(task_id: int) -> ResponseReturnValue:
    """What came of it, for who asked."""
    task = db.session().get(Task, task_id)
    if task is None or task.kind != KIND or task.requested_by_id != gate.viewer().user_id:
        abort(404)
    found = task_pages.view(db.session(), task)
    return hx.respond(_result(found))


def _result(found: TaskView) -> str:
    viewer, catalog = gate.viewer(), runtime().catalog
    ids = found.result.get("clear", {}).get("ids", [])[:SAMPLE]
    opened = found.result.get("open", {}).get("sample", [])
    return render_template(
        "integration/_tried.html" if hx.wants_fragment() else "integration/tried.html",
        task=found,
        titles={code: each.title for code, each in catalog.categories.items()},
        sample=rows_where(db.session(), viewer, catalog, utc_now(), [ExceptionCase.id.in_(ids)], SAMPLE)
        if ids
        else [],
        opened=[row for row in opened if sees_place(viewer, row["entity"], row["queue"])],
        from_e4=from_e4,
    )


def _form(text: str, days: int, problem: str = "") -> str:
    checks = sorted(runtime().catalog.checks.values(), key=lambda check: check.title)
    return render_template("integration/try.html", text=text, days=days, problem=problem, checks=checks)


def _begun(code: str) -> str:
    """The limits of a check as an override of them, or the whole of one that is switched off."""
    check = runtime().catalog.checks.get(code)
    if check is None:
        return ""
    plain = json.loads(check.model_dump_json(exclude_defaults=True))
    wanted = {name: plain[name] for name in ("tolerances",) if name in plain}
    change = wanted if check.enabled else {**wanted, "enabled": True}
    if not change:
        change = {"enabled": True}
    return yaml.safe_dump({"overrides": {"checks": {code: change}}}, sort_keys=False, allow_unicode=True)
