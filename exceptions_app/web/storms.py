"""Runs that are held: what they would open and why, and a person's decision."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain.money import from_e4
from exceptions_app.extensions import db
from exceptions_app.models import Storm
from exceptions_app.queries import storms as queries
from exceptions_app.queries.storms import StormLine
from exceptions_app.runtime import runtime
from exceptions_app.services import storms as services
from exceptions_app.services.acting import NotAllowedError

from . import acting, gate, hx
from .forms import optional
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("storms", __name__, url_prefix="/integration/storms")


@blueprint.get("")
@needs(Permission.SEE_STORMS)
def index() -> ResponseReturnValue:
    before = request.args.get("before", type=int)
    found = queries.page(db.session(), gate.viewer(), runtime().catalog, before=before)
    return render_template("integration/storms.html", storms=found, size=queries.PAGE)


@blueprint.get("/<int:storm_id>")
@needs(Permission.SEE_STORMS)
def show(storm_id: int) -> ResponseReturnValue:
    return _page(_storm_or_404(storm_id))


@blueprint.post("/<int:storm_id>/release")
@needs(Permission.DECIDE_STORMS)
@transactional
def release(storm_id: int) -> ResponseReturnValue:
    storm = _storm_or_404(storm_id)
    if not storm.may_release:
        abort(409)
    return _decided(storm, services.release, f"Released: the next run of {storm.title} takes it in.")


@blueprint.post("/<int:storm_id>/discard")
@needs(Permission.DECIDE_STORMS)
@transactional
def discard(storm_id: int) -> ResponseReturnValue:
    storm = _storm_or_404(storm_id)
    if not storm.may_discard:
        abort(409)
    said = "Discarded: it stays held until what would open is something else."
    return _decided(storm, services.discard, said)


def _decided(storm: StormLine, decide: Callable[..., Storm], said: str) -> ResponseReturnValue:
    try:
        decide(db.session(), acting.context(), storm.id, by=gate.viewer().user_id, why=optional("why"))
    except NotAllowedError as error:
        return _page(storm, str(error)), 422
    flash(said, "green")
    return hx.go_to(url_for(".index"))


def _storm_or_404(storm_id: int) -> StormLine:
    found = queries.one(db.session(), gate.viewer(), runtime().catalog, storm_id)
    if found is None:
        abort(404)
    return found


def _page(storm: StormLine, problem: str = "") -> str:
    titles = {code: each.title for code, each in runtime().catalog.categories.items()}
    return render_template(
        "integration/storm.html", storm=storm, titles=titles, from_e4=from_e4, problem=problem
    )
