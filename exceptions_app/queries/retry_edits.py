"""Editing what a retry sends: which fields a person may change and how, and what their edit comes to before it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, sees
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Operation, SentField
from exceptions_app.domain import wording
from exceptions_app.models import Delivery, ExceptionCase
from exceptions_app.services import retry_values
from exceptions_app.services.retry_approving import because
from exceptions_app.services.retry_asking import evidence_of
from exceptions_app.services.retry_values import SENSITIVE
from exceptions_app.services.retry_worth import Says

from .deliveries import FieldLine, LineMaker


@dataclass(frozen=True, slots=True)
class Input:
    """One field of the edit form. `kind`: choice, date, number, whole, yes_no, time or text."""

    name: str
    label: str
    kind: str
    value: str
    required: bool
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """An edit as it would be sent. `problems`: field -> what is wrong; `approval`: why a second person must agree,
    empty where nobody need.
    """

    diff: tuple[FieldLine, ...]
    given: Mapping[str, str]
    problems: Mapping[str, str]
    approval: str


def reviewed(
    maker: LineMaker, operation: Operation, case: ExceptionCase, values: Mapping[str, str | None],
    given: Mapping[str, str], says: Says, again: Delivery | None = None,
) -> Review:  # fmt: skip
    """What these edits of `values` come to, by what the exception `says`; `again`: the write that gave up with them.
    What is still missing is a problem, too.
    """
    edits = retry_values.edit(operation, values, given, maker.viewer)
    problems = dict(edits.problems)
    for name in retry_values.missing(operation, edits.values):
        problems.setdefault(name, "A value is required.")
    fields = maker.fields(operation, edits.values, dict(edits.diff), case.currency)
    diff = edits.diff if again is None else retry_values.edited_since(operation, again, edits)
    currency = maker.catalog.site.reporting_currency
    why = because(operation, case, edits.values, diff, says, currency)
    return Review(fields, dict(given), problems, why or "")


def whys(session: Session, catalog: Catalog, delivery_ids: Collection[int]) -> dict[int, str]:
    """Of writes that wait for a second person, why each needs one by what its exception says now. Two statements."""
    wanted = select(Delivery, ExceptionCase).join(ExceptionCase, ExceptionCase.id == Delivery.case_id)
    rows = session.execute(wanted.where(Delivery.id.in_(delivery_ids))).all()
    evidence = evidence_of(session, [case for _, case in rows])
    found = {}
    for delivery, case in rows:
        operation = catalog.operations.get(delivery.operation)
        if operation is None:
            continue
        says = partial(retry_values.said, evidence.get(case.id, {}), retry_values.loads(case.facts))
        diff = {name: (pair[0], pair[1]) for name, pair in retry_values.loads(delivery.edited).items()}
        known = {name: pair for name, pair in diff.items() if name in operation.fields}
        values, currency = retry_values.loads(delivery.fields), catalog.site.reporting_currency
        found[delivery.id] = because(operation, case, values, known, says, currency) or ""
    return found


def inputs_of(viewer: Viewer, operation: Operation, values: Mapping[str, str | None]) -> tuple[Input, ...]:
    """The fields that this person may edit, each with what would be sent."""
    return tuple(
        Input(
            name, retry_values.label(operation, name), _kind(sent), values.get(name) or "", sent.required,
            tuple(sent.one_of),
        )
        for name, sent in operation.fields.items()
        if sent.edit and sees(viewer, sent.sensitivity)
    )  # fmt: skip


def second_person(catalog: Catalog, operation: Operation | None) -> str:
    """When somebody else must agree, in words."""
    if operation is None:
        return ""
    if operation.always_approve:
        return "A second person must approve everything that is sent like this."
    said = []
    if operation.approve_above is not None:
        limit = wording.money(operation.approve_above, catalog.site.reporting_currency)
        said.append(f"an edit that comes to more than {limit}")
    if any(sent.edit and sent.sensitivity in SENSITIVE for sent in operation.fields.values()):
        said.append("an edit of pay or bank data")
    return f"A second person must approve {' and '.join(said)}." if said else ""


def _kind(sent: SentField) -> str:
    if sent.one_of:
        return "choice"
    kinds = {
        "date": "date", "timestamp": "time", "boolean": "yes_no", "integer": "whole", "money": "number",
        "decimal": "number", "quantity": "number",
    }  # fmt: skip
    return kinds.get(sent.type, "text")
