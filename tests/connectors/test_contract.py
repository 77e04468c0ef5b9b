"""What every registered connector must keep to. A new kind without a bench here fails.

A bench is a real source of its kind that can be added to and broken; each test runs over all of them.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from loopback import Asked, Handler, Loopback, Reply
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.base import Again, Connector, TransportError
from exceptions_app.connectors.contract import Bench, ConnectorContract, check_type
from exceptions_app.connectors.events.connector import EventsConnector, KeptAgain
from exceptions_app.connectors.events.event import Event
from exceptions_app.connectors.events.said import Kept
from exceptions_app.connectors.registry import CONNECTORS, build_connector

NOW = "2026-11-24T12:00:00Z"


def built(kind: str, connection: dict[str, Any], read: dict[str, Any]) -> Connector:
    system = {"code": "src", "name": "Source", "kind": "other", "connector": kind, "connection": connection}
    feed = {"code": "f", "system": "src", "record_type": "thing", "read": read, "mapping": {"key": "key"}}
    return build_connector(System.model_validate(system), Feed.model_validate(feed))


class RestBench:
    def __init__(self, serve: Callable[[Handler], Loopback]) -> None:
        self._rows: list[dict[str, str]] = []
        self._broken = False
        self._server = serve(self._answer)

    def _answer(self, asked: Asked) -> Reply:
        if self._broken:
            return Reply("<html>down for maintenance</html>", headers={"Content-Type": "text/html"})
        since, skip = asked.query.get("since", ""), int(asked.query.get("skip", 0))
        rows = [row for row in self._rows if row["at"] >= since]
        link = {"next": f"/things?since={since}&skip={skip + 2}"} if skip + 2 < len(rows) else {}
        return Reply({"rows": rows[skip : skip + 2], **link})

    def add(self, key: str, at: str) -> None:
        self._rows.append({"key": key, "at": f"2026-11-23T{at}:00Z"})

    def breaks(self) -> None:
        self._broken = True

    def connect(self) -> Connector:
        mark = {"param": "since", "field": "at", "overlap": "0s"}
        paging = {"type": "next_link", "field": "next"}
        read = {"path": "/things", "records": "rows", "paging": paging, "watermark": mark}
        return built("rest", {"base_url": self._server.url}, read)


class FilesBench:
    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, key: str, at: str) -> None:
        self._put(f"{at.replace(':', '')}-{key}.csv", f"key,at\n{key},{at}\n", at)

    def breaks(self) -> None:
        self._put("broken.csv", "", "23:59")

    def _put(self, name: str, content: str, at: str) -> None:
        path = self._root / name
        path.write_text(content)
        moment = 1_795_000_000 + int(at[:2]) * 3600 + int(at[3:]) * 60
        os.utime(path, (moment, moment))

    def connect(self) -> Connector:
        return built("files", {"root": str(self._root)}, {"pattern": "*.csv", "keep": True})


class SqlBench:
    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONTRACT_DB", f"sqlite:///{path}")
        self._engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
        self._run("CREATE TABLE thing (key TEXT, at TEXT)")

    def _run(self, statement: str, **values: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement), values)

    def add(self, key: str, at: str) -> None:
        self._run("INSERT INTO thing VALUES (:key, :at)", key=key, at=f"2026-11-23 {at}:00")

    def breaks(self) -> None:
        self._run("DROP TABLE thing")

    def connect(self) -> Connector:
        mark = {"column": "at", "overlap": "0s"}
        return built("sql", {"url": "env:CONTRACT_DB"}, {"table": "thing", "watermark": mark, "page_size": 2})


class Told:
    """An inbox in memory, as the database keeps one."""

    def __init__(self) -> None:
        self.events: list[Kept] = []
        self.broken = False

    def waiting(self, after: int, limit: int) -> list[Kept]:
        if self.broken:
            raise TransportError("the inbox is gone", permanent=False, where="inbox")
        return [event for event in self.events if event.inbox_id > after][:limit]

    def keep(self, events: Sequence[Event], unreadable: Sequence[tuple[Event, str]]) -> None:
        """There is no broker here."""

    def again(self, again: Again, after: int, limit: int) -> list[KeptAgain]:
        """Every event became one record."""
        found = [event for event in self.events if event.inbox_id > after][:limit]
        return [KeptAgain(event, 1, [(0, json.loads(event.body)["data"])]) for event in found]


class EventsBench:
    def __init__(self) -> None:
        self._inbox = Told()

    def add(self, key: str, at: str) -> None:
        number = len(self._inbox.events) + 1
        body = json.dumps({"id": key, "data": {"key": key, "at": at, "amount": 1.5, "more": {"a": 1}}})
        moment = datetime.fromisoformat(f"2026-11-23T{at}:00+00:00")
        self._inbox.events.append(Kept(number, key, "/source", "changed", moment, moment, "c", body))

    def breaks(self) -> None:
        self._inbox.broken = True

    def connect(self) -> Connector:
        made = built("events", {}, {})
        assert isinstance(made, EventsConnector)
        made.inbox = self._inbox
        return made


class RowsBench:
    def __init__(self) -> None:
        self._read: dict[str, Any] = {"rows": [], "watermark": "at", "page_size": 2}

    def add(self, key: str, at: str) -> None:
        self._read["rows"].append({"key": key, "at": at})

    def breaks(self) -> None:
        self._read["garbage_after"] = 0

    def connect(self) -> Connector:
        return built("rows", {}, self._read)


@pytest.fixture(params=sorted(CONNECTORS))
def bench(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    serve: Callable[[Handler], Loopback],
) -> Iterator[Bench]:
    benches: dict[str, Callable[[], Bench]] = {
        "rest": lambda: RestBench(serve),
        "files": lambda: FilesBench(tmp_path),
        "sql": lambda: SqlBench(tmp_path / "thing.sqlite", monkeypatch),
        "events": EventsBench,
        "rows": RowsBench,
    }
    with time_machine.travel(NOW, tick=False):
        yield benches[request.param]()


class TestContract(ConnectorContract):
    """Each shipped connector, over its bench."""


def test_every_kind_has_option_models_that_refuse_what_they_do_not_know() -> None:
    for connector in CONNECTORS.values():
        check_type(connector)


def test_every_kind_is_documented_where_it_is_declared() -> None:
    for connector in CONNECTORS.values():
        for model in (connector.models.connection, connector.models.read):
            assert inspect.getdoc(model)
