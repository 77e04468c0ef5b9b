"""People: who may sign in, in which role, for which queues and entities."""

from __future__ import annotations

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.models import EVERYTHING, Role, User
from exceptions_app.queries import notices
from exceptions_app.queries import people as people_query
from exceptions_app.runtime import runtime
from exceptions_app.services import people as people_service

from . import gate, hx
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.get("/people")
@needs(Permission.ADMINISTER)
def people() -> ResponseReturnValue:
    text = request.args.get("q", "").strip()
    found = people_query.people(db.session(), utc_now(), text)
    return render_template(
        "admin/people.html", people=found, text=text, catalog=runtime().catalog,
        undeliverable=notices.undeliverable_to(db.session()),
        unreached=people_query.unreached(db.session(), runtime().catalog),
    )  # fmt: skip


@blueprint.get("/people/new")
@needs(Permission.ADMINISTER)
def new_person() -> ResponseReturnValue:
    return _form(None)


@blueprint.post("/people/new")
@needs(Permission.ADMINISTER)
@transactional
def add_person() -> ResponseReturnValue:
    form = request.form
    try:
        people_service.create_user(
            db.session(),
            email=form.get("email", ""),
            name=form.get("name", ""),
            password=form.get("password", ""),
            role=_role(),
            queues=_codes("queues", runtime().catalog.queues.keys()),
            entities=_codes("entities", runtime().catalog.entities.keys()),
            time_zone=form.get("time_zone", "").strip() or "UTC",
            function=form.get("function", ""),
            by=_by(),
            now=utc_now(),
            cheap=runtime().settings.cheap_passwords,
        )
    except people_service.PersonError as error:
        db.session.rollback()
        return _form(None, str(error)), 422
    flash(f"{form.get('name', '').strip()} may sign in now.", "green")
    return hx.go_to(url_for(".people"))


@blueprint.get("/people/<int:user_id>")
@needs(Permission.ADMINISTER)
def edit_person(user_id: int) -> ResponseReturnValue:
    return _form(_person_or_404(user_id).id)


@blueprint.post("/people/<int:user_id>")
@needs(Permission.ADMINISTER)
@transactional
def change_person(user_id: int) -> ResponseReturnValue:
    user = _person_or_404(user_id)
    active, role = request.form.get("active") == "yes", _role()
    if user.id == gate.user().id and (not active or role is not Role.ADMINISTRATOR):
        return _form(user.id, "You cannot take the administration away from yourself."), 422
    catalog = runtime().catalog
    people_service.set_scope(
        db.session(),
        user,
        by=_by(),
        now=utc_now(),
        role=role,
        queues=_codes("queues", catalog.queues.keys()),
        entities=_codes("entities", catalog.entities.keys()),
        active=active,
        function=request.form.get("function", ""),
    )
    flash(f"{user.name} has been changed.", "green")
    return hx.go_to(url_for(".people"))


@blueprint.post("/people/<int:user_id>/password")
@needs(Permission.ADMINISTER)
@transactional
def new_password(user_id: int) -> ResponseReturnValue:
    """A new password also ends a lock-out."""
    user = _person_or_404(user_id)
    try:
        people_service.set_password(
            db.session(),
            user,
            request.form.get("password", ""),
            by=_by(),
            now=utc_now(),
            cheap=runtime().settings.cheap_passwords,
        )
    except people_service.PersonError as error:
        db.session.rollback()
        return _form(user_id, str(error)), 422
    flash(f"{user.name} has a new password and is not locked out.", "green")
    return hx.go_to(url_for(".people"))


@blueprint.post("/people/<int:user_id>/unlock")
@needs(Permission.ADMINISTER)
@transactional
def unlock(user_id: int) -> ResponseReturnValue:
    user = _person_or_404(user_id)
    people_service.unlock(db.session(), user, by=_by(), now=utc_now())
    flash(f"{user.name} may sign in again.", "green")
    return hx.go_to(url_for(".people"))


def _form(user_id: int | None, problem: str | None = None) -> str:
    now = utc_now()
    person = people_query.person(db.session(), user_id, now) if user_id is not None else None
    return render_template(
        "admin/person.html",
        subject=person,
        problem=problem,
        typed=request.form,
        roles=list(Role),
        everything=EVERYTHING,
        functions=sorted(
            {queue.escalation for queue in runtime().catalog.queues.values() if queue.escalation}
        ),
        catalog=runtime().catalog,
    )


def _person_or_404(user_id: int) -> User:
    return db.session.get(User, user_id) or abort(404)


def _by() -> str:
    return f"user:{gate.user().id}"


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        abort(400)


def _codes(field: str, known: object) -> list[str]:
    """The ticked codes that exist; `*` alone where everything is ticked."""
    ticked = request.form.getlist(field)
    if EVERYTHING in ticked:
        return [EVERYTHING]
    return [code for code in ticked if code in known]  # type: ignore[operator]
