"""Delivery against a real target on loopback: whatever it does, each write happens once and no outcome is guessed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Delivery, RetryBatch, Task, User
from exceptions_app.services import outbox, system_gates
from exceptions_app.services.audit_verify import verify
from jobs import delivering
from tests.connectors.loopback import Asked, Loopback, Reply

from .conftest import Clock, receipt
from .writing import Target, Writing, make

Make = Callable[..., Writing]


@pytest.fixture
def writing(database: Any, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """`writing(target, **delivery)`: an install that writes to that target."""
    monkeypatch.setattr(delivering, "LINGER", 0.0)
    servers: list[Loopback] = []

    def start(target: Target | None = None, **options: Any) -> Writing:
        chosen = target or Target()
        servers.append(Loopback(chosen, keep=True))
        return make(database, clock, tmp_path, servers[-1], chosen, **options)

    yield start
    for server in servers:
        server.close()


def names(count: int) -> list[str]:
    return [f"PO-{number:03d}" for number in range(1, count + 1)]


def test_retry_is_sent_accepted_and_confirmed_by_the_data(writing: Make) -> None:
    story = writing()
    cases = story.wrong("PO-1", "PO-2")
    batch = story.send(cases)
    assert story.statuses() == ["waiting", "waiting"]

    told = story.deliver()

    assert (told["accepted"], told["state"]) == (2, "closed")
    assert sorted(story.target.applied) == ["PO-1", "PO-2"]
    assert story.statuses() == ["accepted", "accepted"]
    assert {case.status for case in story.hospital.cases()} == {"awaiting_confirmation"}
    [first, _] = story.attempts()
    assert (first.outcome, first.status_code, first.kind) == ("accepted", 201, "send")
    assert '"quantity":10' in (first.request or "") and "done" in (first.answer or "")

    story.hospital.source("receipts", [receipt("PO-1"), receipt("PO-2", name="R2")])
    story.hospital.tick()
    assert {(case.status, case.end_reason) for case in story.hospital.cases()} == {
        ("resolved", "fixed_by_retry")
    }
    assert story.statuses() == ["confirmed", "confirmed"]
    assert story.batch(batch).status == "finished"
    with story.install.transaction() as session:
        assert verify(session) == []


def test_answer_that_does_nothing_is_found_out_by_the_data(writing: Make) -> None:
    story = writing(Target(behave=lambda _asked, _number: Reply({"status": "done"})))
    story.send(story.wrong("PO-1"))
    story.deliver()
    assert story.statuses() == ["accepted"]
    story.hospital.tick()
    story.hospital.tick()
    assert story.statuses() == ["not_confirmed"]
    assert [case.status for case in story.hospital.cases("nothing_received")] == ["open"]


def test_many_are_sent_side_by_side_but_never_more_than_allowed(writing: Make) -> None:
    together = threading.Barrier(3, timeout=60)
    target = Target()

    def behave(asked: Asked, number: int) -> Reply:
        if number <= 3:
            together.wait()  # three must be under way at once, or this breaks
        return target.apply(asked)

    target.behave = behave
    story = writing(target, concurrency=3)
    story.send(story.wrong(*names(40)))
    assert story.deliver()["accepted"] == 40
    assert target.most_at_once == 3
    assert sorted(target.applied) == names(40)


def test_dropped_connection_at_a_system_that_honours_keys_is_sent_again_and_applied_once(
    writing: Make,
) -> None:
    target = Target()

    def behave(asked: Asked, number: int) -> Reply:
        reply = target.apply(asked)
        return Reply(dropped=True) if number == 1 else reply

    target.behave = behave
    story = writing(target)
    story.send(story.wrong("PO-1"))
    story.deliver()
    assert (story.outcomes(), story.statuses()) == (["unknown"], ["waiting"])
    story.hospital.clock.forward(minutes=2)
    story.deliver()
    assert (story.outcomes(), story.statuses()) == (["unknown", "accepted"], ["accepted"])
    assert target.applied == ["PO-1"]
    assert len({asked.headers["idempotency-key"] for asked in story.server.asked}) == 1


def test_dropped_connection_at_a_system_that_ignores_keys_is_read_back_before_anything_is_sent_again(
    writing: Make,
) -> None:
    target = Target(honours=False)

    def behave(asked: Asked, number: int) -> Reply:
        if number == 1:
            return Reply(dropped=True)  # lost before it was applied
        if number == 2:
            target.apply(asked)
            return Reply(dropped=True)  # applied, and the answer lost
        return target.apply(asked)

    target.behave = behave
    story = writing(target, read_back=True, concurrency=1)
    story.send(story.wrong("PO-1"))
    for _ in range(6):
        story.deliver()
        story.hospital.clock.forward(minutes=2)
    assert story.outcomes() == ["unknown", "absent", "unknown", "found"]
    assert [asked.method for asked in story.server.asked] == ["POST", "GET", "POST", "GET"]
    assert (target.applied, story.statuses()) == (["PO-1"], ["accepted"])


@pytest.mark.parametrize("status", [500, 502, 504])
def test_gateway_that_gave_up_at_a_system_that_ignores_keys_is_read_back(writing: Make, status: int) -> None:
    target = Target(honours=False)

    def behave(asked: Asked, _number: int) -> Reply:
        target.apply(asked)
        return Reply("upstream timed out", status)

    target.behave = behave
    story = writing(target, read_back=True)
    story.send(story.wrong("PO-1"))
    for _ in range(3):
        story.deliver()
        story.hospital.clock.forward(minutes=2)
    assert (story.outcomes(), story.statuses()) == (["unknown", "found"], ["accepted"])
    assert target.applied == ["PO-1"]


def test_unknown_outcome_that_nothing_can_tell_waits_for_a_person(writing: Make) -> None:
    story = writing(Target(honours=False, behave=lambda _asked, _number: Reply(dropped=True)))
    story.send(story.wrong("PO-1"))
    story.deliver()
    story.hospital.clock.forward(minutes=10)
    story.deliver()
    assert (story.statuses(), len(story.server.asked)) == (["unsure"], 1)


def test_business_error_goes_straight_to_the_dead_letters(writing: Make) -> None:
    story = writing(Target(behave=lambda _asked, _number: Reply({"message": "Period is closed"}, 422)))
    story.send(story.wrong(*names(12)))
    told = story.deliver()
    assert (told["permanent"], told["state"]) == (12, "closed")
    assert set(story.statuses()) == {"failed"}
    [first, *_] = story.deliveries()
    assert (first.last_error, first.tries) == ("Period is closed", 1)
    assert {case.retry_state for case in story.hospital.cases("nothing_received")} == {"failed"}


@pytest.mark.parametrize("sensitivity", ["internal", "bank"])
def test_what_an_answer_tells_of_a_bank_account_that_was_not_sent_is_not_kept(
    writing: Make, sensitivity: str
) -> None:
    body = {"error": {"message": "On file is DE44 5001, closed", "iban": "DE44 5001", "supplier": "Medline"}}
    story = writing(Target(behave=lambda _asked, _number: Reply(body, 422)))
    operation = story.hospital.runtime.catalog.operations["send.order"]
    supplier = operation.fields["supplier"].model_copy(update={"sensitivity": sensitivity})
    story.hospital.runtime.catalog.operations["send.order"] = operation.model_copy(
        update={"fields": {**operation.fields, "supplier": supplier}}
    )
    story.send(story.wrong("PO-1"))
    assert story.deliver()["permanent"] == 1
    [attempt], [delivery] = story.attempts(), story.deliveries()
    kept = f"{attempt.answer} {attempt.error} {delivery.last_error} {delivery.first_error}"
    assert ("5001" in kept) == (sensitivity == "internal")
    assert '"iban"' in str(attempt.answer) and "closed" in str(delivery.last_error)


def test_credentials_that_are_refused_give_nothing_up(writing: Make) -> None:
    target = Target(behave=lambda _asked, _number: Reply({"message": "Who are you?"}, 401))
    story = writing(target, concurrency=1, breaker_failures=2)
    story.send(story.wrong(*names(12)))
    assert story.deliver()["state"] == "open"
    assert (set(story.statuses()), len(story.server.asked)) == ({"waiting"}, 2)
    assert story.gate().last_error == "Who are you?"


def test_slow_answer_is_not_waited_for_and_the_write_is_applied_once(writing: Make) -> None:
    target, release = Target(), threading.Event()

    def behave(asked: Asked, number: int) -> Reply:
        reply = target.apply(asked)
        if number == 1:
            release.wait(10)
        return reply

    target.behave = behave
    story = writing(target)
    story.send(story.wrong("PO-1"))
    story.deliver()
    release.set()
    assert story.outcomes() == ["unknown"]
    assert "no answer within" in (story.attempts()[0].error or "")
    story.hospital.clock.forward(minutes=2)
    story.deliver()
    assert (target.applied, story.statuses()) == (["PO-1"], ["accepted"])


def test_answer_after_the_task_was_taken_over_is_kept(writing: Make) -> None:
    target = Target()
    story = writing(target)

    def behave(asked: Asked, number: int) -> Reply:
        with story.install.transaction() as session:
            taken = update(Task).where(Task.kind == "deliver", Task.status == "running")
            session.execute(taken.values(lease_owner="somebody else"))
        return target.apply(asked)

    target.behave = behave
    story.send(story.wrong("PO-1"))
    story.hospital.request("deliver", "TARGET", system="TARGET")
    story.hospital.runner("deliver").run_one()
    assert (target.applied, story.statuses()) == (["PO-1"], ["accepted"])


def test_write_that_can_never_be_sent_is_given_up_without_a_call(writing: Make) -> None:
    story = writing()
    story.send(story.wrong(".."))
    assert story.deliver()["permanent"] == 1
    assert (story.server.asked, story.deliveries()[0].error_class) == ([], "cannot_be_sent")


def test_retry_after_of_one_answer_pauses_the_whole_system(writing: Make) -> None:
    target = Target()

    def behave(asked: Asked, number: int) -> Reply:
        return Reply("", 429, {"Retry-After": "30"}) if number == 1 else target.apply(asked)

    target.behave = behave
    story = writing(target, concurrency=1)
    story.send(story.wrong(*names(5)))
    story.deliver()
    assert len(story.server.asked) == 1
    assert story.statuses() == ["waiting"] * 5
    assert (story.gate().state, story.gate().retry_at) == ("closed", utc_now() + timedelta(seconds=30))
    story.hospital.clock.forward(seconds=29)
    story.deliver()
    assert len(story.server.asked) == 1
    story.hospital.clock.forward(seconds=1)
    story.deliver()
    story.hospital.clock.forward(seconds=60)
    story.deliver()
    assert sorted(target.applied) == names(5)


def test_burst_of_failures_opens_the_breaker_and_what_was_claimed_goes_back_untried(writing: Make) -> None:
    story = writing(
        Target(behave=lambda _asked, _number: Reply("down", 503)), concurrency=1, breaker_failures=3
    )
    story.send(story.wrong(*names(20)))
    told = story.deliver()
    assert (told["state"], told["transient"]) == ("open", 3)
    assert len(story.server.asked) == 3
    assert set(story.statuses()) == {"waiting"}
    assert sum(delivery.tries for delivery in story.deliveries()) == 3
    assert story.outcomes() == ["transient"] * 3
    assert (story.gate().state, story.gate().last_error) == ("open", "down")


def test_breaker_survives_a_restart_probes_with_one_and_drains_gently(writing: Make) -> None:
    target = Target(behave=lambda _asked, _number: Reply("down", 503))
    story = writing(target, concurrency=4, breaker_failures=2)
    story.send(story.wrong(*names(30)))
    story.deliver()
    before = len(story.server.asked)
    story.hospital.clock.forward(seconds=20)
    story.deliver()
    assert len(story.server.asked) == before, "nothing is sent while it rests"

    story.hospital.clock.forward(seconds=10)
    story.deliver()
    assert len(story.server.asked) == before + 1, "one probe"
    assert (story.gate().state, story.gate().pause_seconds) == ("open", 60)

    busy: list[int] = []

    def well(asked: Asked, _number: int) -> Reply:
        busy.append(target.at_once)
        return target.apply(asked)

    target.behave, target.most_at_once = well, 0
    story.hospital.clock.forward(seconds=120)
    story.deliver()
    assert busy[:2] == [1, 1]
    assert story.gate().state == "closed"
    assert sorted(target.applied) == names(30)


def test_order_is_kept_per_business_key(writing: Make) -> None:
    target = Target()
    story = writing(target, order_key="[supplier]")
    cases = story.wrong(*names(8))
    story.send(cases)
    assert story.deliver()["accepted"] == 8
    asked_for = [json.loads(delivery.fields)["order"] for delivery in story.deliveries()]
    assert (target.applied, target.most_at_once) == (asked_for, 1)


def test_paused_batch_is_not_sent_and_a_cancelled_one_is_skipped(writing: Make) -> None:
    story = writing()
    cases = story.wrong("PO-1", "PO-2")
    first, second = story.send(cases[:1], token="a"), story.send(cases[1:], token="b")
    with story.install.transaction() as session:
        session.get_one(RetryBatch, first).status = "paused"
        session.get_one(RetryBatch, second).status = "cancelled"
    story.deliver()
    assert (story.server.asked, story.statuses()) == ([], ["waiting", "skipped"])
    with story.install.transaction() as session:
        session.get_one(RetryBatch, first).status = "sending"
    story.deliver()
    assert story.target.applied == ["PO-1"]


def test_stopping_process_finishes_what_is_in_flight_and_hands_back_the_rest(writing: Make) -> None:
    target, stop = Target(), threading.Event()

    def behave(asked: Asked, number: int) -> Reply:
        stop.set()
        return target.apply(asked)

    target.behave = behave
    story = writing(target, concurrency=1, rate_per_second=5)
    story.send(story.wrong(*names(10)))
    story.hospital.request("deliver", "TARGET", system="TARGET")
    runner = story.hospital.runner("deliver")
    runner._stop = stop
    runner.run_one()
    sent = len(target.applied)
    assert 1 <= sent <= 3
    assert sorted(story.statuses()) == ["accepted"] * sent + ["waiting"] * (10 - sent)
    assert story.outcomes() == ["accepted"] * sent, "what was not sent leaves no attempt"
    target.behave = None
    story.deliver()
    assert sorted(target.applied) == names(10)


def test_what_a_killed_process_had_claimed_is_taken_over_once_its_lease_has_lapsed(writing: Make) -> None:
    story = writing()
    story.send(story.wrong("PO-1", "PO-2"))
    with story.install.transaction() as session:
        context = story.context(session, session.get_one(User, story.asker))
        lease = timedelta(minutes=3)
        assert len(outbox.claim(session, context, "TARGET", "dead", limit=5, lease=lease)) == 2
    story.deliver()
    assert story.statuses() == ["sending", "sending"]
    [look_again] = story.hospital.all(Task, Task.kind == "deliver", Task.status == "queued")
    assert look_again.not_before == utc_now() + lease, "the next look is when the lease lapses, not before"
    story.hospital.clock.forward(minutes=4)
    assert story.deliver()["accepted"] == 2
    assert sorted(story.target.applied) == ["PO-1", "PO-2"]
    assert sorted(map(str, story.outcomes())) == ["accepted", "accepted", "unknown", "unknown"]


def test_system_that_is_not_set_up_rests_and_gives_nothing_up(
    writing: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = writing()
    story.send(story.wrong("PO-1"))
    connection = story.hospital.runtime.catalog.systems["TARGET"].connection
    connection["auth"] = {"type": "bearer", "token": "env:TARGET_TOKEN"}
    told = story.deliver()
    assert told["state"] == "open" and "TARGET_TOKEN is not set" in told["error"]
    assert story.statuses() == ["waiting"]
    monkeypatch.setenv("TARGET_TOKEN", "x")
    story.hospital.clock.forward(minutes=5)
    assert story.deliver()["accepted"] == 1


@pytest.mark.parametrize("moved", [False, True])
def test_what_waits_for_a_system_that_is_gone_is_given_up_and_what_may_have_arrived_asks_a_person(
    writing: Make, moved: bool
) -> None:
    story = writing(Target(honours=False))
    cases = story.wrong("PO-1", "PO-2")
    first = story.send(cases[:1], token="a")
    with story.install.transaction() as session:
        session.get_one(RetryBatch, first).status = "paused"
        session.execute(update(Delivery).values(doubtful=True))
    story.send(cases[1:], token="b")
    with story.install.transaction() as session:
        session.get_one(RetryBatch, first).status = "sending"
    catalog = story.hospital.runtime.catalog
    gone, operation = catalog.systems.pop("TARGET"), catalog.operations["send.order"]
    if moved:
        catalog.systems["OTHER"] = gone.model_copy(update={"code": "OTHER"})
        catalog.operations["send.order"] = operation.model_copy(update={"system": "OTHER"})
    else:
        del catalog.operations["send.order"]
    assert story.deliver()["status"] == "not configured"
    assert (story.statuses(), story.server.asked) == (["unsure", "failed"], [])
    assert [each.error_class for each in story.deliveries()][1] == "not_configured"
    assert [each.status for each in story.hospital.all(RetryBatch)] == ["sending", "finished"]


def test_what_is_due_later_is_asked_for_then(writing: Make) -> None:
    story = writing(Target(behave=lambda _asked, _number: Reply("", 503)))
    story.send(story.wrong("PO-1"))
    story.deliver()
    [later] = story.hospital.all(Task, Task.kind == "deliver", Task.status == "queued")
    [delivery] = story.deliveries()
    assert later.not_before == delivery.not_before > utc_now()
    with story.install.transaction() as session:
        system_gates.ask_to_send(session, "TARGET", utc_now())
    assert story.hospital.task(later.id).not_before == utc_now(), "a person need not wait for it"
