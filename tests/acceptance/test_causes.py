"""An alias that nobody mapped is one cause, with everything it blocks under it; mapping it once closes all of it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import Session

from demo.suppliers import BLOCKED_SUPPLIER, UNMAPPED_ALIAS
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import ExceptionCase, Role, Task
from exceptions_app.services import fix_once, people, remedies, tasks
from exceptions_app.services.context import ActionContext, Actor

from .live import SimulatedNetwork, Site


def test_an_unmapped_alias_is_one_cause_of_everything_it_blocks(
    network: SimulatedNetwork, site: Site
) -> None:
    blocked = [case for case in site.cases() if UNMAPPED_ALIAS in case.facts + case.business_key]
    (cause,) = [case for case in site.causes() if UNMAPPED_ALIAS in case.business_key]
    assert blocked
    assert {case.parent_id for case in blocked} == {cause.id}
    assert [case.id for case in site.cases() if case.parent_id == cause.id] == [case.id for case in blocked]
    assert cause.sentence.startswith(f"{UNMAPPED_ALIAS} in ")
    assert f"{len(blocked)} exceptions, $" in cause.sentence
    # The mapped look-alikes cause nothing, and comparing again changes nothing.
    before = [(one.id, one.status) for one in site.causes()]
    assert (cause.id, "open") in before
    site.reconcile()
    assert [(again.id, again.status) for again in site.causes()] == before
    assert network.ledger("look_alike")


def _ask(site: Site, cause: ExceptionCase, canonical: str) -> dict[str, Any]:
    """What adding the entry would do, as the preview task tells it."""
    addition = remedies.entry_for(site.install.runtime.catalog, cause, canonical, everywhere=False)
    with site.install.transaction() as session:
        asked = tasks.request(
            session,
            "preview",
            "preview:test",
            {"addition": addition.model_dump(mode="json")},
            None,
            utc_now(),
        )
    site.drain()
    with Session(site.install.engine) as session:
        done = session.get_one(Task, asked.id)
        assert done.status == "done", done.error
        found: dict[str, Any] = json.loads(done.result or "{}")
        return found


def test_adding_the_entry_once_closes_everything_it_blocked_and_nothing_before(
    network: SimulatedNetwork, site: Site
) -> None:
    (cause,) = [case for case in site.causes() if UNMAPPED_ALIAS in case.business_key]
    children = {case.id for case in site.cases() if case.parent_id == cause.id}
    told = _ask(site, cause, BLOCKED_SUPPLIER.number)
    assert set(told["clear"]["ids"]) == children
    assert told["clear"]["worth_e4"] > 0
    assert (told["open"]["count"], told["change"]["count"], told["partial"]) == (0, 0, {})

    # Looking has put nothing in force: the next comparison finds the same.
    site.reconcile()
    assert {
        case.id for case in site.cases() if case.parent_id == cause.id and case.status == "open"
    } == children

    with site.install.transaction() as session:
        steward = people.create_user(
            session, email="ines@larkhaven.example", name="Ines Okafor", password="harbor lights at dusk",
            role=Role.SPECIALIST, queues=("master_data",), entities=("*",), time_zone="America/New_York",
            by="system:test", now=utc_now(), cheap=True,
        )  # fmt: skip
        runtime = site.install.runtime
        ctx = ActionContext(
            runtime.catalog, utc_now(), Actor("user", steward.name, steward.id),
            runtime.snapshot_id(session, "system:test", utc_now()), "c" * 32,
        )  # fmt: skip
        addition = remedies.entry_for(runtime.catalog, cause, BLOCKED_SUPPLIER.number, everywhere=False)
        _, flows = fix_once.apply(
            session, ctx, runtime.files, addition, reason="same tax ID", asked_by=steward.id,
            approved_by=steward.id, expires_at=None, case_id=cause.id,
        )  # fmt: skip
    assert flows == ["procure_to_pay"]

    # The comparison that was asked for runs without a restart, under the new configuration.
    site.drain()
    ended = {case.id: (case.status, case.end_reason) for case in site.cases() if case.id in children}
    assert set(ended.values()) == {("resolved", "fixed_once")}
    (after,) = [case for case in site.causes() if case.id == cause.id]
    assert (after.status, after.end_reason) == ("resolved", "agrees_now")
    planted = {row["category"] for row in network.ledger("fault")}
    assert {case.category for case in site.cases() if case.status == "open"} <= planted | {"feed_failed"}
