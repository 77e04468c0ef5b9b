"""A check's life told in runs and actions, for tests of the services. One check, one scope, frozen times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, fingerprint
from exceptions_app.models import AuditEvent, ExceptionCase, User
from exceptions_app.services import actions, configuration, intake
from exceptions_app.services.context import ActionContext, Actor
from exceptions_app.services.intake import IntakeCounts, IntakePlan, RunFacts
from exceptions_app.services.retry_outcomes import tell_rest
from tests.conftest import NOW

CHECK, SCOPE = "test.order_match", "H01"


@dataclass(frozen=True)
class Found:
    """What a probe says about every key it is asked for."""

    present: bool
    fetched_at: datetime | None
    changed_at: datetime | None = None


def key_of(number: int) -> dict[str, str]:
    return {"line_number": "1", "order_number": f"PO-{number:04d}"}


def discrepancy(
    number: int, *, invoiced: str = "10.00", amount: str | None = "0.50", currency: str = "USD",
    critical: bool = False, entity: str = SCOPE, category: str = "test_price",
) -> Discrepancy:  # fmt: skip
    """Order line `number` is billed at `invoiced` instead of 9.50."""
    key = key_of(number)
    evidence = canonical(
        {"key": key, "let": {}, "sides": {"invoice": {"price": invoiced}}, "tolerance": None}
    )
    return Discrepancy(
        fingerprint=fingerprint(CHECK, category, SCOPE, list(key.values())),
        check=CHECK,
        scope=SCOPE,
        category=category,
        entity=entity,
        reference=f"{key['order_number']}/1",
        business_key=canonical(key),
        lines=(f"order_line|{SCOPE}|{key['order_number']}|1",),
        counterparty="Medline",
        facts=canonical({"supplier": "Medline", "invoiced": invoiced, "ordered": "9.50"}),
        evidence=evidence,
        evidence_hash=evidence_hash(evidence),
        amount=None if amount is None else Decimal(amount),
        currency=currency,
        since=NOW - timedelta(days=1),
        critical=critical,
    )


class Story:
    """Runs and actions, one after the other. `now` moves only by `later`."""

    def __init__(self, session: Session, catalog: Catalog, person: User) -> None:
        self.session, self.catalog, self.person = session, catalog, person
        self.now = NOW
        self.viewer = viewer_for(person, catalog)
        self.snapshot_id = configuration.accept(session, catalog, "system:test", NOW)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    @property
    def ctx(self) -> ActionContext:
        return ActionContext(self.catalog, self.now, Actor("job", "reconcile"), self.snapshot_id, "corr-1")

    @property
    def by_person(self) -> ActionContext:
        return replace(self.ctx, actor=Actor("user", self.person.name, self.person.id))

    def facts(self, **given: Any) -> RunFacts:
        values = {
            "check": CHECK,
            "scope": SCOPE,
            "check_run_id": None,
            "complete": True,
            "read_through": self.now,
        }
        return RunFacts(**(values | given))

    def plan(
        self, found: Iterable[Discrepancy], run: RunFacts, *, present: bool = True, fetched: bool = False,
        changed: bool = False,
    ) -> IntakePlan:  # fmt: skip
        def probe(keys: Sequence[Mapping[str, str]]) -> dict[str, Found]:
            answer = Found(present, self.now if fetched else NOW, self.now if changed else NOW)
            return {canonical(key): answer for key in keys}

        self.session.commit()
        planned = intake.plan(self.session, self.ctx, run, found, probe)
        self.session.commit()
        return planned

    def run(
        self, found: Iterable[Discrepancy], *, present: bool = True, fetched: bool = False,
        changed: bool = False, **facts: Any,
    ) -> IntakeCounts:  # fmt: skip
        """One whole intake. `fetched`: the keys that are gone were read again just now; `changed`: and the
        source says that they changed just now.
        """
        found = list(found)
        planned = self.plan(found, self.facts(**facts), present=present, fetched=fetched, changed=changed)
        counts = planned.counts
        for chunk in planned.chunks():
            counts += intake.apply(self.session, self.ctx, chunk)
            self.session.commit()
        tell_rest(self.session, self.ctx, self.facts(**facts), {each.fingerprint for each in found})
        self.session.commit()
        return counts

    def case(self, number: int) -> ExceptionCase:
        wanted = select(ExceptionCase).where(ExceptionCase.business_key == canonical(key_of(number)))
        return self.session.scalars(wanted.execution_options(populate_existing=True)).one()

    def tags(self, number: int) -> list[str]:
        events = select(AuditEvent.tag).where(AuditEvent.case_id == self.case(number).id)
        return list(self.session.scalars(events.order_by(AuditEvent.id)))

    # what the person does

    def _do(self, action: Any, number: int, **given: Any) -> None:
        case = self.case(number)
        action(self.session, self.by_person, self.viewer, case, expected_version=case.version, **given)
        self.session.commit()

    def claim(self, number: int) -> None:
        self._do(actions.claim, number)

    def resolve(self, number: int, reason: str = "fixed_at_source") -> None:
        self._do(actions.resolve, number, reason=reason)

    def waive(self, number: int, *, days: int) -> None:
        self._do(actions.waive, number, reason="known", expires_at=self.now + timedelta(days=days))

    def hold(self, number: int, until: datetime | None = None) -> None:
        self._do(actions.hold, number, reason="waiting", ball_in_court="supplier", until=until)

    def resume(self, number: int) -> None:
        self._do(actions.resume, number)

    def reopen(self, number: int) -> None:
        self._do(actions.reopen, number, reason="not yet")
