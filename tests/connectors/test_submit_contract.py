"""What every submitter must keep to: those of `rest` and `files`, the latter in a folder, over SFTP and in a store."""

from __future__ import annotations

import csv
import inspect
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from loopback import Asked, Loopback, Reply
from test_sftp import Host

from exceptions_app.catalog.schema import Operation, System
from exceptions_app.connectors.registry import CONNECTORS, build_submitter
from exceptions_app.connectors.submit_contract import SubmitterContract, Target
from exceptions_app.connectors.writing import Submitter

FIELDS = {
    "order": {"source": "key.o"},
    "amount": {"source": "erp.a", "type": "money"},
    "account": {"source": "erp.b", "sensitivity": "bank"},
}


def built(kind: str, connection: dict[str, Any], submit: dict[str, Any], read_back: Any) -> Submitter:
    system = {"code": "erp", "name": "ERP", "kind": "erp", "connector": kind, "connection": connection}
    operation = {
        "code": "send", "title": "Send", "system": "erp", "category": ["c"], "fields": FIELDS,
        "submit": submit, "read_back": read_back,
    }  # fmt: skip
    return build_submitter(System.model_validate(system), Operation.model_validate(operation))


class RestTarget:
    """A system that honours keys."""

    def __init__(self, serve: Callable[..., Loopback]) -> None:
        self._taken: dict[str, dict[str, Any]] = {}
        self._server = serve(self._answer)
        self._url = self._server.url

    def _answer(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply({"order": "1"}) if asked.query["key"] in self._taken else Reply({}, 404)
        self._taken.setdefault(asked.headers["idempotency-key"], json.loads(asked.body, parse_float=str))
        return Reply({"taken": asked.body}, 201)

    def connect(self) -> Submitter:
        body = {"order": "{order}", "amount": "{amount}", "account": "{account}"}
        asked = {"path": "/orders", "query": {"key": "{idempotency_key}"}}
        return built("rest", {"base_url": self._url}, {"path": "/orders", "body": body}, asked)

    def arrived(self) -> list[Mapping[str, Any]]:
        return list(self._taken.values())

    def breaks(self) -> None:
        self._url = "http://127.0.0.1:9"


class FilesTarget:
    """A folder, wherever it is: what lies there with its marker is what arrived."""

    def __init__(
        self, connection: dict[str, Any], away: dict[str, str], files: Callable[[], dict[str, str]]
    ) -> None:
        self._connection, self._away, self._files = connection, away, files

    def connect(self) -> Submitter:
        submit = {
            "folder": "in",
            "name": "order-{idempotency_key}.csv",
            "body": {"order": "{order}", "amount": "{amount}", "account": "{account}"},
            "ready": "{stem}.ok",
            "job": {"taken": "archive/{file}", "errors": "errors/{file}"},
        }
        return built("files", self._connection, submit, {"nowhere": "absent"})

    def arrived(self) -> list[Mapping[str, Any]]:
        files = self._files()
        whole = [text for name, text in sorted(files.items()) if name.endswith(".csv")]
        assert len(files) == 2 * len(whole), "each has its marker, and nothing else is left"
        return [row for text in whole for row in csv.DictReader(io.StringIO(text))]

    def breaks(self) -> None:
        self._connection = {**self._connection, **self._away}


def _texts(folder: Path) -> Callable[[], dict[str, str]]:
    return lambda: {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("SFTP_PASSWORD", "s3cret")
    made = Host(tmp_path)
    yield made
    made.stop()


@pytest.fixture(params=["rest", "folder", "sftp", "s3"])
def target(request: Any, tmp_path: Path) -> Target:
    if request.param == "rest":
        return RestTarget(request.getfixturevalue("serve"))
    if request.param == "s3":
        if os.environ.get("TESTS") != "all" and "still_one" not in request.node.name:
            pytest.skip("make test-all runs it")  # each makes a client anew, which takes seconds
        bucket = request.getfixturevalue("store")
        keys = {"access_key": "env:S3_KEY", "secret_key": "env:S3_SECRET", "endpoint": bucket.url}
        texts = lambda: {name: body.decode() for name, body in bucket.objects.items()}  # noqa: E731
        return FilesTarget({"root": "s3://drop/x", **keys}, {"endpoint": "http://127.0.0.1:9"}, texts)
    (tmp_path / "in").mkdir()
    if request.param == "folder":
        return FilesTarget({"root": str(tmp_path)}, {"root": str(tmp_path / "away")}, _texts(tmp_path / "in"))
    server = request.getfixturevalue("host")
    known = {"username": "drop", "password": "env:SFTP_PASSWORD", "host_key": server.host_key}
    root = f"sftp://127.0.0.1:{server.port}/"
    return FilesTarget({"root": root, **known}, {"root": "sftp://127.0.0.1:1/"}, _texts(tmp_path / "in"))


class TestEverySubmitter(SubmitterContract):
    """Each runs over every target."""


def test_the_contract_is_for_every_connector_that_can_write() -> None:
    assert {kind for kind, one in CONNECTORS.items() if one.submitter is not None} == {"rest", "files"}
    assert len([name for name in vars(SubmitterContract) if name.startswith("test_")]) == 9
    assert isinstance(inspect.getdoc(SubmitterContract), str)
