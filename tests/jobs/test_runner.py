"""Tasks: leased, one of a scope at a time, taken over from the dead, cancelled and failed in good order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from exceptions_app.models import Task
from exceptions_app.services import tasks
from jobs import runner as runner_module
from jobs.runner import Runner
from jobs.work import StoppingError, Work

from .conftest import Hospital, order, receipt


def running(hospital: Hospital, handler: Callable[[Work], Mapping[str, Any] | None]) -> Runner:
    return Runner(hospital.runtime, hospital.engine, {"odd": handler})


def test_result_of_a_task_is_kept(hospital: Hospital) -> None:
    task_id = hospital.request("odd", "a", colour="red")
    assert running(hospital, lambda work: {"seen": work.payload["colour"]}).run_one()
    assert hospital.result(task_id) == {"seen": "red"}


def test_task_handed_back_by_a_process_that_ends_loses_no_try(hospital: Hospital) -> None:
    task_id = hospital.request("odd", "a")

    def stopping(work: Work) -> None:
        raise StoppingError

    for _ in range(tasks.MAX_TRIES + 1):
        assert running(hospital, stopping).run_one()
    handed_back = hospital.task(task_id)
    assert (handed_back.status, handed_back.tries, handed_back.lease_owner) == ("queued", 0, None)
    assert running(hospital, lambda work: {"tries": work.tries}).run_one()
    assert hospital.result(task_id) == {"tries": 1}


def test_nothing_due_is_nothing_done(hospital: Hospital) -> None:
    assert not running(hospital, lambda work: None).run_one()


def test_failing_task_says_why_and_the_next_has_its_turn(hospital: Hospital) -> None:
    def handler(work: Work) -> None:
        if work.payload.get("bad"):
            raise ValueError("cannot be done")

    bad, good = hospital.request("odd", "bad", bad=True), hospital.request("odd", "good")
    running(hospital, handler).drain()
    assert (hospital.task(bad).status, hospital.task(bad).error) == ("failed", "ValueError: cannot be done")
    assert hospital.task(good).status == "done"


def test_a_reason_that_no_database_takes_is_told_all_the_same(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is logged is sent on to the process that collects results, which takes no half characters.
    monkeypatch.setattr(runner_module.log, "disabled", True)

    def handler(work: Work) -> None:
        raise ValueError("the answer says \x00 and \ud83d")

    task_id = hospital.request("odd", "a")
    running(hospital, handler).drain()
    task = hospital.task(task_id)
    assert (task.status, task.error) == ("failed", "ValueError: the answer says ? and ?")


def test_database_error_is_tried_again_later(hospital: Hospital) -> None:
    def handler(work: Work) -> None:
        raise OperationalError("SELECT 1", {}, Exception("away"))

    task_id = hospital.request("odd", "a")
    runner = running(hospital, handler)
    for _ in range(tasks.MAX_TRIES):
        assert runner.run_one()
        hospital.clock.forward(seconds=runner_module.RETRY_AFTER.total_seconds())
    assert hospital.task(task_id).status == "failed"
    assert not runner.run_one()


def test_lapsed_lease_is_taken_over_and_the_first_runner_commits_nothing_more(hospital: Hospital) -> None:
    task_id = hospital.request("odd", "a")
    second = running(hospital, lambda work: {"by": "second"})

    def slow(work: Work) -> Mapping[str, Any]:
        hospital.clock.forward(seconds=tasks.LEASE.total_seconds() + 1)
        assert second.run_one()
        with pytest.raises(tasks.LeaseLostError), work.transaction() as session:
            tasks.request(session, "never", "never", {}, None, hospital.clock_now())
        return {"by": "first"}

    running(hospital, slow).run_one()
    assert hospital.result(task_id) == {"by": "second"}
    assert hospital.all(Task, Task.kind == "never") == []


def test_one_scope_runs_once_at_a_time(hospital: Hospital) -> None:
    with hospital.install.transaction() as session:
        for _ in range(2):
            tasks.request(session, "odd", "same", {}, None, hospital.clock_now(), always=True)
    other = running(hospital, lambda work: None)
    held: list[bool] = []

    def handler(work: Work) -> None:
        held.append(other.run_one())

    running(hospital, handler).run_one()
    assert held == [False]
    assert other.run_one()


def test_heartbeat_renews_the_lease_while_a_step_takes_long(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "HEARTBEAT_SECONDS", 0.01)
    task_id = hospital.request("odd", "a")
    renewed = threading.Event()
    original = Work.beat

    def beat(work: Work) -> None:
        original(work)
        renewed.set()

    monkeypatch.setattr(Work, "beat", beat)

    def handler(work: Work) -> None:
        before = hospital.task(task_id).lease_until
        hospital.clock.forward(seconds=30)
        for _ in range(2):  # the first may have begun before the clock moved
            renewed.clear()
            assert renewed.wait(10)
        assert hospital.task(task_id).lease_until > before

    running(hospital, handler).run_one()
    assert hospital.task(task_id).status == "done"


def test_cancel_ends_a_running_task_at_its_next_look(hospital: Hospital) -> None:
    task_id = hospital.request("odd", "a")

    def handler(work: Work) -> None:
        with hospital.install.transaction() as session:
            tasks.cancel(session, session.get_one(Task, task_id), hospital.clock_now())
        work.progress(1, 10, "one of ten")
        raise AssertionError("it went on")

    running(hospital, handler).run_one()
    found = hospital.task(task_id)
    assert (found.status, found.progress_done, found.progress_total) == ("cancelled", 1, 10)


def test_process_that_ends_gives_its_task_back(hospital: Hospital) -> None:
    task_id = hospital.request("odd", "a")
    runner, stop = running(hospital, lambda work: None), threading.Event()

    def handler(work: Work) -> None:
        stop.set()
        work.go_on()

    runner.handlers = {"odd": handler}
    runner.run_forever(stop)
    assert hospital.task(task_id).status == "queued"


def test_poll_taken_over_after_a_kill_loses_and_doubles_nothing(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first runner dies after its rows have landed and before its run is finished."""

    class KilledError(BaseException):
        pass

    def die(*args: object, **kwargs: object) -> None:
        raise KilledError

    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [receipt("PO-1")])
    task_id = hospital.request("poll", "receipts", feed="receipts")
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr("jobs.poll._finish", die)
        hospital.runner("poll").run_one()
    assert hospital.task(task_id).status == "running"
    assert [run.status for run in hospital.runs("receipts")] == ["running"]

    hospital.clock.forward(seconds=tasks.LEASE.total_seconds() + 1)
    hospital.runner("poll").drain()
    assert [run.status for run in hospital.runs("receipts")] == ["failed", "complete"]
    hospital.poll("orders")
    assert hospital.compare()["goods.received"]["opened"] == 0
    hospital.request("maintain", "")
    hospital.runner("maintain").drain()
    assert hospital.runtime.store.count("goods_receipt") == 1
