"""Asks before a record is written: would it break a check, be there twice, or miss a crosswalk? Changes nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from apiflask import APIBlueprint, abort
from flask import g
from pydantic import BaseModel, ConfigDict, Field

from exceptions_app.access import SENSITIVITIES, Permission, Viewer, needs
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries import validating
from exceptions_app.queries.validating import Objection
from exceptions_app.records.candidate import Candidate
from exceptions_app.runtime import runtime
from exceptions_app.services.engine import only_reads

from .caller import viewer

blueprint = APIBlueprint("api_validate", __name__, tag="Validate", url_prefix="/api/v1/validate")


class ValidateInput(BaseModel):
    """A record by its canonical columns. Numbers may be written as text, so that they stay exact."""

    model_config = ConfigDict(extra="forbid")

    system: str = Field(description="the code of the system that it would stand in")
    entity: str | None = Field(None, description="whose it would be; records of the network have none")
    new: bool = Field(False, description="it is to be added: one that is there already is an objection, too")
    record: dict[str, str | int | Decimal | bool | None] = Field(description="column -> value, one at least")


class ObjectionShape(BaseModel):
    """One thing that is wrong; `kind` is value, crosswalk, exists, duplicate or check."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    said: str
    column: str
    suggestion: str = Field(description="what may be meant")
    check: str
    category: str
    severity: str
    reference: str = Field(description="the record or transaction that it is about")


class ValidateOutput(BaseModel):
    """`ok`: nothing is wrong as far as it could be told; `not_run` says of which checks it could not, and why."""

    ok: bool
    objections: list[ObjectionShape]
    checks: list[str] = Field(description="the checks that were run")
    not_run: dict[str, str]
    correlation_id: str


@blueprint.post("/<record_type>")
@blueprint.input(ValidateInput, arg_name="asked")
@blueprint.output(ValidateOutput)
@blueprint.doc(security="key", responses={403: "Not this person's to ask about", 404: "No such record type"})
@needs(Permission.SEE_CASES)
@only_reads
def validate(record_type: str, asked: ValidateInput) -> dict[str, Any]:
    """Before a record is written

    Whether it would break a check, duplicate a record or miss a crosswalk, by what is known now. Nothing is stored.
    """
    at, person = runtime(), viewer()
    declared = at.catalog.record_types.get(record_type)
    if declared is None:
        abort(404, f"'{record_type[:64]}' is no record type.")
    if not asked.record:
        abort(422, f"record: it is empty; expected a value for each known column of {record_type}.")
    if asked.system not in at.catalog.systems:
        abort(422, f"system: '{asked.system[:64]}' is none of the systems.")
    entity = asked.entity if declared.scope == "entity" else None
    if declared.scope == "entity" and entity not in at.catalog.entities:
        abort(
            422, f"entity: '{str(entity)[:64]}' is none of the entities; records of this type belong to one."
        )
    _allow(person, record_type, entity, asked)
    values = {name: text for name, value in asked.record.items() if (text := _text(value)) is not None}
    candidate = Candidate(at.catalog, record_type, asked.system, entity, values, utc_now())
    found = validating.judge(db.session(), at.settings, at.store, candidate, new=asked.new)
    return {
        "ok": not found.objections,
        "objections": [_shown(person, one) for one in found.objections],
        "checks": found.checks,
        "not_run": found.not_run,
        "correlation_id": g.get("correlation_id", ""),
    }


def _allow(person: Viewer, record_type: str, entity: str | None, asked: ValidateInput) -> None:
    """Nobody learns of facilities or columns that they may not read by asking whether a value is known."""
    if entity is not None and person.entities is not None and entity not in person.entities:
        abort(403, "That entity is not yours to ask about.")
    columns = runtime().catalog.record_types[record_type].columns
    readable = SENSITIVITIES[person.role]
    hidden = [n for n in asked.record if n in columns and columns[n].sensitivity not in readable]
    if hidden:
        abort(403, f"Your role does not read {', '.join(hidden)}.")


def _shown(person: Viewer, one: Objection) -> dict[str, Any]:
    """Of what another queue works on only the category is told."""
    category = runtime().catalog.categories.get(one.category)
    if category is not None and person.queues is not None and category.queue not in person.queues:
        return asdict(replace(one, said=category.title, reference=""))
    return asdict(one)


def _text(value: str | int | Decimal | bool | None) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value).strip()
    return text or None
