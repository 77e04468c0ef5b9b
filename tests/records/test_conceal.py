"""Values that are hashed or cut at the door: they are nowhere, not even in what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from exceptions_app.catalog.load import check_directory, load_catalog
from exceptions_app.catalog.schema.network import Mapped
from exceptions_app.connectors.base import RawRow
from exceptions_app.connectors.registry import connector_models
from exceptions_app.duck import closing_session
from exceptions_app.records.errors import MappingError
from exceptions_app.records.mapping import FeedMapper, MappedBatch

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SITE = """
site: {name: T}
entities: [{code: H01, name: One}]
record_types:
  - code: person
    title: Person
    key: [number]
    columns: {number: {required: true}, national_id: {}, account: {}, born: {type: date}}
systems: [{code: hr, name: HR, kind: hcm, connector: rows}]
feeds:
  - code: people
    system: hr
    record_type: person
    mapping:
      entity: "'H01'"
      number: number
      national_id: {value: ssn, conceal: hash, conceal_key: env:DOOR_KEY}
      account: {value: iban, conceal: last4}
      born: born
"""
ROW = {"number": "1", "ssn": "123-45-6789", "iban": "DE89370400440532013000", "born": "1980-01-02"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOOR_KEY", "k'ey")
    (tmp_path / "site.yaml").write_text(SITE)
    return tmp_path


def mapped(site: Path, *rows: dict[str, Any]) -> MappedBatch:
    catalog = load_catalog(site, connector_models())
    with closing_session() as con:
        mapper = FeedMapper(con, catalog, "people", 1, NOW)
        return mapper.map([RawRow(f"row {n}", row) for n, row in enumerate(rows, 1)])


def column(batch: MappedBatch, name: str) -> list[Any]:
    return [value.as_py() for value in batch.table[name]]


def test_a_hash_is_keyed_and_equal_for_equal_values(site: Path) -> None:
    batch = mapped(site, ROW, {**ROW, "number": "2"}, {**ROW, "number": "3", "ssn": None, "iban": "123"})
    same = sha256(b"k'ey123-45-6789").hexdigest()
    assert column(batch, "national_id") == [same, same, None]
    assert column(batch, "account") == ["…3000", "…3000", "…"]


def test_a_refused_row_does_not_tell_them_either(site: Path) -> None:
    [reject] = mapped(site, {**ROW, "born": "soon"}).rejects
    assert "born" in reject.reason
    said = f"{reject.raw_masked} {reject.reason} {reject.known}"
    assert "6789" not in said and "DE89" not in said and "3000" not in said


def test_a_key_that_is_not_there_stops_the_run_by_name(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOOR_KEY")
    with pytest.raises(MappingError, match=r"mapping national_id.*DOOR_KEY is not set"):
        mapped(site, ROW)


def test_only_texts_can_be_concealed_and_a_hash_needs_its_key(site: Path) -> None:
    (site / "site.yaml").write_text(SITE.replace("born: born", "born: {value: born, conceal: last4}"))
    [problem] = check_directory(site, connector_models())
    assert "date 'born' cannot be concealed" in str(problem)
    for given in ({"conceal": "hash"}, {"conceal_key": "env:K"}):
        with pytest.raises(ValidationError, match="belong together"):
            Mapped.model_validate({"value": "a", **given})
