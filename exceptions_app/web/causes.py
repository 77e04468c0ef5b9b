"""Causes: what many exceptions follow from or have in common, one page each, and what would mend it once.

Looking at what an addition would do is `cause_fixes`'. Who may do what is the services' business.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.models import ExceptionCase
from exceptions_app.queries import additions, causes, clusters
from exceptions_app.queries.cases import rows_where
from exceptions_app.queries.causes import CauseLine
from exceptions_app.queries.clusters import BY
from exceptions_app.queries.filter_sql import LIVE_SQL
from exceptions_app.runtime import runtime
from exceptions_app.services import fix_once, remedies

from . import gate
from .gate import needs

blueprint = Blueprint("causes", __name__, url_prefix="/causes")

SAMPLE = 20


@blueprint.get("")
@needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    session, viewer, catalog = db.session(), gate.viewer(), runtime().catalog
    return render_template(
        "causes/index.html",
        causes=causes.causes(session, viewer, catalog),
        clusters=clusters.clusters(session, viewer, catalog),
        fixed=additions.lines(session, viewer, runtime().files, utc_now()),
    )


@blueprint.get("/<reference>")
@needs(Permission.SEE_CASES)
def show(reference: str) -> ResponseReturnValue:
    line = cause_or_404(reference)
    return render_template("causes/one.html", **about_cause(line), message=None, typed={})


@blueprint.get("/cluster")
@needs(Permission.SEE_CASES)
def cluster() -> ResponseReturnValue:
    about = about_cluster(
        request.args.get("category", ""), request.args.get("by", ""), request.args.get("value", "")
    )
    return render_template("causes/cluster.html", **about, message=None, typed={})


def cause_or_404(reference: str) -> CauseLine:
    """The cause behind a public reference, if the person sees it or anything that follows from it."""
    number = public_id.decode(reference)
    line = None if number is None else causes.cause(db.session(), gate.viewer(), runtime().catalog, number)
    return line if line is not None else abort(404)


def about_cause(line: CauseLine) -> dict[str, Any]:
    """What the page of a cause shows."""
    session, viewer, catalog = db.session(), gate.viewer(), runtime().catalog
    case = session.get_one(ExceptionCase, line.id)
    category = catalog.categories.get(case.category)
    children: list[Any] = [LIVE_SQL, ExceptionCase.parent_id == line.id]
    sample = rows_where(session, viewer, catalog, utc_now(), children, SAMPLE)
    return {
        "cause": line,
        "category": category,
        "live": case.status in ("open", "awaiting_confirmation"),
        "sample": sample,
        "remedy": remedies.remedy(catalog, case),
        "may_ask": fix_once.may_fix(viewer, case),
        "known": remedies.canonical_identifiers(catalog, case),
    }


def about_cluster(category: str, by: str, value: str) -> dict[str, Any]:
    """What the page of a cluster shows; 404 where the person sees nothing of it."""
    session, viewer, catalog = db.session(), gate.viewer(), runtime().catalog
    declared = catalog.categories.get(category)
    if by not in BY and (declared is None or by not in declared.shared):
        abort(404)
    line = clusters.cluster(session, viewer, catalog, category, by, value)
    if line is None:
        abort(404)
    conditions: list[Any] = [
        LIVE_SQL, ExceptionCase.parent_id.is_(None), ExceptionCase.category == category, clusters.shares(by, value),
    ]  # fmt: skip
    return {
        "cluster": line,
        "category": declared,
        "sample": rows_where(session, viewer, catalog, utc_now(), conditions, SAMPLE),
        "limits": remedies.limits_for(catalog, category, None if by in BY else by),
        "entities": [
            (code, entity.name)
            for code, entity in catalog.entities.items()
            if viewer.entities is None or code in viewer.entities
        ],
        "last_close": remedies.last_close(catalog, utc_now()),
        "today": utc_now().date().isoformat(),
    }
