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
from exceptions_app.queries import attempts, retry_batches, retry_words
from exceptions_app.queries.filters import RETRY
from exceptions_app.services import outbox
from exceptions_app.services import retry_batches as steering
from exceptions_app.services.audit_verify import verify
from jobs import delivering
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
        self.elsewhere: dict[str, str] = {}

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "POST":
            self.posts += 1
            name = json.loads(asked.body)["order"]
            if name not in self.says:
                return self.apply(asked)
            return Reply({"taken": name}, 202, {"Location": f"{self.elsewhere.get(name, '')}/jobs/{name}"})
        name = asked.path.rpartition("/")[2]
        self.questions.append(name)
        replies = self.says[name]
        return replies.pop(0) if len(replies) > 1 else replies[0]


def state(word: str, text: str = "", status: int = 200, **headers: str) -> Reply:
    return Reply({"state": word, "error": {"text": text}}, status, headers)


@pytest.fixture
def writing(database: Any, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(delivering, "LINGER", 0.0)
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


def first_sentence(story: Writing, batch: int) -> str:
    """Of the batch's page."""
    catalog = story.hospital.runtime.catalog
    with story.install.transaction() as session:
        viewer = viewer_for(session.get_one(User, story.asker), catalog)
        return retry_batches.items(session, viewer, catalog, batch, now=utc_now()).lines[0].sentence


def test_what_is_done_later_is_asked_about_until_it_is_done_and_other_writes_go_on(writing: Make) -> None:
    target = Later(PO_1=[state("running", **{"Retry-After": "60"}), state("done")])
    story = writing(target, concurrency=1)
    batch = story.send(story.wrong("PO-1", "PO-2"))
    assert story.deliver()["at_work"] == 1
    assert (story.statuses(), target.applied, target.questions) == (["waiting", "accepted"], ["PO-2"], [])
    states = {case.retry_state for case in story.hospital.cases()} - {None, "accepted"}
    assert [(retry_words.state(each), each in RETRY["on_its_way"]) for each in states] == [
        ("At work there", True)
    ]
    story.deliver()
    assert target.questions == []  # not before its time
    turn(story)
    turn(story)
    assert (story.statuses(), target.questions) == (["waiting", "accepted"], ["PO-1"])  # as the system asked
    turn(story, 60)
    assert (story.statuses(), target.posts, target.questions) == (["accepted"] * 2, 2, ["PO-1", "PO-1"])
    [job, send] = lines(story)
    assert (job.number, job.kind, send.number, send.kind) == (1, "job", 1, "send")
    assert "sent it to The target (try 1): it is at work on it, HTTP 202" in send.did
    assert "asked what came of it at The target (try 1): accepted, HTTP 200" in job.did
    assert "GET" in job.request and '"done"' in job.answer
    story.hospital.source("receipts", [receipt("PO-1"), receipt("PO-2", name="R2")])
    story.hospital.tick()
    assert (story.statuses(), story.batch(batch).status) == (["confirmed"] * 2, "finished")
    with story.install.transaction() as session:
        assert verify(session) == []


def test_why_it_failed_later_is_told_and_nothing_is_sent_again(writing: Make) -> None:
    target = Later(PO_1=[state("Failed", "the period is closed")])
    job = {name: JOB[name] for name in ("done", "failed", "message", "every")}
    story = writing(target, {**job, "job": "taken", "status": "/orders/{order}/jobs/{job}"})
    batch = story.send(story.wrong("PO-1"))
    story.deliver()
    assert "The target took it" in first_sentence(story, batch)
    turn(story)
    assert story.server.asked[-1].path == "/orders/PO-1/jobs/PO-1"
    assert (story.statuses(), story.outcomes(), target.posts) == (["failed"], ["at_work", "permanent"], 1)
    [dead] = story.deliveries()
    assert (dead.last_error, dead.error_class, dead.job) == (
        "Failed: the period is closed",
        "job_failed",
        None,
    )
    assert lines(story)[0].error == "Failed: the period is closed"
    assert "the period is closed" in first_sentence(story, batch)
    [case] = story.hospital.cases("nothing_received")
    assert (case.status, case.retry_state) == ("open", "failed")


def test_what_nobody_can_tell_of_is_left_to_a_person_and_never_sent_again(writing: Make) -> None:
    target = Later(honours=False, PO_1=[state("done")], PO_2=[Reply({}, 404)], PO_3=[state("running")])
    target.elsewhere = {"PO-1": "http://evil.example"}
    story = writing(target)
    story.send(story.wrong("PO-1", "PO-2", "PO-3"))
    story.deliver()
    turn(story)
    assert story.statuses() == ["unsure", "unsure", "waiting"]
    turn(story, 700)
    assert (story.statuses(), target.posts, "PO-1" in target.questions) == (["unsure"] * 3, 3, False)
    told = {delivery.order_key: delivery.last_error or "" for delivery in story.deliveries()}
    elsewhere, gone, endless = (
        next(said for key, said in told.items() if name in key) for name in target.says
    )
    assert "evil.example" in elsewhere and "connection.hosts" in elsewhere
    assert gone == "Nobody knows what came of it: the system does not know the job any more."
    assert endless == "It has not ended in time: running."


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


def test_what_must_come_after_it_waits_for_its_end(writing: Make) -> None:
    target = Later(PO_1=[state("running"), state("done")])
    story = writing(target, order_key="[supplier]")
    story.send(story.wrong("PO-1", "PO-2"))
    story.deliver()
    turn(story)
    assert (story.statuses(), target.applied) == (["waiting", "waiting"], [])
    turn(story)
    assert (story.statuses(), target.applied) == (["accepted", "accepted"], ["PO-2"])


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
