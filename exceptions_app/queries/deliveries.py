"""One retry as people read it: what is sent where, how it stands and since when, who asked, what went wrong.

Only of exceptions that the viewer may see; values that are too sensitive for them are hidden here, before a template
sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session, aliased

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Operation
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.money import from_e4
from exceptions_app.domain.retry import LIVE
from exceptions_app.models import Delivery, ExceptionCase, RetryBatch, SystemGate, User
from exceptions_app.services.retry_values import label, loads

from . import retry_words as words
from .retry_sentences import Around, Sentences
from .words import entity_name, zone_of

Case = ExceptionCase
_Approver = aliased(User, name="approver")
_COLUMNS = (
    Delivery, Case.reference, Case.entity, Case.amount_e4, Case.currency, Case.status.label("case_status"),
    Case.check_code, Case.version, Case.sentence, User.name.label("asker"), _Approver.name.label("approver"),
    RetryBatch.status.label("batch_status"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One value of a write. `before` is what it was where somebody edited it. None: there is no value."""

    name: str
    label: str
    value: str | None
    before: str | None = None
    edited: bool = False

    @property
    def hidden(self) -> bool:
        return self.value == words.HIDDEN


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One retry. `label` and `tone` are for a chip, `sentence` says the same with times and reasons."""

    id: int
    case_id: int
    reference: str
    business_reference: str
    finding: str
    entity_name: str
    amount: str
    batch_id: int | None
    operation: str
    title: str
    system_name: str
    status: str
    label: str
    tone: str
    sentence: str
    note: str
    reason_class: str
    first_error: str
    last_error: str
    tries: int
    asked_by: str
    asked_by_id: int
    asked_at: datetime
    approved_by: str | None
    reason: str
    fields: tuple[FieldLine, ...]

    @property
    def edits(self) -> tuple[FieldLine, ...]:
        return tuple(field for field in self.fields if field.edited)

    @property
    def hides_edit(self) -> bool:
        """Whether something was edited that this person may not see, and so not approve."""
        return any(field.hidden for field in self.edits)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


def lines() -> Select[*tuple[Any, ...]]:
    """All deliveries with their exceptions; whoever asks adds conditions and order. See `LineMaker`."""
    return (
        select(*_COLUMNS)
        .join(Case, Case.id == Delivery.case_id)
        .join(User, User.id == Delivery.requested_by_id)
        .outerjoin(_Approver, _Approver.id == Delivery.approved_by_id)
        .outerjoin(RetryBatch, RetryBatch.id == Delivery.batch_id)
    )


def of_viewer(viewer: Viewer) -> Select[*tuple[Any, ...]]:
    """`lines` of exceptions that the viewer may see."""
    return lines().where(*visible(viewer))


def gates(session: Session) -> dict[str, SystemGate]:
    """How sending to each system stands: a handful of rows."""
    return {gate.system: gate for gate in session.scalars(select(SystemGate))}


def system_name(catalog: Catalog, code: str) -> str:
    system = catalog.systems.get(code)
    return system.name if system is not None else code


class LineMaker:
    """Turns rows of `lines` into words for one viewer at one instant."""

    def __init__(
        self, viewer: Viewer, catalog: Catalog, now: datetime, standing: Mapping[str, SystemGate]
    ) -> None:
        self.viewer, self.catalog, self.now = viewer, catalog, now
        self.zone = zone_of(viewer.time_zone)
        self._say = Sentences(catalog, now, self.zone, standing)

    def many(self, rows: Iterable[Row[Any]]) -> list[DeliveryLine]:
        return [self(row) for row in rows]

    def __call__(self, row: Row[Any]) -> DeliveryLine:
        delivery: Delivery = row[0]
        operation = self.catalog.operations.get(delivery.operation)
        system = system_name(self.catalog, delivery.system)
        around = Around(system, row.asker, row.case_status, row.check_code, row.batch_status)
        amount = "" if row.amount_e4 is None else wording.money(from_e4(row.amount_e4), row.currency)
        return DeliveryLine(
            id=delivery.id,
            case_id=delivery.case_id,
            reference=public_id.encode(delivery.case_id),
            business_reference=row.reference,
            finding=row.sentence,
            entity_name=entity_name(self.catalog, row.entity),
            amount=amount,
            batch_id=delivery.batch_id,
            operation=delivery.operation,
            title=operation.title if operation else delivery.operation.replace("_", " ").capitalize(),
            system_name=system,
            status=delivery.status,
            label=words.AT_WORK if delivery.job is not None else words.state(delivery.status),
            tone=words.tone(delivery.status),
            sentence=self._say(delivery, around),
            note=delivery.note or "",
            reason_class=words.error_class(delivery.error_class) if delivery.last_error else "",
            first_error=delivery.first_error or "",
            last_error=delivery.last_error or "",
            tries=delivery.tries,
            asked_by=row.asker,
            asked_by_id=delivery.requested_by_id,
            asked_at=delivery.created_at,
            approved_by=row.approver,
            reason=delivery.reason or "",
            fields=self.fields(operation, loads(delivery.fields), loads(delivery.edited), row.currency),
        )

    def fields(
        self,
        operation: Operation | None,
        values: Mapping[str, str | None],
        edited: Mapping[str, Any],
        currency: str | None,
    ) -> tuple[FieldLine, ...]:
        """Every value that is sent, in the operation's order."""
        names = list(operation.fields) if operation else sorted(values)

        def say(name: str, text: str | None) -> str | None:
            sent = operation.fields.get(name) if operation else None
            hidden = operation is None or sent is None  # nobody can tell any more how sensitive it is
            return words.HIDDEN if hidden else words.value(sent, text, self.viewer, currency, self.zone)

        return tuple(
            FieldLine(
                name,
                label(operation, name) if operation else name.replace("_", " ").capitalize(),
                say(name, values.get(name)),
                say(name, edited[name][0]) if name in edited else None,
                name in edited,
            )
            for name in names
        )


def editors_of(session: Session, delivery_ids: Iterable[int]) -> dict[int, set[int]]:
    """Delivery -> who asked for it or edited what it sends again: they never approve it. One statement."""
    ids = list(delivery_ids)
    if not ids:
        return {}
    d = Delivery
    chain = (
        select(d.id.label("root"), d.requested_by_id.label("who"), d.replays_id.label("next"), d.edited, d.id)
        .where(d.id.in_(ids))
        .cte("chain", recursive=True)
    )
    chain = chain.union_all(
        select(chain.c.root, d.requested_by_id, d.replays_id, d.edited, d.id).join(
            chain, d.id == chain.c.next
        )
    )
    found: dict[int, set[int]] = {each: set() for each in ids}
    for root, who, _, edited, each in session.execute(select(chain)):
        if each == root or edited:
            found[root].add(who)
    return found
