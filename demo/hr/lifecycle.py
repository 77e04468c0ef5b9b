"""What HCM tells others by itself: an event for everybody who leaves, over a broker.

A CloudEvent each, published through kombu: by default into a folder (its filesystem transport), else to whatever the
broker's URL says, such as Redis. What was published is kept with the row, so that only what differs is published. One
may be lost on its way (`lost`): that is what a planted fault looks like.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..documents import stamp
from ..systems.store import Row, Store
from ..systems.tables import Table

SYSTEM = "hcm_events"
QUEUE = "hcm.lifecycle"
TABLES = {
    "told": Table(
        "told",
        {
            **dict.fromkeys(("worker", "facility", "last_day", "published"), "text"),
            **dict.fromkeys(("version", "lost", "twice", "late"), "whole"),
        },
        "worker",
    )
}
FOLDER_BROKER = "filesystem://"


class Broker:
    """Where events go; nothing is opened before there is one."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    @property
    def _options(self) -> dict[str, str]:
        if self.url != FOLDER_BROKER:
            return {}
        folders = dict.fromkeys(("data_folder_in", "data_folder_out"), str(self.folder / "messages"))
        return {**folders, "control_folder": str(self.folder / "control")}

    def publish(self, events: list[dict[str, Any]]) -> None:
        """In their order; each is in the queue when it returns."""
        if not events:
            return
        kombu = _kombu()
        for name in ("messages", "control"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        with kombu.Connection(self.url, transport_options=self._options) as connection:
            channel = connection.default_channel
            kombu.Queue(QUEUE)(channel).declare()
            producer = connection.Producer()
            for event in events:
                producer.publish(
                    json.dumps(event).encode(), routing_key=QUEUE, content_encoding="binary",
                    content_type="application/cloudevents+json",
                )  # fmt: skip


def _kombu() -> Any:
    """Imported when there is something to publish: it takes a while."""
    import kombu

    return kombu


def row_of(worker: Row, **also: Any) -> Row:
    """What is told of somebody who left."""
    plain = {"published": "", "version": 0, "lost": 0, "twice": 0, "late": 0, "gone": 0}
    about = {name: worker[name] for name in ("worker", "facility", "changed_at")}
    return {**about, "last_day": worker["left_on"], **plain, **also}


def publish(store: Store, broker: Broker, now: datetime) -> int:
    """Publish what differs from what was published; how many events."""
    events: list[dict[str, Any]] = []
    for row in store.rows("SELECT * FROM told WHERE gone = 0 ORDER BY id"):
        wanted = "" if row["lost"] else row["last_day"]
        if wanted == row["published"]:
            continue
        version = row["version"] + 1
        events += _events(row, wanted, version, now)
        store.alter("told", {"id": row["id"]}, {"published": wanted, "version": version})
    broker.publish(events)
    return len(events)


def _events(row: Row, wanted: str, version: int, now: datetime) -> list[dict[str, Any]]:
    kind = "worker.terminated" if wanted else "worker.termination.withdrawn"
    event = _event(row, kind, wanted, version, now)
    if not row["late"]:
        return [event] * (2 if row["twice"] else 1)
    day = str(datetime.fromisoformat(row["last_day"]).date() - timedelta(days=4))
    before = _event(row, kind, day, 0, now - timedelta(hours=2))
    return [event, before]  # what was told first comes last


def _event(row: Row, kind: str, last_day: str, version: int, at: datetime) -> dict[str, Any]:
    worker = row["worker"]
    data = {"worker": worker, "facility": row["facility"], "last_day": last_day or None, "version": version}
    about = {"specversion": "1.0", "id": f"{worker}-{version}", "source": "/hcm/lifecycle", "type": kind}
    return {**about, "time": stamp(at), "subject": worker, "correlationid": f"leave-{worker}", "data": data}
