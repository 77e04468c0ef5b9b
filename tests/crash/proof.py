"""What must be true after all the killing, by the store, the database, and the books of the systems written to."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.duck import closing_session
from exceptions_app.models import Attempt, AuditEvent, CaseComment, Delivery, ExceptionCase, Task
from exceptions_app.services import runs
from exceptions_app.services.engine import reading

from .driver import ON_THEIR_WAY, Driver


def still_to_come(driver: Driver) -> str | None:
    """What is not done yet, in words; None when all is quiet."""
    town = driver.town
    unsent = [name for name in sorted(town.faults) if not town.received(name)]
    if unsent:
        return f"{len(unsent)} writes have not arrived: {unsent[:5]}"
    statuses = Counter(_all(driver, select(ExceptionCase.status)))
    if set(statuses) != {"resolved"}:
        return f"exceptions are {dict(statuses)}"
    deliveries = Counter(_all(driver, select(Delivery.status).where(Delivery.status.in_(ON_THEIR_WAY))))
    if deliveries:
        return f"deliveries are {dict(deliveries)}"
    lapsed = (
        select(func.count()).select_from(Task).where(Task.status == "running", Task.lease_until <= utc_now())
    )
    if _all(driver, lapsed) != [0]:
        return "tasks of dead processes wait to be taken over"
    return (
        None
        if _orders(driver) == _expected_orders(driver)
        else "the newest change of an order is not read yet"
    )


def every_record_is_in_the_store_once(driver: Driver) -> None:
    assert _orders(driver) == _expected_orders(driver)
    receipts = _records(driver, "goods_receipt", "receipt_number, order_number")
    assert receipts == sorted((row["receipt"], row["order"]) for row in driver.town.receipts.values())


def every_fault_is_one_exception(driver: Driver) -> None:
    """Nothing invented either: not by a half-read source, not by a write that was applied twice."""
    found = sorted(_all(driver, select(ExceptionCase.category + " " + ExceptionCase.reference)))
    assert found == sorted(f"nothing_received {name}" for name in driver.town.faults)
    opened = select(func.count()).select_from(AuditEvent).where(AuditEvent.tag == "case:opened")
    assert _all(driver, opened) == [len(driver.town.faults)]


def every_write_was_applied_once(driver: Driver) -> None:
    town = driver.town
    for system, entity in (("honest", "H01"), ("deaf", "H02")):
        meant = sorted(name for name in town.faults if town.orders[name]["entity"] == entity)
        assert sorted(town.books[system]) == meant, Counter(town.books[system]) - Counter(meant)


def every_attempt_has_an_outcome(driver: Driver) -> None:
    assert _all(driver, select(Attempt.id).where(Attempt.outcome.is_(None))) == []
    assert _all(driver, select(Delivery.id).where(Delivery.status.in_(ON_THEIR_WAY))) == []
    assert _all(driver, select(Attempt.id).limit(1)), "nothing was sent at all"
    asked = (
        select(func.count()).select_from(Attempt).where(Attempt.kind == "job", Attempt.outcome == "accepted")
    )
    assert _all(driver, asked) != [0], "nothing was done later"


def what_the_web_committed_is_there(driver: Driver) -> None:
    visitor = driver.visitor
    kept = Counter(_all(driver, select(CaseComment.text)))
    assert visitor.comments, "nobody commented"
    assert {text: kept[text] for text in visitor.comments} == dict.fromkeys(visitor.comments, 1)
    claims = select(AuditEvent.case_id).where(AuditEvent.tag == "case:claimed")
    claimed = Counter(public_id.encode(number) for number in _all(driver, claims))
    assert visitor.claimed, "nobody claimed"
    assert {name: claimed[name] for name in visitor.claimed} == dict.fromkeys(visitor.claimed, 1)


def the_trail_is_whole_and_shows_tampering(driver: Driver) -> None:
    assert driver.processes.run("verify-whole", "audit", "verify") == (0, "the trail is whole\n")
    with driver.install.transaction() as session:
        victim = session.scalars(select(AuditEvent).where(AuditEvent.tag == "case:opened").limit(1)).one()
        session.execute(update(AuditEvent).where(AuditEvent.id == victim.id).values(actor="user:99"))
        chain = f"case:{victim.case_id}"
    code, said = driver.processes.run("verify-tampered", "audit", "verify")
    assert code == 1 and chain in said, said


def _expected_orders(driver: Driver) -> list[tuple[Any, ...]]:
    return sorted((row["entity"], row["order"], row["supplier"]) for row in driver.town.orders.values())


def _orders(driver: Driver) -> list[tuple[Any, ...]]:
    return _records(driver, "goods_order", "entity, order_number, supplier")


def _records(driver: Driver, record_type: str, columns: str) -> list[tuple[Any, ...]]:
    """Some columns of all current records, as a comparison would see them."""
    with Session(driver.install.engine) as session:
        unfinished = runs.unfinished(reading(session))
    with closing_session("300MB", 1) as con:
        driver.install.runtime.store.open_views(con, [record_type], None, unfinished)
        return sorted(con.execute(f"SELECT {columns} FROM rec_{record_type}").fetchall())


def _all(driver: Driver, statement: Any) -> list[Any]:
    with Session(driver.install.engine) as session:
        return list(reading(session).scalars(statement))
