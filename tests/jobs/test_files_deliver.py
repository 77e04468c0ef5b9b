"""Writes by files, from a person's retry to what the system made of them: once each, whatever happens between."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.problems import CatalogError
from exceptions_app.connectors.registry import connector_models
from jobs import delivering

from .conftest import SITE, Clock
from .writing import SENDS, TARGET, Target, Writing, make

OVER_FILES = """\
    connector: files
    connection: {{root: "{root}"}}
    delivery: {{idempotent: true}}
"""
AS_A_FILE = """\
    order_key: [order]
    submit:
      folder: in
      name: "{{order}}-{{idempotency_key}}.csv"
      body: {{Order: "{{order}}", Quantity: "{{quantity}}"}}
      ready: "{{stem}}.ok"
      job:
        {{taken: "archive/{{file}}", errors: "errors/{{file}}", reason: "errors/{{stem}}.log", every: 10s}}
    errors:
      - {{contains: "period closed", means: permanent, error_class: closed, say: The period is closed}}
    read_back: {{nowhere: absent}}
"""
OPERATION = TARGET + OVER_FILES + SENDS + AS_A_FILE


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    for name in ("in", "archive", "errors"):
        (tmp_path / "drop" / name).mkdir(parents=True)
    return tmp_path / "drop"


@pytest.fixture
def writing(
    database: Any, clock: Clock, tmp_path: Path, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> Writing:
    monkeypatch.setattr(delivering, "LINGER", 0.0)
    return make(database, clock, tmp_path, None, Target(), writes=OPERATION.format(root=drop))


def turn(story: Writing, seconds: int = 11) -> dict[str, Any]:
    story.hospital.clock.forward(seconds=seconds)
    return story.deliver()


def put(drop: Path) -> list[Path]:
    """The files that were put, each with its marker."""
    files = sorted((drop / "in").glob("*.csv"))
    assert sorted(path.stem for path in (drop / "in").glob("*.ok")) == [path.stem for path in files]
    return files


def test_a_file_is_put_once_and_accepted_when_it_was_taken(writing: Writing, drop: Path) -> None:
    writing.send(writing.wrong("PO-1"))
    writing.deliver()
    [file] = put(drop)
    assert file.read_text().startswith("Order,Quantity\nPO-1,")
    assert writing.outcomes() == ["at_work"]
    turn(writing)
    assert put(drop) == [file], "it is looked for, not put again"
    file.rename(drop / "archive" / file.name)
    turn(writing)
    assert writing.statuses() == ["accepted"]
    assert list((drop / "in").glob("*.csv")) == []


def test_what_the_system_refuses_is_given_up_with_its_reason(writing: Writing, drop: Path) -> None:
    writing.send(writing.wrong("PO-1"))
    writing.deliver()
    [file] = put(drop)
    file.rename(drop / "errors" / file.name)
    (drop / "errors" / f"{file.stem}.log").write_text("E17 period closed\n")
    turn(writing)
    assert writing.statuses() == ["failed"]
    [delivery] = writing.deliveries()
    assert (delivery.error_class, delivery.last_error) == ("closed", "The period is closed")


def test_a_try_that_broke_after_the_file_was_put_makes_no_second(
    writing: Writing, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing.send(writing.wrong("PO-1"))

    def lost(*_: object) -> None:
        raise OSError(104, "Connection reset by peer")

    with monkeypatch.context() as breaking:
        breaking.setattr("fsspec.implementations.local.LocalFileSystem.pipe_file", lost)
        writing.deliver()
    assert writing.outcomes() == ["unknown"]
    [file] = (drop / "in").glob("*.csv")
    assert list((drop / "in").glob("*.ok")) == []
    for _ in range(3):
        turn(writing, 120)
    assert put(drop) == [file], "the second try found it, and put what was missing"


def test_a_folder_that_is_away_is_waited_for(writing: Writing, drop: Path) -> None:
    (drop / "in").rename(drop / "away")
    writing.send(writing.wrong("PO-1"))
    writing.deliver()
    assert writing.outcomes() == ["transient"]
    (drop / "away").rename(drop / "in")
    turn(writing, 120)
    assert len(put(drop)) == 1


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("order: {source", "file: {source", r"operations.send.order.fields.file: the name is taken"),
        ("archive/{file}", "archive/{flie}-{stem}", r"submit.job.taken.*'flie'.*did you mean file"),
        ("{stem}.ok", "ok", r"submit.ready: .*belongs to one file"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_loaded(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    site = tmp_path / "catalog"
    shutil.copytree(SITE, site)
    (site / "writes.yaml").write_text(OPERATION.format(root=tmp_path).replace(before, after))
    with pytest.raises(CatalogError, match=said):
        load_catalog(site, connector_models())
