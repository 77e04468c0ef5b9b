"""A load balancer hears of a database that is gone, a disk that is full, and folders that cannot be written to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from exceptions_app.extensions import db
from exceptions_app.runtime import runtime
from exceptions_app.web import health


@pytest.fixture(autouse=True)
def _looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(health, "_found", {})
    yield


@pytest.fixture
def instance(app: Flask) -> Path:
    return runtime(app).settings.instance


def test_all_is_well_and_nothing_is_left_behind(client: FlaskClient, instance: Path) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert not list(instance.glob(".healthz*"))


def test_a_folder_that_cannot_be_written_to_is_told_without_its_path(
    client: FlaskClient, instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    shutil.move(instance, kept)
    assert "the instance directory cannot be written to: No such file" in client.get("/healthz").text
    monkeypatch.setattr(health, "_found", {})
    instance.write_text("a file stands where the directory was")
    try:
        answer = client.get("/healthz")
        assert answer.status_code == 503
        assert "the instance directory cannot be written to: Not a directory" in answer.text
        assert str(instance) not in answer.text
    finally:
        instance.unlink()
        shutil.move(kept, instance)


def test_a_disk_that_is_nearly_full_is_told(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LEAST_FREE", 1 << 62)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert "the instance directory is nearly full: " in answer.text


def test_folders_are_tried_once_in_a_while_only(
    client: FlaskClient, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []
    monkeypatch.setattr(health, "problem", lambda _name, folder: tried.append(folder) or "")
    for _ in range(3):
        assert client.get("/healthz").status_code == 200
    assert tried.count(instance) == 1
    monkeypatch.setattr(health, "LOOK_EVERY", 0.0)
    client.get("/healthz")
    assert tried.count(instance) == 2


def test_a_database_that_does_not_answer_is_told(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(db.session, "execute", gone)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (503, "the database does not answer\n")
