"""Crosswalks as tables, and what one system makes of them."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from exceptions_app.records.crosswalk import for_system, load_crosswalks

from .conftest import make_catalog

UNIT = {(None, "EACH"): "EA", ("wms", "EACH"): "E1", ("wms", "PAL"): "PL"}


def test_every_crosswalk_is_a_table_where_no_system_means_every_system(con: DuckDBPyConnection) -> None:
    for _ in range(2):
        load_crosswalks(con, make_catalog(crosswalks={"unit": UNIT, "empty": {}}))
    assert sorted(con.execute("SELECT system, local, canonical FROM xw_unit").fetchall()) == [
        ("", "EACH", "EA"),
        ("wms", "EACH", "E1"),
        ("wms", "PAL", "PL"),
    ]
    assert con.execute("SELECT system, local, canonical FROM xw_empty").fetchall() == []


def test_a_translation_for_one_system_comes_before_one_for_all() -> None:
    assert for_system(UNIT, "wms") == {"EACH": "E1", "PAL": "PL"}
    assert for_system(UNIT, "erp") == {"EACH": "EA"}
