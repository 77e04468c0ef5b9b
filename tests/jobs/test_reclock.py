"""A configuration that changes clocks reaches open exceptions in the background, whatever happens to the process."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import AuditEvent, ExceptionCase, Task
from exceptions_app.services import reclock
from jobs.install import Install
from jobs.runner import Runner

from .conftest import Hospital, order

COUNT = 5


@pytest.fixture
def waiting(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Hospital:
    """Five orders that were not received, open; portions of two."""
    hospital.source("orders", [order(f"PO-{number}") for number in range(COUNT)])
    hospital.tick()
    hospital.tick()
    assert len(hospital.cases(status="open")) == COUNT
    look = reclock.look
    monkeypatch.setattr(reclock, "look", lambda *given: look(*given, limit=2))
    return hospital


def with_holidays(hospital: Hospital) -> Hospital:
    """The same install as a process that starts under a calendar with a fortnight of holidays finds it."""
    catalog: Catalog = hospital.runtime.catalog
    off = {date(2026, 11, day): "Closed" for day in range(24, 31)} | {date(2026, 12, 1): "Closed"}
    calendars = {
        code: each.model_copy(update={"holidays_extra": off}) for code, each in catalog.calendars.items()
    }
    changed = replace(catalog, calendars=calendars)
    return Hospital(Install(replace(hospital.runtime, catalog=changed), hospital.engine), hospital.clock)


def ask(hospital: Hospital) -> Task | None:
    """What a process does as it starts."""
    with hospital.install.transaction() as session:
        return reclock.ask_if_changed(session, hospital.runtime.catalog, utc_now())


def due(hospital: Hospital) -> list[Any]:
    return [case.due_at for case in hospital.all(ExceptionCase)]


def moved(hospital: Hospital) -> int:
    return len(hospital.all(AuditEvent, AuditEvent.tag == "case:reclocked"))


def test_a_process_that_starts_under_another_calendar_moves_every_deadline(waiting: Hospital) -> None:
    before = due(waiting)
    later = with_holidays(waiting)
    task = ask(later)
    assert task is not None
    assert later.runner("reclock").drain() == 1
    result = later.result(task.id)
    assert (result["looked_at"], result["moved"]) == (COUNT, COUNT)
    assert all(new > old for new, old in zip(due(later), before, strict=True))
    assert moved(later) == COUNT
    assert ask(later) is None


def test_a_process_killed_between_two_portions_is_finished_by_another(
    waiting: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = with_holidays(waiting)
    task = ask(later)
    assert task is not None
    write, calls = reclock.write, []

    def dies(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(*given)

    with monkeypatch.context() as patched:
        patched.setattr(reclock, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            later.runner("reclock").run_one()
    assert moved(later) == 2  # the first portion is committed
    later.clock.forward(minutes=10)  # its lease lapses
    assert later.runner("reclock").drain() == 1
    assert (later.result(task.id)["moved"], moved(later)) == (COUNT - 2, COUNT)


def test_a_process_with_the_old_configuration_leaves_it_to_one_with_the_new(waiting: Hospital) -> None:
    later = with_holidays(waiting)
    task = ask(later)
    assert task is not None
    old = Runner(waiting.runtime, waiting.engine, {"reclock": waiting.runner("reclock").handlers["reclock"]})
    assert old.drain() == 1
    assert (waiting.result(task.id), moved(waiting)) == ({"left_to_another": True}, 0)
    later.clock.forward(minutes=2)
    assert later.runner("reclock").drain() == 1
    assert moved(later) == COUNT


def test_what_a_later_configuration_has_replaced_is_not_left_to_anybody(waiting: Hospital) -> None:
    """Asked for under one configuration and still queued when a process starts under the next."""
    asked, later = ask(waiting), with_holidays(waiting)
    task = ask(later)
    assert asked is not None
    assert task is not None
    assert later.runner("reclock").drain() == 2
    assert later.result(asked.id) == {"replaced": True}
    assert (later.result(task.id)["moved"], moved(later)) == (COUNT, COUNT)
    later.clock.forward(hours=1)
    assert (later.runner("reclock").drain(), ask(later)) == (0, None)


def test_nothing_is_asked_for_where_nothing_changed(waiting: Hospital) -> None:
    first = ask(waiting)  # nobody knows under which configuration they were computed
    assert first is not None
    waiting.runner("reclock").drain()
    assert (waiting.result(first.id)["moved"], moved(waiting)) == (0, 0)
    assert ask(waiting) is None
