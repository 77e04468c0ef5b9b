"""A preview shows what a feed would bring, and leaves the source, the store and the feed as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exceptions_app.records.previewing import shape_of
from jobs.cli import tieout

SITE = """
site: {packs: [procure_to_pay]}
entities: [{code: E0, name: E0}]
record_types:
  - code: badge
    title: Badge
    key: [number]
    columns:
      number: {required: true}
      quantity: {type: quantity, required: true}
      iban: {sensitivity: bank}
      birth: {sensitivity: patient}
      state: {words: [lost, found]}
systems:
  - {code: HR, name: HR, kind: hcm, connector: files, connection: {root: DROP, settle: 0s}}
feeds:
  - code: badges
    system: HR
    record_type: badge
    where: number <> 'N-9'
    read: {pattern: "*.csv"}
    mapping: {entity: "'E0'", number: number, quantity: qty, iban: account}
"""
ROWS = "number,qty,account,note\nN-1,2.5,DE89 3704,born 1950\nN-2,many,DE11 2222,x\nN-3\nN-9,1,,\nN-1,2.5,DE89 3704,\n"


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with one feed of files, and where they are dropped."""
    for name in ("TIEOUT_CATALOG", "TIEOUT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TIEOUT_INSTANCE", str(tmp_path / "instance"))
    catalog, folder = tmp_path / "instance/catalog", tmp_path / "drop"
    catalog.mkdir(parents=True)
    folder.mkdir()
    (catalog / "site.yaml").write_text(SITE.replace("DROP", str(folder)))
    (folder / "r.csv").write_text(ROWS)
    return folder


def preview(*options: str) -> Result:
    return CliRunner().invoke(tieout, ["feed", "preview", "badges", *options])


def test_first_rows_are_shown_raw_and_mapped_with_what_would_be_refused(drop: Path) -> None:
    result = preview()
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("r.csv")]
    assert lines == [
        "r.csv:2: would be stored",
        "r.csv:3: would be rejected: quantity: expected a quantity such as 12.5, found 'many'",
        "r.csv:5: left out: the feed's 'where' is not true of it",
        "r.csv:6: repeats another row: the same as a row before it, or older",
        "r.csv:4: cannot be read: 1 fields, expected 4",
    ]
    assert "mapped entity=E0, number=N-1, quantity=2.5000, iban=•••" in result.output
    assert "not stored, since no mapping names them: note" in result.output
    assert result.output.rstrip().endswith("; nothing was stored")


def test_what_nobody_called_open_is_shown_by_its_shape_only(drop: Path) -> None:
    output = preview().output
    assert "note=xxxx 9999" in output
    assert "born" not in output
    assert "DE89" not in output
    plain = preview("--plain").output
    assert "note=born 1950" in plain
    assert "DE89" not in plain


def test_of_what_is_nested_the_names_are_shown_and_nothing_else() -> None:
    text = r'{"lines":[{"net.price":"Ann \"Doe\":","n":12,"99 x":true}]}'
    assert shape_of(text) == r'{"lines":[{"net.price":"xxx \"xxx\":","n":99,"99 x":xxxx}]}'
    assert shape_of('"Ann":') == '"xxx":'


def test_nothing_is_stored_and_no_file_is_moved(drop: Path) -> None:
    first, second = preview().output, preview().output
    assert first == second
    assert [path.name for path in drop.iterdir()] == ["r.csv"]
    assert [path.name for path in (drop.parent / "instance").iterdir()] == ["catalog"]


def test_reading_stops_at_the_rows_that_were_asked_for(drop: Path) -> None:
    output = preview("--rows", "1").output
    assert "1 would be stored; there may be more; nothing was stored" in output
    assert "r.csv:3" not in output


def test_a_source_that_changed_shape_says_what_is_missing(drop: Path) -> None:
    (drop / "r.csv").write_text(ROWS.replace("qty", "quantity"))
    result = preview()
    assert result.exit_code == 1
    assert "no row has the column 'qty'" in result.output
    assert "born" not in result.output
    assert "note=xxxx 9999" in result.output


def test_a_file_that_cannot_be_read_says_why(drop: Path) -> None:
    (drop / "r.csv").write_text("")
    result = preview()
    assert result.exit_code == 1
    assert "1 cannot be read; nothing was stored" in result.output
    assert "r.csv:1: the file is empty; expected a line of column names" in result.output
    assert [path.name for path in drop.iterdir()] == ["r.csv"]


def test_an_unknown_feed_names_those_there_are(drop: Path) -> None:
    result = CliRunner().invoke(tieout, ["feed", "preview", "badge"])
    assert result.exit_code != 0
    assert "known are badges" in result.output


EVENTS = """
systems:
  - {code: HUB, name: Hub, kind: other, connector: events, connection: {signature: {type: bearer, secrets: [env:HUB]}}}
feeds:
  - {code: told, system: HUB, record_type: badge, mapping: {entity: "'E0'", number: number, quantity: quantity}}
"""


def test_a_feed_of_events_says_where_to_look_instead(drop: Path) -> None:
    (drop.parent / "instance/catalog/events.yaml").write_text(EVENTS)
    result = CliRunner().invoke(tieout, ["feed", "preview", "told"])
    assert result.exit_code == 1
    assert "events cannot be previewed: send one, then see Integration, Runs" in result.output


def test_a_pattern_that_fits_no_file_says_what_lies_there(drop: Path) -> None:
    (drop / "r.csv").rename(drop / "r.txt")
    result = preview()
    assert result.exit_code == 0
    assert f"nothing in {drop} fits the pattern '*.csv'; there are r.txt" in result.output


def test_words_that_no_list_knows_are_told(drop: Path) -> None:
    site = drop.parent / "instance/catalog/site.yaml"
    site.write_text(site.read_text().replace("iban: account", "iban: account, state: note"))
    (drop / "r.csv").write_text("number,qty,account,note\nN-1,1,,fuond\nN-2,1,,lost\nN-3,1,,fuond\n")
    assert "unknown word: state says 'fuond' in 2 rows; may be meant: found" in preview().output
