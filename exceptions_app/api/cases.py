"""Exceptions for programs: the queue by its filter, and one of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from apiflask import abort as refuse
from flask import abort, request

from exceptions_app.access import Permission, needs
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries import cases, keyset
from exceptions_app.queries.detail import detail
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.runtime import runtime

from .caller import viewer
from .shapes import ExceptionDetail, ExceptionLine, ExceptionPage, QueueQuery

blueprint = APIBlueprint("api_exceptions", __name__, tag="Exceptions", url_prefix="/api/v1/exceptions")


@blueprint.get("")
@blueprint.input(QueueQuery, location="query", arg_name="wanted")
@blueprint.output(ExceptionPage)
@blueprint.doc(security="key")
@needs(Permission.SEE_CASES)
def index(wanted: QueueQuery) -> dict[str, Any]:
    """The queue

    Exceptions that the person may see, by filter, a page at a time.
    """
    if wanted.after is not None and keyset.Order(wanted.sort).read_cursor(wanted.after) is None:
        expected = "expected `next` of the page before, of the same sort"
        refuse(422, "Validation error", {"query": {"after": [expected]}})
    found = cases.page(
        db.session(), viewer(), runtime().catalog, QueueFilter.from_args(request.args),
        now=utc_now(), cursor=wanted.after, size=wanted.size,
    )  # fmt: skip
    return {
        "exceptions": [ExceptionLine.model_validate(row) for row in found.rows],
        "next": found.next_cursor,
        "count": found.count,
        "count_is_capped": found.capped,
    }


@blueprint.get("/<reference>")
@blueprint.output(ExceptionDetail)
@blueprint.doc(security="key")
@needs(Permission.SEE_CASES)
def show(reference: str) -> dict[str, Any]:
    """One exception

    By its reference, e.g. EX-7F3K2Q: its sides, what to do, its clock and what happened.
    """
    number = public_id.decode(reference)
    found = None if number is None else detail(
        db.session(), viewer(), runtime().catalog, number, now=utc_now()
    )  # fmt: skip
    if found is None:
        abort(404)
    own = {name: getattr(found, name) for name in ("cause", "guidance", "whose_move", "also")}
    timeline = [{"at": one.at, "who": one.who, "did": one.did} for one in found.happenings]
    return found.row._asdict() | own | {
        "sla": asdict(found.row.sla), "clock": asdict(found.clock), "sides": asdict(found.sides), "timeline": timeline,
    }  # fmt: skip
