"""Additions are in force from one instant to another, in every process, each with its configuration and its trail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.additions import CrosswalkAddition
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.config import Settings
from exceptions_app.models import AuditEvent, CatalogAddition, ConfigSnapshot, User
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from exceptions_app.services import additions, configuration, fix_once
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.context import ActionContext, Actor
from tests.conftest import NOW

LATER = NOW + timedelta(days=7)


@pytest.fixture
def base(catalog: Catalog) -> Catalog:
    return replace(catalog, crosswalks={"supplier": {}})


@pytest.fixture
def person(user: Any) -> User:
    found: User = user("manager", name="Mina Park")
    return found


def put(
    session: Session, base: Catalog, person: User, local: str = "MEDLN-02", **about: Any
) -> CatalogAddition:
    snapshot = configuration.accept(session, base, "system:test", NOW)
    ctx = ActionContext(base, NOW, Actor("user", person.name, person.id), snapshot, "c" * 32)
    addition = CrosswalkAddition(crosswalk="supplier", local=local, canonical="V1")
    given: dict[str, Any] = {"expires_at": None, "case_id": None} | about
    return additions.put_in_force(
        session, ctx, base, addition, summary="MEDLN-02 is V1", reason="same tax ID",
        asked_by=person.id, approved_by=person.id, **given,
    )  # fmt: skip


def test_putting_in_force_makes_a_configuration_and_an_event(
    session: Session, base: Catalog, person: User
) -> None:
    row = put(session, base, person)
    held = additions.in_force(session, NOW)
    assert held.ids == (row.id,)
    over = additions.catalog_with(base, held)
    assert over.crosswalks["supplier"] == {(None, "MEDLN-02"): "V1"}
    newest = session.scalars(select(ConfigSnapshot).order_by(ConfigSnapshot.id.desc())).first()
    assert newest is not None
    assert (newest.digest.hex(), newest.accepted_by) == (over.digest, f"user:{person.id}")
    (event,) = session.scalars(select(AuditEvent).where(AuditEvent.tag == "configuration:addition_applied"))
    assert event.config_snapshot_id == newest.id
    assert verify(session) == []


def test_it_ends_by_itself(session: Session, base: Catalog, person: User) -> None:
    put(session, base, person, expires_at=LATER)
    before = additions.in_force(session, LATER - timedelta(microseconds=1))
    assert (len(before.rows), before.until) == (1, LATER)
    assert additions.in_force(session, LATER) == additions.InForce()


def test_withdrawn_it_is_out_of_force_once_and_kept(session: Session, base: Catalog, person: User) -> None:
    row = put(session, base, person)
    ctx = ActionContext(base, LATER, Actor("user", person.name, person.id), row.id, "d" * 32)
    assert additions.withdraw(session, ctx, base, row, by=person.id, why="wrong supplier")
    assert not additions.withdraw(session, ctx, base, row, by=person.id, why="again")
    assert additions.in_force(session, LATER).rows == ()
    assert [(one.withdrawn_why, one.withdrawn_by_id) for one in additions.all_of(session)] == [
        ("wrong supplier", person.id)
    ]
    tags = session.scalars(select(AuditEvent.tag).where(AuditEvent.tag.startswith("configuration:addition")))
    assert sorted(tags) == ["configuration:addition_applied", "configuration:addition_withdrawn"]


def test_a_runtime_takes_up_what_is_in_force_and_lets_it_go(
    session: Session, base: Catalog, person: User, tmp_path: Any
) -> None:
    runtime = Runtime(Settings(instance=tmp_path), base, RecordStore(str(tmp_path / "records"), base))
    assert runtime.in_force(session, NOW) is runtime
    put(session, base, person, expires_at=LATER)
    first = runtime.in_force(session, NOW)
    assert first.catalog.crosswalks["supplier"] == {(None, "MEDLN-02"): "V1"}
    assert first.in_force(session, NOW) is first
    put(session, base, person, "MEDLN-03")
    second = first.in_force(session, NOW)
    assert len(second.catalog.crosswalks["supplier"]) == 2
    third = second.in_force(session, LATER)
    assert third.catalog.crosswalks["supplier"] == {(None, "MEDLN-03"): "V1"}
    assert third.files is base


def test_processes_share_what_was_worked_out_once(session: Session, base: Catalog, person: User) -> None:
    put(session, base, person)
    held = additions.in_force(session, NOW)
    assert additions.catalog_with(base, held) is additions.catalog_with(base, held)


def test_what_was_to_hold_until_a_day_that_has_passed_is_not_put_in_force(
    session: Session, base: Catalog, person: User
) -> None:
    """A preview is looked at again for a week."""
    snapshot = configuration.accept(session, base, "system:test", NOW)
    ctx = ActionContext(base, NOW, Actor("user", person.name, person.id), snapshot, "c" * 32)
    addition = CrosswalkAddition(crosswalk="supplier", local="MEDLN-02", canonical="V1")
    with pytest.raises(NotAllowedError, match="has passed"):
        fix_once.apply(
            session, ctx, base, addition, reason="same tax ID", asked_by=person.id, approved_by=person.id,
            expires_at=NOW, case_id=None,
        )  # fmt: skip
    assert additions.in_force(session, NOW - timedelta(days=1)).rows == ()
