"""Connectors and file formats of another package: a real small one, installed beside, and several that are broken."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from exceptions_app.catalog.load import check_directory, load_catalog
from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors import plugins
from exceptions_app.connectors.base import Connector, FeedContentError, Page, RawRow, TransportError
from exceptions_app.connectors.contract import ConnectorContract, FileFormatContract, check_type
from exceptions_app.connectors.files.options import FilesRead
from exceptions_app.connectors.plugin import FileFormat
from exceptions_app.connectors.registry import (
    build_connector,
    build_submitter,
    connector,
    connector_models,
    foreign,
)
from jobs.commands.site import catalog as catalog_commands

GUIDE = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")
MODULE = GUIDE.split("```python\n# acme_feeds.py\n", 1)[1].split("```", 1)[0]
"""The guide's own example: a connector that reads a folder of notes, and a format of `key=value` lines."""

SITE = """
site: {name: Plugged}
entities: [{code: H1, name: One}]
record_types:
  - {code: thing, title: Thing, key: [key], columns: {key: {required: true}, at: {}}}
systems:
  - {code: notes, name: Notes, kind: other, connector: acme_notes, connection: {folder: env:ACME_FOLDER}}
  - {code: drop, name: Drop, kind: file_source, connector: files, connection: {root: /tmp}}
feeds:
  - {code: notes.things, system: notes, record_type: thing, mapping: {entity: "'H1'", key: key, at: at}}
  - code: drop.things
    system: drop
    record_type: thing
    read: {pattern: "*.kv", format: acme_kv, format_options: {separator: ":"}}
    mapping: {entity: "'H1'", key: key}
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Put a package with its entry points where Python finds it, as pip does."""
    added: list[str] = []

    def put(name: str, source: str, points: str) -> None:
        home = tmp_path / f"site-{name}"
        info = home / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (home / f"{name}.py").write_text(dedent(source), encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(dedent(points))
        monkeypatch.syspath_prepend(str(home))
        added.append(name)
        plugins.forget()

    yield put
    for name in added:
        sys.modules.pop(name, None)
    plugins.forget()


@pytest.fixture
def acme(install: Callable[[str, str, str], None]) -> None:
    points = """
        [tieout.connectors]
        acme_notes = acme_feeds:NOTES
        [tieout.file_formats]
        acme_kv = acme_feeds:KEY_VALUE
    """
    install("acme_feeds", MODULE, points)


def notes(connection: dict[str, Any]) -> Connector:
    system = {"code": "n", "name": "N", "kind": "other", "connector": "acme_notes", "connection": connection}
    feed = {"code": "f", "system": "n", "record_type": "thing", "mapping": {"key": "key"}}
    return build_connector(System.model_validate(system), Feed.model_validate(feed))


class NotesBench:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, key: str, at: str) -> None:
        (self._folder / f"{key}.note").write_text(f"key={key}\nat=2026-11-23T{at}:00Z\n")

    def breaks(self) -> None:
        (self._folder / "zz.note").write_text("no such line")

    def connect(self) -> Connector:
        return notes({"folder": str(self._folder)})


@pytest.mark.usefixtures("acme")
class TestAnotherPackagesConnector(ConnectorContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> NotesBench:
        folder = tmp_path / "notes"
        folder.mkdir()
        return NotesBench(folder)


@pytest.mark.usefixtures("acme")
class TestAnotherPackagesFormat(FileFormatContract):
    @pytest.fixture
    def file_format(self) -> FileFormat:
        made = next(each.value for each in foreign() if each.name == "acme_kv")
        assert isinstance(made, FileFormat)
        return made

    @pytest.fixture
    def good(self) -> bytes:
        return b"key=a\namount=1.10\n\nkey=b\namount=0.20\n"

    @pytest.fixture
    def garbage(self) -> bytes:
        return b"\xff\xfe not a file of ours"


@pytest.mark.usefixtures("acme")
def test_the_guides_example_keeps_to_what_is_asked_of_a_type() -> None:
    check_type(connector("acme_notes"))


@pytest.mark.usefixtures("acme")
def test_a_site_uses_both_and_its_options_are_judged(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    assert {"notes.things", "drop.things"} <= set(load_catalog(tmp_path, connector_models()).feeds)
    (tmp_path / "site.yaml").write_text(SITE.replace("folder:", "foldr:").replace("separator:", "seperator:"))
    told = [str(problem) for problem in check_directory(tmp_path, connector_models())]
    assert any("site.yaml:7" in line and "did you mean folder" in line for line in told), told
    assert any("format_options.seperator" in line for line in told), told


@pytest.mark.usefixtures("acme")
def test_files_of_a_foreign_format_are_read_and_one_that_breaks_it_is_refused(tmp_path: Path) -> None:
    system = {
        "code": "d",
        "name": "D",
        "kind": "other",
        "connector": "files",
        "connection": {"root": str(tmp_path), "settle": "0s"},
    }
    read = {"pattern": "*.kv", "format": "acme_kv", "format_options": {"separator": ":"}}
    feed = {"code": "f", "system": "d", "record_type": "thing", "read": read, "mapping": {"key": "key"}}
    (tmp_path / "a.kv").write_text("key: a\n\nkey: b\n")
    (tmp_path / "b.kv").write_bytes(b"\xff\xfe\xfd")
    source = build_connector(System.model_validate(system), Feed.model_validate(feed))
    pages: list[Page] = []
    with pytest.raises(FeedContentError) as broken:
        pages.extend(source.read(None))
    assert "b.kv: the file format 'acme_kv' of acme_feeds 1.2 broke: UnicodeDecodeError" in str(broken.value)
    assert [row.values["key"] for page in pages for row in page.rows if isinstance(row, RawRow)] == ["a", "b"]


def test_a_format_that_is_none_names_those_that_there_are() -> None:
    with pytest.raises(ValidationError, match="'hl7'"):
        FilesRead.model_validate({"pattern": "*", "format": "cvs"})
    with pytest.raises(ValidationError, match="csv has no format_options"):
        FilesRead.model_validate({"pattern": "*", "format_options": {"a": 1}})


BROKEN = {
    "breaks at import": ("import nowhere_to_be_found", "ModuleNotFoundError: No module named"),
    "ends the process": ("raise SystemExit('no licence')", "SystemExit: no licence"),
    "has no such thing": ("OTHER = 1", "AttributeError"),
    "is something else": ("NOTES = 1", "is int; expected a ConnectorType"),
    "keeps to another contract": (
        MODULE.replace("NOTES = ConnectorType(", "NOTES = ConnectorType(contract=99, "),
        "keeps to contract 99",
    ),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_connector_that_cannot_be_loaded_says_why_and_the_rest_goes_on(
    install: Callable[[str, str, str], None], tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, reason = BROKEN[how]
    install("acme_feeds", source, "[tieout.connectors]\nacme_notes = acme_feeds:NOTES\n")
    (tmp_path / "site.yaml").write_text(SITE.split("  - code: drop.things", maxsplit=1)[0])
    found = load_catalog(tmp_path, connector_models())
    with pytest.raises(
        TransportError, match=r"notes: the connector 'acme_notes' of acme_feeds 1\.2 cannot"
    ) as told:
        build_connector(found.systems["notes"], found.feeds["notes.things"])
    assert reason in str(told.value)
    assert told.value.permanent
    monkeypatch.setenv("TIEOUT_INSTANCE", str(tmp_path / "instance"))
    checked = CliRunner().invoke(catalog_commands, ["check", str(tmp_path)])
    assert checked.exit_code == 0, checked.output
    assert reason in checked.output
    assert "in order" in checked.output


def test_a_shipped_name_stays_what_it_is_and_a_name_given_twice_is_nobodys(
    install: Callable[[str, str, str], None],
) -> None:
    install(
        "acme_feeds", MODULE, "[tieout.connectors]\nrest = acme_feeds:NOTES\nacme_notes = acme_feeds:NOTES\n"
    )
    install("other_feeds", MODULE, "[tieout.connectors]\nacme_notes = other_feeds:NOTES\n")
    assert connector("rest").submitter is not None
    told = {each.name: each.problem for each in foreign()}
    assert "Tieout ships one of this name" in told["rest"]
    assert "acme_feeds 1.2 offers the same name" in told["acme_notes"]
    listed = CliRunner().invoke(catalog_commands, ["plugins"])
    assert "other_feeds 1.2" in listed.output


@pytest.mark.usefixtures("acme")
def test_one_that_cannot_write_is_told_so() -> None:
    system = System.model_validate(
        {
            "code": "n",
            "name": "N",
            "kind": "other",
            "connector": "acme_notes",
            "connection": {"folder": "/tmp"},
        }
    )
    with pytest.raises(TransportError, match="'acme_notes' cannot write"):
        build_submitter(system, None)  # type: ignore[arg-type]
