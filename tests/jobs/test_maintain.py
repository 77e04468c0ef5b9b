"""Upkeep: what is done once a day, and what is forgotten when its time is over."""

from __future__ import annotations

import pytest

from exceptions_app.records.store import RecordStore

from .conftest import Hospital


def maintain(hospital: Hospital) -> dict[str, object]:
    task_id = hospital.request("maintain", "")
    hospital.runner("maintain").drain()
    return hospital.result(task_id)


def test_records_are_vacuumed_once_a_day_whenever_the_install_is_up(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(RecordStore, "vacuum", lambda _store, record_type: asked.append(record_type))
    each = sorted(hospital.runtime.catalog.record_types)
    for forward, vacuumed in (
        ({}, True),
        ({"minutes": 10}, False),
        ({"hours": 12}, False),
        ({"hours": 12}, True),
    ):
        hospital.clock.forward(**forward)
        maintain(hospital)
        assert sorted(asked) == (each if vacuumed else []), forward
        asked.clear()
    hospital.clock.forward(days=30)  # its last result is forgotten
    maintain(hospital)
    assert sorted(asked) == each
