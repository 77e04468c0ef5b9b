"""Fix once: what an addition would do is looked at first (a task), then it is put in force, or withdrawn later.

What is put in force is what was looked at: the addition is read from the task, never from the second form.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import TypeAdapter
from sqlalchemy import select

from exceptions_app.access import Permission, sees_place
from exceptions_app.catalog.additions import Addition, ToleranceAddition, read_addition
from exceptions_app.domain.instant import from_iso, iso, utc_now
from exceptions_app.domain.money import from_e4
from exceptions_app.extensions import db
from exceptions_app.models import CatalogAddition, ExceptionCase, Task
from exceptions_app.queries import tasks as task_pages
from exceptions_app.queries.additions import sees_addition
from exceptions_app.queries.cases import rows_where
from exceptions_app.queries.clusters import BY
from exceptions_app.queries.tasks import TaskView
from exceptions_app.runtime import refresh_now, runtime
from exceptions_app.services import fix_once, remedies
from exceptions_app.services.acting import NotAllowedError

from . import acting, causes, gate, hx
from .forms import FormError, end_of, optional, required
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("cause_fixes", __name__, url_prefix="/causes")

SAMPLE = 50
_ADDITION: TypeAdapter[Any] = TypeAdapter(Addition)


@blueprint.post("/<reference>/preview")
@needs(Permission.WORK_CASES)
@transactional
def preview(reference: str) -> ResponseReturnValue:
    """What adding the missing entry or row would do."""
    line = causes.cause_or_404(reference)
    case = db.session().get_one(ExceptionCase, line.id)
    catalog = runtime().catalog

    def read() -> tuple[Addition, datetime | None]:
        found = remedies.remedy(catalog, case)
        if found is not None and found.kind == "reference_row":
            return remedies.row_for(catalog, case, request.form), end_of("expires")
        everywhere = optional("everywhere") == "yes"
        return remedies.entry_for(catalog, case, optional("canonical"), everywhere=everywhere), end_of(
            "expires"
        )

    def again(message: str) -> str:
        about = causes.about_cause(line)
        return render_template("causes/one.html", **about, message=message, typed=request.form)

    return _look(read, again, case, case.category, url_for("causes.show", reference=line.reference))


@blueprint.post("/limit/preview")
@needs(Permission.WORK_CASES)
@transactional
def preview_limit() -> ResponseReturnValue:
    """What a wider limit for some would do."""
    category, by, value = optional("category"), optional("by"), optional("value")
    about = causes.about_cluster(category, by, value)

    def read() -> tuple[Addition, datetime | None]:
        check, _, tolerance = optional("limit").partition("|")
        until = end_of("expires")
        places = [value] if by == "entity" else [code for code in request.form.getlist("entity") if code]
        whom = [value] if by == "counterparty" else []
        wider = remedies.limit_for(
            acting.context(), category, check=check, tolerance=tolerance, absolute=optional("absolute"),
            percent=optional("percent"), entity=places, counterparty=whom, until=until,
            facts={} if by in BY else {by: value},
        )  # fmt: skip
        return wider, until

    def again(message: str) -> str:
        return render_template("causes/cluster.html", **about, message=message, typed=request.form)

    back = url_for("causes.cluster", category=category, by=by, value=value)
    return _look(read, again, None, category, back)


def _look(
    read: Callable[[], tuple[Addition, datetime | None]], again: Callable[[str], str],
    case: ExceptionCase | None, category: str, back: str,
) -> ResponseReturnValue:  # fmt: skip
    """Ask for the preview of what was typed; what cannot be is told on the form that it was typed into."""
    try:
        addition, expires = read()
        reason = required("reason", "Say why: it stays with what is added.")
    except (FormError, NotAllowedError) as error:
        return again(str(error)), 422
    if not fix_once.may_ask(gate.viewer(), runtime().catalog, addition, case):
        return again("This reaches beyond what is yours: ask somebody whose scope holds all of it."), 403
    payload = {
        "addition": addition.model_dump(mode="json"), "case": case.id if case is not None else None,
        "category": category, "reason": reason, "expires_at": iso(expires) if expires else None, "back": back,
    }  # fmt: skip
    scope, told = f"preview:{gate.viewer().user_id}", {"addition": payload["addition"]}
    task = acting.ask_task("preview", scope, payload, always=True, told=told)
    return hx.go_to(url_for(".fix", task_id=task.id))


@blueprint.get("/fix/<int:task_id>")
@needs(Permission.SEE_CASES)
def fix(task_id: int) -> ResponseReturnValue:
    return hx.respond(_page(_preview_or_404(task_id), None))


@blueprint.post("/fix/<int:task_id>/apply")
@needs(Permission.WORK_CASES)
@transactional
def apply(task_id: int) -> ResponseReturnValue:
    """Put in force what was looked at. One audited action; the checks run next."""
    found = _preview_or_404(task_id)
    addition, case = _asked(found)
    viewer, context = gate.viewer(), acting.context()
    if found.status != "done" or found.result.get("refused"):
        return _page(found, "Look at what it would do first."), 409
    category = str(found.payload["category"])
    if not fix_once.may_apply(viewer, gate.user(), context.catalog, addition, case, category):
        return _page(
            found, "This takes the business owner of the category. Send them the address of this page."
        ), 403
    expires = found.payload.get("expires_at")
    try:
        row, flows = fix_once.apply(
            db.session(), context, runtime().files, addition, reason=str(found.payload["reason"]),
            asked_by=found.asked_by_id or viewer.user_id, approved_by=viewer.user_id,
            expires_at=from_iso(expires) if expires else None, case_id=case.id if case else None,
        )  # fmt: skip
    except NotAllowedError as error:
        return _page(found, str(error)), 409
    refresh_now(db.session(), context.now)
    told = " and ".join(flow.replace("_", " ") for flow in flows)
    flash(
        f"In force: {row.summary}. The checks of {told} run next; what they confirm closes by itself.",
        "green",
    )
    return hx.go_to(url_for("causes.index"))


@blueprint.post("/additions/<int:addition_id>/withdraw")
@needs(Permission.WORK_CASES)
@transactional
def withdraw(addition_id: int) -> ResponseReturnValue:
    """Take an addition out of force; the checks run next."""
    row = db.session().scalar(
        select(CatalogAddition).where(CatalogAddition.id == addition_id).with_for_update()
    )
    if row is None or not _may_withdraw(row):
        abort(404)
    context = acting.context()
    try:
        fix_once.withdraw(
            db.session(), context, runtime().files, row, by=gate.viewer().user_id, why=optional("why")
        )
    except NotAllowedError as error:
        flash(str(error), "amber")
        return hx.go_to(url_for("causes.index"))
    refresh_now(db.session(), context.now)
    flash(f"Withdrawn: {row.summary}. What it had settled is found again by the next run.", "green")
    return hx.go_to(url_for("causes.index"))


def _may_withdraw(row: CatalogAddition) -> bool:
    """Those who put it in force or could have, and those who answer for integration and see all that it concerns."""
    viewer, catalog = gate.viewer(), runtime().catalog
    if viewer.user_id == row.approved_by_id:
        return True
    if gate.allowed(Permission.REPEAT_RUNS) and sees_addition(viewer, catalog, row):
        return True
    addition = read_addition(row.payload)
    if not isinstance(addition, ToleranceAddition):
        case = db.session().get(ExceptionCase, row.case_id) if row.case_id else None
        return case is not None and fix_once.may_fix(viewer, case)
    categories = [code for code in catalog.categories if _decides(code, addition)]
    return any(fix_once.may_apply(viewer, gate.user(), catalog, addition, None, code) for code in categories)


def _decides(category: str, addition: ToleranceAddition) -> bool:
    limits = remedies.limits_for(runtime().catalog, category)
    return (addition.check, addition.tolerance) in {(one.check, one.tolerance) for one in limits}


def _asked(found: TaskView) -> tuple[Addition, ExceptionCase | None]:
    number = found.payload.get("case")
    case = db.session().get(ExceptionCase, number) if number else None
    return _ADDITION.validate_python(found.payload["addition"]), case


def _preview_or_404(task_id: int) -> TaskView:
    """A preview that the person asked for, or that they may put in force."""
    task = db.session().get(Task, task_id)
    if task is None or task.kind != "preview":
        abort(404)
    found = task_pages.view(db.session(), task)
    addition, case = _asked(found)
    category = str(found.payload["category"])
    viewer, catalog = gate.viewer(), runtime().catalog
    mine = found.asked_by_id == viewer.user_id
    if not mine and not fix_once.may_apply(viewer, gate.user(), catalog, addition, case, category):
        abort(404)
    return found


def _page(found: TaskView, message: str | None) -> str:
    addition, case = _asked(found)
    viewer, catalog = gate.viewer(), runtime().catalog
    category = str(found.payload["category"])
    ids = found.result.get("clear", {}).get("ids", [])
    declared = catalog.categories.get(category)
    return render_template(
        "causes/_fix.html" if hx.wants_fragment() else "causes/fix.html",
        task=found,
        said=remedies.said(catalog, addition),
        scoped=addition.scoped if isinstance(addition, ToleranceAddition) else None,
        owner=declared.owner if declared else "",
        may_apply=fix_once.may_apply(viewer, gate.user(), catalog, addition, case, category),
        sample=rows_where(
            db.session(), viewer, catalog, utc_now(), [ExceptionCase.id.in_(ids[:SAMPLE])], SAMPLE
        )
        if ids
        else [],
        opened=[
            row
            for row in found.result.get("open", {}).get("sample", [])
            if sees_place(viewer, row["entity"], row["queue"])
        ],
        titles={code: each.title for code, each in catalog.categories.items()},
        from_e4=from_e4,
        message=message,
    )
