"""Messages of a broker are acknowledged only when they are kept. The broker is kombu's own, made of files, a real Redis
where this machine has one, and one that speaks AMQP where its address is given.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Queue
from redis import Redis

from demo.redis_server import RedisServer, available
from exceptions_app.catalog.schema import System
from exceptions_app.models import InboxEvent
from exceptions_app.services import inbox

from .conftest import Hospital
from .events import event, inbox_of, records, sends_events

AMQP = "TIEOUT_TEST_AMQP"
"""The address of a broker to try, such as `amqp://guest:guest@127.0.0.1:5672//`; its queue `receipts` is emptied."""
CLOUD = "application/cloudevents+json"


class Broker:
    """A queue, and what the application is told of it."""

    def __init__(self, url: str, options: dict[str, str], left: Callable[[], int]) -> None:
        self.url, self.options, self.left = url, options, left
        self._connection = Connection(url, transport_options=options)
        self._queue = Queue("receipts")

    def publish(self, body: Any, content_type: str = CLOUD, **headers: str) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        queue = self._queue(self._connection.default_channel)
        queue.declare()
        self._connection.Producer().publish(
            text,
            routing_key="receipts",
            content_type=content_type,
            content_encoding="binary",
            headers=headers,
        )

    def close(self) -> None:
        self._connection.release()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer | None]:
    found = RedisServer(tmp_path_factory.mktemp("redis")) if available() else None
    yield found
    if found is not None:
        found.stop()


def _of_files(root: Path) -> Broker:
    """kombu's transport takes a message out when it is given, and puts it back unless it was acknowledged when the
    connection is closed.
    """
    root.mkdir()
    options = {name: str(root) for name in ("data_folder_in", "data_folder_out")}
    options |= {"processed_folder": str(root / "done"), "control_folder": str(root / "control")}
    return Broker("filesystem://", options, lambda: len(list(root.glob("*.msg"))))


def _of_redis(server: RedisServer) -> Broker:
    store = Redis.from_url(server.url)
    store.flushdb()
    return Broker(server.url, {}, lambda: int(store.llen("receipts")))  # type: ignore[arg-type]


def _of_amqp(url: str) -> Broker:
    def left() -> int:
        with Connection(url) as connection:
            return int(
                Queue("receipts")(connection.default_channel).queue_declare(passive=True).message_count
            )

    with Connection(url) as connection:
        queue = Queue("receipts")(connection.default_channel)
        queue.declare()
        queue.purge()
    return Broker(url, {}, left)


@pytest.fixture(params=["files", "redis", "amqp"])
def broker(
    request: pytest.FixtureRequest, hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Broker]:
    if request.param == "files":
        found = _of_files(tmp_path / "broker")
    elif request.param == "amqp":
        if not (url := os.environ.get(AMQP)):
            pytest.skip(f"{AMQP} names no broker")
        found = _of_amqp(url)
    elif (server := request.getfixturevalue("redis")) is not None:
        found = _of_redis(server)
    else:
        pytest.skip("redis-server is not installed")
    monkeypatch.setenv("WMS_BROKER", found.url)
    sends_events(hospital, broker={"queue": "receipts", "declare": True, "at_once": 2})
    hospital.runtime.catalog.systems["WMS"] = System(
        code="WMS", name="The warehouse", kind="wms", connector="events",
        connection={"broker": "env:WMS_BROKER", "transport_options": found.options},
    )  # fmt: skip
    yield found
    found.close()


def test_messages_become_records_and_leave_the_queue(hospital: Hospital, broker: Broker) -> None:
    for number in range(5):
        broker.publish(event(f"E{number}", f"R{number}"))
    broker.publish(event("E1", "R1"))
    told = hospital.poll("receipts")["receipts"]
    assert (told["status"], told["stored"]) == ("complete", 5)
    assert (len(records(hospital)), broker.left()) == (5, 0)


def test_attributes_in_the_headers_of_a_message(hospital: Hospital, broker: Broker) -> None:
    about = {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": "E1",
        "ce_source": "/wms",
        "ce-type": "changed",
    }
    broker.publish(event("E1")["data"], "application/json", **about)
    hospital.poll("receipts")
    assert inbox_of(hospital) == {"E1": "taken"}


def test_nothing_is_acknowledged_that_was_not_kept(
    hospital: Hospital, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.publish(event("E1"))

    def full(*_: Any) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(inbox, "append", full)
    told = hospital.request("poll", "receipts", feed="receipts")
    hospital.runner("poll").drain()
    assert hospital.task(told).status == "failed"
    assert (broker.left(), inbox_of(hospital)) == (1, {})
    monkeypatch.undo()
    monkeypatch.setenv("WMS_BROKER", broker.url)
    hospital.poll("receipts")
    assert (broker.left(), inbox_of(hospital)) == (0, {"E1": "taken"})


def test_a_message_that_is_no_event_waits_for_a_person(hospital: Hospital, broker: Broker) -> None:
    broker.publish(b"\xffnot json")
    broker.publish(event("E1"))
    assert hospital.poll("receipts")["receipts"]["stored"] == 1
    [dead] = [one for one in hospital.all(InboxEvent) if one.state == "dead"]
    assert dead.reason == "body, byte 1: is not UTF-8; expected JSON in UTF-8"
    assert broker.left() == 0


def test_a_broker_that_does_not_answer_is_a_failing_feed(
    hospital: Hospital, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "redis://:hidden@127.0.0.1:9/0"
    monkeypatch.setenv("WMS_BROKER", secret)
    told = hospital.poll("receipts")["receipts"]
    assert told["status"] == "failed"
    assert "the broker does not give messages of 'receipts'" in told["error"]
    assert "hidden" not in told["error"]
    assert [case.status for case in hospital.cases()] == ["open"]
