"""HCM publishes what differs from what it published: lost events never, corrected ones again, withdrawn ones too."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.hr import lifecycle
from demo.systems.ledgers import schema_of
from demo.systems.store import Store

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
WHO = {"worker": "W1", "facility": "HMC", "left_on": "2026-10-01", "changed_at": "2026-10-02T00:00:00Z"}


def published(home: Path, **row: Any) -> tuple[Store, lifecycle.Broker]:
    home.mkdir(exist_ok=True)
    store = Store(home / "events.sqlite", schema_of(lifecycle.TABLES))
    store.add("told", [{"id": 1, **lifecycle.row_of(WHO, **row)}])
    broker = lifecycle.Broker(lifecycle.FOLDER_BROKER, home / "broker")
    lifecycle.publish(store, broker, NOW)
    return store, broker


def told(home: Path) -> list[tuple[str, str, str | None]]:
    """What lies in the broker, oldest first."""
    files = sorted((home / "broker/messages").glob("*.msg"), key=lambda path: path.stat().st_mtime_ns)
    found = []
    for path in files:
        message = json.loads(path.read_text())
        body = message["body"]
        text = b64decode(body) if message["properties"].get("body_encoding") == "base64" else body
        event = json.loads(text)
        found.append((event["id"], event["type"], event["data"]["last_day"]))
    return found


def test_one_that_is_lost_is_published_when_it_is_repaired_and_withdrawn_when_it_is_lost_again(
    tmp_path: Path,
) -> None:
    store, broker = published(tmp_path, lost=1)
    assert told(tmp_path) == []
    for lost in (0, 0, 1):
        store.alter("told", {"id": 1}, {"lost": lost})
        lifecycle.publish(store, broker, NOW)
    assert told(tmp_path) == [
        ("W1-1", "worker.terminated", "2026-10-01"),
        ("W1-2", "worker.termination.withdrawn", None),
    ]


def test_late_ones_come_after_what_they_precede_and_some_come_twice(tmp_path: Path) -> None:
    published(tmp_path / "a", late=1)
    assert [day for _, _, day in told(tmp_path / "a")] == ["2026-10-01", "2026-09-27"]
    published(tmp_path / "b", twice=1)
    assert told(tmp_path / "b") == [("W1-1", "worker.terminated", "2026-10-01")] * 2
