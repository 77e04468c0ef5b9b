# ruff: noqa: E501 - one row of a table is one line
"""A word that no list knows is one exception with the rows it concerns; nothing is lost, and nothing judged by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.models import CheckRun
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from jobs.install import Install

from .conftest import SITE, Clock, Hospital, order, receipt

WORDS = "[open, cancelled]"
CATEGORY = "unknown_word"


def site(directory: Path, words: str = WORDS, crosswalk: str = "") -> Path:
    """The site of these tests, whose orders have a status that the check compares with a word."""
    text = (SITE / "site.yaml").read_text(encoding="utf-8")
    for before, after in (
        ("supplier: {label: Supplier}", f"supplier: {{label: Supplier}}\n      status: {{label: Status, crosswalk: state, words: {words}}}"),
        ("supplier: supplier, quantity: quantity, ordered_at: parse", "supplier: supplier, status: status, quantity: quantity, ordered_at: parse"),
        ("record: goods_order\n", "record: goods_order\n        where: coalesce(status, 'open') <> 'cancelled'\n"),
    ):  # fmt: skip
        assert before in text
        text = text.replace(before, after)
    directory.mkdir(exist_ok=True)
    (directory / "site.yaml").write_text(
        f"{text}\ncrosswalks:\n  - {{code: state, entries: [{crosswalk}]}}\n"
    )
    return directory


def changed(hospital: Hospital, directory: Path) -> Hospital:
    """The same install with another configuration; its sources hold what they held."""
    catalog = load_catalog(directory, connector_models())
    settings = replace(hospital.runtime.settings, catalog=directory)
    runtime = Runtime(settings, catalog, RecordStore(settings.records_uri, catalog))
    for code, feed in hospital.runtime.catalog.feeds.items():
        catalog.feeds[code].read.update(feed.read)
    return Hospital(Install(runtime, hospital.engine), hospital.clock)


@pytest.fixture
def listed(hospital: Hospital, clock: Clock, tmp_path: Path) -> Hospital:
    assert clock
    found = changed(hospital, site(tmp_path / "site"))
    found.source("receipts", [])
    return found


def of_status(number: str, status: str | None, **more: Any) -> dict[str, Any]:
    return {**order(number, **more), "status": status}


def told(hospital: Hospital) -> list[tuple[str, str]]:
    return [(case.status, case.sentence) for case in hospital.cases(CATEGORY)]


def received(hospital: Hospital) -> dict[str, str]:
    return {case.reference: case.status for case in hospital.cases("nothing_received")}


def test_unknown_word_is_one_exception_and_its_rows_are_kept_and_not_judged(listed: Hospital) -> None:
    rows = [of_status(f"PO-{i}", "canceled") for i in range(3)]
    listed.source("orders", [*rows, of_status("PO-8", "open"), of_status("PO-9", None)])
    result = listed.tick()
    [(status, sentence)] = told(listed)
    assert status == "open"
    assert "Status says 'canceled' in 3 rows; may be meant: cancelled" in sentence
    assert listed.runtime.store.count("goods_order") == 5
    assert received(listed) == {"PO-8": "open", "PO-9": "open"}
    assert result["goods.received"]["unjudged"] == 3


def test_rows_are_counted_anew_and_the_word_closes_with_its_last_row(listed: Hospital) -> None:
    listed.source("orders", [of_status("PO-1", "parked"), of_status("PO-2", "parked")])
    listed.tick()
    listed.source("orders", [of_status("PO-1", "open"), of_status("PO-2", "parked")])
    listed.tick()
    [(status, sentence)] = told(listed)
    assert (status, "'parked' in 1 row; known are open, cancelled" in sentence) == ("open", True)
    assert received(listed) == {"PO-1": "open"}
    listed.source("orders", [of_status("PO-1", "open"), of_status("PO-2", "cancelled")])
    listed.tick()
    assert [status for status, _ in told(listed)] == ["resolved"]
    assert received(listed) == {"PO-1": "open"}


def test_live_exception_stays_as_it_is_while_its_row_says_an_unknown_word(listed: Hospital) -> None:
    listed.source("orders", [of_status("PO-1", "open")])
    listed.tick()
    listed.source("orders", [of_status("PO-1", "parked")])
    listed.source("receipts", [receipt("PO-1")])
    listed.tick()
    assert received(listed) == {"PO-1": "open"}
    listed.source("orders", [of_status("PO-1", "open")])
    listed.tick()
    assert received(listed) == {"PO-1": "resolved"}


def test_crosswalk_or_longer_list_makes_the_word_known_without_reading_the_rows_anew(
    listed: Hospital, tmp_path: Path
) -> None:
    feed = listed.runtime.catalog.feeds["orders"]
    object.__setattr__(feed, "mode", "changes")
    listed.source("orders", [of_status("PO-1", "parked"), of_status("PO-2", "gone")])
    listed.tick()
    assert [status for status, _ in told(listed)] == ["open", "open"]
    assert received(listed) == {}
    listed.source("orders", [])
    known = changed(
        listed, site(tmp_path / "site2", "[open, cancelled, parked]", "{local: gone, canonical: cancelled}")
    )
    object.__setattr__(known.runtime.catalog.feeds["orders"], "mode", "changes")
    known.tick()
    assert [status for status, _ in told(known)] == ["resolved", "resolved"]
    assert received(known) == {"PO-1": "open"}
    back = changed(known, site(tmp_path / "site"))
    object.__setattr__(back.runtime.catalog.feeds["orders"], "mode", "changes")
    back.tick()
    assert [status for status, _ in told(back)] == ["open", "open"]


def test_column_full_of_unknown_words_is_told_once(listed: Hospital) -> None:
    listed.source("orders", [of_status(f"PO-{i:02}", f"word {i:02}") for i in range(30)])
    listed.tick()
    [(_, sentence)] = told(listed)
    assert "'word 00', 'word 01', 'word 02' and 27 others in 30 rows" in sentence


def test_nothing_is_looked_for_while_all_words_are_known(
    listed: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed.source("orders", [of_status("PO-1", "open")])
    listed.tick()
    monkeypatch.setattr(RecordStore, "unknown_words", lambda *_: pytest.fail("the store was asked"))
    listed.tick()
    assert told(listed) == []
    assert {run.unjudged for run in listed.all(CheckRun)} == {0}
