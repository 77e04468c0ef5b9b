"""Writes that a system does later: it is asked what came of them, whatever happens, and its reason is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.access import viewer_for
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import RetryBatch, User
from exceptions_app.queries import attempts, retry_batches
from exceptions_app.services import outbox
from exceptions_app.services import retry_batches as steering
from exceptions_app.services.audit_verify import verify
from jobs import deliver
from tests.connectors.loopback import Asked, Loopback, Reply

from .conftest import Clock, receipt
from .writing import Target, Writing, make

JOB = {
    "job_header": "Location", "done": ["done"], "failed": ["failed"], "transient": ["busy"], "message": "error.text",
    "every": "10s", "longest": "10m",
}  # fmt: skip
Make = Callable[..., Writing]


class Later(Target):
    """A system that answers 202 and does the work when `says` has it so: order -> the answers of its job, in turn."""

    def __init__(self, honours: bool = True, **says: list[Reply]) -> None:
        super().__init__(honours=honours)
        self.says = {name.replace("_", "-"): replies for name, replies in says.items()}
        self.questions: list[str] = []
        self.lie = ""

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "POST":
            self.posts += 1
            name = json.loads(asked.body)["order"]
            if name not in self.says:
                return self.apply(asked)
            return Reply({"taken": name}, 202, {"Location": f"{self.lie}/jobs/{name}"})
        name = asked.path.rpartition("/")[2]
        self.questions.append(name)
        replies = self.says[name]
        return replies.pop(0) if len(replies) > 1 else replies[0]


def state(word: str, text: str = "", status: int = 200, **headers: str) -> Reply:
    return Reply({"state": word, "error": {"text": text}}, status, headers)


@pytest.fixture
def writing(database: Any, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(deliver, "LINGER", 0.0)
    servers: list[Loopback] = []

    def start(target: Later, job: dict[str, Any] = JOB, **options: Any) -> Writing:
        servers.append(Loopback(target, keep=True))
        return make(database, clock, tmp_path, servers[-1], target, job=job, **options)

    yield start
    for server in servers:
        server.close()


def turn(story: Writing, seconds: int = 11) -> dict[str, Any]:
    story.hospital.clock.forward(seconds=seconds)
    return story.deliver()


def lines(story: Writing) -> list[attempts.AttemptLine]:
    """As the pages show them, newest first."""
    with story.install.transaction() as session:
        delivery = story.deliveries()[0]
        return attempts.of_delivery(session, story.hospital.runtime.catalog, delivery.id)


def test_what_is_done_later_is_asked_about_until_it_is_done(writing: Make) -> None:
    target = Later(PO_1=[state("running"), state("done")])
    story = writing(target)
    batch = story.send(story.wrong("PO-1"))
    assert story.deliver()["at_work"] == 1
    assert (story.statuses(), story.outcomes(), target.questions) == (["waiting"], ["at_work"], [])
    story.deliver()
    assert target.questions == []  # not before its time
    turn(story)
    assert (story.statuses(), story.outcomes()) == (["waiting"], ["at_work", "at_work"])
    turn(story)
    assert (story.statuses(), story.outcomes()) == (["accepted"], ["at_work", "accepted"])
    assert (target.posts, target.questions) == (1, ["PO-1", "PO-1"])
    [job, send] = lines(story)
    assert (job.number, job.kind, send.number, send.kind) == (1, "job", 1, "send")
    assert "asked what came of it at The target (try 1): accepted, HTTP 200" in job.did
    assert "GET" in job.request and '"done"' in job.answer
    story.hospital.source("receipts", [receipt("PO-1")])
    story.hospital.tick()
    assert (story.statuses(), story.batch(batch).status) == (["confirmed"], "finished")
    with story.install.transaction() as session:
        assert verify(session) == []


def test_why_it_failed_later_is_told_and_nothing_is_sent_again(writing: Make) -> None:
    target = Later(PO_1=[state("Failed", "the period is closed")])
    story = writing(target)
    batch = story.send(story.wrong("PO-1"))
    story.deliver()
    turn(story)
    assert (story.statuses(), story.outcomes(), target.posts) == (["failed"], ["at_work", "permanent"], 1)
    [dead] = story.deliveries()
    assert (dead.last_error, dead.error_class, dead.job) == (
        "Failed: the period is closed",
        "job_failed",
        None,
    )
    assert lines(story)[0].error == "Failed: the period is closed"
    with story.install.transaction() as session:
        viewer = viewer_for(session.get_one(User, story.asker), story.hospital.runtime.catalog)
        found = retry_batches.items(session, viewer, story.hospital.runtime.catalog, batch, now=utc_now())
        assert "the period is closed" in found.lines[0].sentence
    [case] = story.hospital.cases("nothing_received")
    assert (case.status, case.retry_state) == ("open", "failed")


def test_what_failed_for_now_is_sent_again_with_its_key(writing: Make) -> None:
    target = Later(PO_1=[state("busy", "locked"), state("done")])
    story = writing(target)
    story.send(story.wrong("PO-1"))
    for _ in range(4):
        turn(story)
    assert story.outcomes() == ["at_work", "transient", "at_work", "accepted"]
    assert [attempt.number for attempt in story.attempts()] == [1, 1, 2, 2]
    keys = {asked.headers.get("idempotency-key") for asked in story.server.asked if asked.method == "POST"}
    assert (target.posts, len(keys), story.statuses()) == (2, 1, ["accepted"])


def test_a_killed_process_leaves_where_to_ask_and_the_next_goes_on(writing: Make) -> None:
    target = Later(honours=False, PO_1=[state("running"), state("done")])
    story = writing(target)
    story.send(story.wrong("PO-1"))
    story.deliver()
    story.hospital.clock.forward(seconds=11)
    with story.install.transaction() as session:  # claimed by a process that dies before it asks
        context = story.context(session, session.get_one(User, story.asker))
        [claimed] = outbox.claim(session, context, "TARGET", "dead", limit=9, lease=timedelta(seconds=30))
    assert claimed.kind == "job"
    turn(story, 5)
    assert target.questions == []  # its lease still holds
    turn(story, 31)
    turn(story)
    assert (story.statuses(), target.posts, target.questions) == (["accepted"], 1, ["PO-1", "PO-1"])
    assert story.outcomes() == ["at_work", "accepted"]


def test_other_writes_go_on_while_one_is_at_work(writing: Make) -> None:
    target = Later(PO_1=[state("running")])
    story = writing(target, concurrency=1)
    story.send(story.wrong("PO-1", "PO-2", "PO-3"))
    story.deliver()
    assert sorted(target.applied) == ["PO-2", "PO-3"]
    assert story.statuses() == ["waiting", "accepted", "accepted"]


def test_what_must_come_after_it_waits_for_its_end(writing: Make) -> None:
    target = Later(PO_1=[state("running"), state("done")])
    story = writing(target, order_key="[supplier]")
    story.send(story.wrong("PO-1", "PO-2"))
    story.deliver()
    turn(story)
    assert (story.statuses(), target.applied) == (["waiting", "waiting"], [])
    turn(story)
    assert (story.statuses(), target.applied) == (["accepted", "accepted"], ["PO-2"])


def test_a_job_at_a_host_that_nobody_named_is_not_asked(writing: Make) -> None:
    target = Later(honours=False, PO_1=[state("done")])
    target.lie = "http://evil.example"
    story = writing(target)
    story.send(story.wrong("PO-1"))
    story.deliver()
    turn(story)
    assert (story.statuses(), target.questions, target.posts) == (["unsure"], [], 1)
    assert "evil.example" in lines(story)[0].error
    assert "connection.hosts" in lines(story)[0].error


def test_work_that_does_not_end_leaves_the_outcome_open(writing: Make) -> None:
    target = Later(honours=False, PO_1=[state("running")])
    story = writing(target)
    story.send(story.wrong("PO-1"))
    story.deliver()
    turn(story)
    turn(story, 700)
    assert (story.statuses(), target.posts) == (["unsure"], 1)
    assert story.deliveries()[0].last_error == "It has not ended in time: running."


def test_a_job_that_is_not_known_any_more_leaves_the_outcome_open(writing: Make) -> None:
    target = Later(honours=False, PO_1=[Reply({}, 404)])
    story = writing(target)
    story.send(story.wrong("PO-1"))
    story.deliver()
    turn(story)
    assert (story.statuses(), story.deliveries()[0].error_class) == (["unsure"], "job_unknown")


def test_a_system_that_breaks_while_it_is_asked_rests_and_is_asked_again(writing: Make) -> None:
    target = Later(PO_1=[Reply("oops", 503), state("done")])
    story = writing(target, breaker_failures=1, breaker_pause="60s")
    story.send(story.wrong("PO-1"))
    story.deliver()
    assert turn(story)["state"] == "open"
    assert (story.statuses(), story.outcomes()) == (["waiting"], ["at_work", "at_work"])
    turn(story)
    assert target.questions == ["PO-1"]  # it rests
    turn(story, 61)
    assert (story.statuses(), target.posts) == (["accepted"], 1)


@pytest.mark.parametrize("steer", [steering.pause, steering.cancel])
def test_steering_a_batch_leaves_what_is_at_work_to_its_end(writing: Make, steer: Any) -> None:
    target = Later(PO_1=[state("done")])
    story = writing(target)
    batch = story.send(story.wrong("PO-1"))
    story.deliver()
    with story.install.transaction() as session:
        user = session.get_one(User, story.asker)
        viewer = viewer_for(user, story.hospital.runtime.catalog)
        steer(session, story.context(session, user), viewer, session.get_one(RetryBatch, batch))
    turn(story)
    assert (story.statuses(), target.questions) == (["accepted"], ["PO-1"])


def test_a_system_may_ask_to_be_asked_later(writing: Make) -> None:
    target = Later(PO_1=[state("running", status=200, **{"Retry-After": "120"}), state("done")])
    story = writing(target)
    story.send(story.wrong("PO-1"))
    story.deliver()
    turn(story)
    turn(story, 60)
    assert target.questions == ["PO-1"]
    turn(story, 61)
    assert story.statuses() == ["accepted"]
