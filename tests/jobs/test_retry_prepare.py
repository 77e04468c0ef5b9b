"""Preparing a batch: the newest records are compared first, and what cannot be compared is said, not dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from exceptions_app.models import RetryBatch, Task
from exceptions_app.services import retry_batches
from jobs import comparing
from tests.connectors.loopback import Loopback

from .conftest import Clock, receipt
from .writing import Target, Writing, make

Make = Callable[..., Writing]


@pytest.fixture
def writing(database: Any, clock: Clock, tmp_path: Path) -> Iterator[Writing]:
    target = Target()
    server = Loopback(target, keep=True)
    yield make(database, clock, tmp_path, server, target)
    server.close()


def told(story: Writing, batch_id: int) -> dict[str, Any]:
    task_id = story.batch(batch_id).task_id
    assert task_id is not None
    return story.hospital.result(task_id)


def test_what_agrees_by_the_newest_records_is_not_sent_again(writing: Writing) -> None:
    cases = writing.wrong("PO-1", "PO-2")
    writing.hospital.source("receipts", [receipt("PO-1")])
    writing.hospital.clock.forward(minutes=5)
    writing.hospital.poll("receipts")  # read, and not compared yet
    batch = writing.send(cases)
    by_case = {delivery.case_id: delivery for delivery in writing.deliveries()}
    assert by_case[cases[0]].status == "skipped" and "agrees" in (by_case[cases[0]].note or "")
    assert by_case[cases[1]].status == "waiting"
    assert (told(writing, batch)["waiting"], told(writing, batch)["skipped"]) == (1, 1)


def test_newest_values_are_sent_and_not_those_of_the_exception(writing: Writing) -> None:
    cases = writing.wrong("PO-1")
    rows = writing.hospital.runtime.catalog.feeds["orders"].read["rows"]
    rows[0]["quantity"] = "12"
    writing.hospital.clock.forward(minutes=5)
    writing.hospital.poll("orders")
    writing.send(cases)
    [delivery] = writing.deliveries()
    assert json.loads(delivery.fields)["quantity"] == "12"


def test_dry_run_sends_nothing_until_it_is_to_be_sent(writing: Writing) -> None:
    batch = writing.send(writing.wrong("PO-1", "PO-2"), dry_run=True)
    assert (writing.statuses(), writing.batch(batch).status) == (["ready", "ready"], "ready")
    writing.deliver()
    assert writing.server.asked == []


def test_sending_is_asked_for_at_once(writing: Writing) -> None:
    writing.send(writing.wrong("PO-1"))
    [task] = writing.hospital.all(Task, Task.kind == "deliver")
    assert (task.scope, task.status) == ("deliver:TARGET", "queued")


def test_side_that_was_not_read_whole_proves_no_agreement(writing: Writing) -> None:
    cases = writing.wrong("PO-1")
    writing.hospital.source("receipts", [receipt("PO-9")], page_size=1, fail_after=1)
    writing.hospital.poll("receipts")
    batch = writing.send(cases)
    assert writing.statuses() == ["waiting"], "the evidence on file holds"
    assert told(writing, batch)["not_compared"] == {"goods.received": "not every side was read whole"}


def test_check_that_breaks_is_told_and_skips_nothing(
    writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **some: Any) -> None:
        raise RuntimeError("out of order")

    cases = writing.wrong("PO-1", "PO-2")
    monkeypatch.setattr(comparing, "begin_check", broken)
    batch = writing.send(cases)
    assert writing.statuses() == ["waiting", "waiting"]
    assert "out of order" in told(writing, batch)["not_compared"]["goods.received"]


def test_batch_that_is_prepared_twice_writes_nothing_twice(writing: Writing) -> None:
    batch = writing.send(writing.wrong("PO-1", "PO-2"))
    with writing.install.transaction() as session:
        session.get_one(RetryBatch, batch).status = "preparing"  # as if killed before the end
    writing.hospital.request("retry_prepare", str(batch), batch=batch)
    writing.prepare()
    assert writing.statuses() == ["waiting", "waiting"]
    assert writing.batch(batch).status == "sending"


def test_batch_that_was_cancelled_before_it_was_prepared_writes_nothing(writing: Writing) -> None:
    batch = writing.ask(writing.wrong("PO-1"))
    with writing.install.transaction() as session:
        session.get_one(RetryBatch, batch).status = "cancelled"
    writing.prepare()
    assert writing.deliveries() == []


def test_preparing_that_was_given_up_is_asked_for_again_and_what_waited_is_sent(writing: Writing) -> None:
    batch = writing.ask(writing.wrong("PO-1"))
    _give_up_preparing(writing)
    writing.deliver()
    writing.prepare()
    writing.deliver()
    assert (writing.statuses(), writing.batch(batch).status) == (["accepted"], "finished")


def test_batch_that_can_never_be_prepared_is_left_alone_in_the_end(writing: Writing) -> None:
    batch = writing.ask(writing.wrong("PO-1"))
    for _ in range(retry_batches.MOST_PREPARED + 2):
        _give_up_preparing(writing)
        writing.deliver()
    tasks = writing.hospital.all(Task, Task.kind == "retry_prepare")
    assert [task.status for task in tasks] == ["failed"] * retry_batches.MOST_PREPARED
    assert writing.batch(batch).status == "preparing"


def _give_up_preparing(story: Writing) -> None:
    with story.install.transaction() as session:
        waits = update(Task).where(Task.kind == "retry_prepare", Task.status == "queued")
        session.execute(waits.values(status="failed", error="given up"))
