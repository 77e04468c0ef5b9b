"""What a mapping looks up in stored reference records, as the integrator's guide tells it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import ReferenceRow
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.duck import closing_session
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from jobs import feed_preview
from jobs.install import Install

from .conftest import Clock, Hospital

GUIDE = (Path(__file__).parents[2] / "docs/integrator.md").read_text(encoding="utf-8")


@pytest.fixture
def network(database: Any, clock: Clock, tmp_path: Path) -> Hospital:
    """An empty install with the guide's example."""
    found = re.search(r"```yaml\n(entities:\n  - {code: H01, name: First Hospital}.*?)```", GUIDE, re.DOTALL)
    assert found
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog/site.yaml").write_text(found[1], encoding="utf-8")
    settings = Settings(instance=tmp_path / "i", catalog=tmp_path / "catalog", cheap_passwords=True)
    catalog = load_catalog(tmp_path / "catalog", connector_models())
    store = RecordStore(settings.records_uri, catalog)
    return Hospital(Install(Runtime(settings, catalog, store), database.engine), clock)


def stored(network: Hospital) -> list[tuple[Any, ...]]:
    with closing_session() as con:
        network.runtime.store.open_views(con, ["hours"], None)
        return con.execute("SELECT badge, entity, department FROM rec_hours ORDER BY 1").fetchall()


def test_rows_take_entity_and_department_from_what_is_stored(network: Hospital) -> None:
    network.poll("erp.units", "time.hours")
    assert stored(network) == [("B1", "H01", "ICU"), ("B2", "H02", None)]
    [reject] = network.rejects()
    said = "entity: expected a number that unit_of_account knows with its facility, found '4799'"
    assert (reject.column_name, reject.reason) == ("entity", said)
    assert said in GUIDE.replace("\n", " ").replace("*", "")


def test_nothing_is_refused_because_reference_data_was_not_read_yet(network: Hospital) -> None:
    told = network.poll("time.hours")["time.hours"]
    assert told["status"] == "failed"
    assert "nothing is stored yet of unit_of_account" in told["error"]
    assert (network.rejects(), stored(network)) == ([], [])
    network.poll("erp.units", "time.hours")
    assert len(stored(network)) == 2


def test_value_that_records_contradict_is_refused_and_reference_rows_count(network: Hospital) -> None:
    network.source("erp.units", [{"cc": "4711", "site": "H01", "dept": "ICU"}])
    row = ReferenceRow.model_validate(
        {"record": "unit_of_account", "values": {"number": "4799", "facility": "H02"}}
    )
    object.__setattr__(network.runtime.catalog, "reference_rows", (row,))
    look_up = network.runtime.catalog.feeds["time.hours"].mapping["entity"].look_up  # type: ignore[union-attr]
    network.poll("erp.units", "time.hours")
    assert stored(network) == [("B1", "H01", "ICU"), ("B3", "H02", None)]
    object.__setattr__(look_up, "by", "department")
    network.source("erp.units", [{"cc": str(n), "site": f"H0{n}", "dept": "4711"} for n in (1, 2)])
    network.poll("erp.units", "time.hours")
    last = [each for each in network.rejects() if "B1" in (each.source_id or "")][-1]
    assert "of which all unit_of_account records say the same facility" in last.reason


def test_preview_looks_up_too(network: Hospital) -> None:
    network.poll("erp.units")
    work = feed_preview.preview(network.runtime, "time.hours", network_runs(network))
    assert [row["outcome"] for row in work["rows"]] == ["stored", "stored", "rejected"]
    assert work["rows"][0]["mapped"]["entity"] == "H01"


def network_runs(network: Hospital) -> Any:
    from exceptions_app.services import runs

    with network.install.transaction() as session:
        return runs.unfinished(session)
