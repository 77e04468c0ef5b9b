"""A feed that answers and brings far fewer or far more records than usual is one exception, until it is as usual."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Contract
from exceptions_app.domain.instant import utc_now
from exceptions_app.services import configuration, runs

from .conftest import Hospital, order

FEED = "orders"


def _watched(hospital: Hospital, mode: str, **said: Any) -> None:
    """Three weeks of a hundred records at nine each day, none yet today, and a contract that watches them."""
    catalog = hospital.runtime.catalog
    contract = Contract.model_validate({"volume": said})
    changed = {"contract": contract, "mode": mode, "every": timedelta(hours=4)}
    catalog.feeds[FEED] = catalog.feeds[FEED].model_copy(update=changed)
    first = utc_now().replace(hour=1, minute=0) - timedelta(days=21)
    ended = [(first + timedelta(hours=4 * n), 100 if n % 6 == 2 else 0) for n in range(21 * 6)]
    ended += [(first + timedelta(days=21, hours=4 * n), 0) for n in range(4)]
    with Session(hospital.engine) as session:
        snapshot = configuration.accept(session, catalog, "system:test", utc_now())
        runs.remember(session, FEED, ended, snapshot_id=snapshot, correlation_id="corr-1")
        session.commit()


def _brings(hospital: Hospital, count: int, after: int = 0) -> list[tuple[str, str]]:
    """What there is to say of the feed's volume once so many new records came, `after` hours from now."""
    hospital.clock.forward(hours=after)
    numbers = [f"PO-{utc_now():%d%H}-{number}" for number in range(count)]
    hospital.source(FEED, [order(number, ordered=utc_now()) for number in numbers])
    assert hospital.poll(FEED)[FEED]["status"] == "complete"
    return [(case.status, case.sentence) for case in hospital.cases("volume_unusual")]


def test_days_of_changes_are_summed_and_one_low_day_is_one_exception_until_it_is_as_usual(
    hospital: Hospital,
) -> None:
    _watched(hospital, "changes", at_least=5)
    assert [_brings(hospital, count, 1) for count in (4, 4, 4)] == [[], [], []], "small runs are no small day"
    [low] = _brings(hospital, 1, 7)
    assert low == (
        "open",
        "Orders of the ERP brought 12 records on 24 Nov 2026; at least 25 are expected, 100 as a rule",
    )
    [same] = hospital.cases("volume_unusual")
    assert (same.queue, same.severity, same.evidence_version) == ("integration_operations", "high", 1)
    assert _brings(hospital, 20, 4) == [low]
    assert [status for status, _ in _brings(hospital, 20, 4)] == ["resolved"]
    [many] = _brings(hospital, 420, 1)
    assert many[0] == "open" and "at most 400 are expected, 100 as a rule" in many[1]
    [again] = hospital.cases("volume_unusual")
    assert again.recurring and again.id == same.id


@pytest.mark.parametrize("said", [{}, {"since": "2026-11-20"}, {"calendar": "office"}])
def test_nothing_is_said_within_the_band_without_a_past_or_on_a_day_of_rest(
    hospital: Hospital, said: dict[str, str]
) -> None:
    office = hospital.runtime.catalog.calendars["always"].model_copy(
        update={"code": "office", "always_open": False, "weekly": {"mon": ["08:00-17:00"]}}
    )
    hospital.runtime.catalog.calendars["office"] = office
    _watched(hospital, "snapshot", history=3, **said)
    assert _brings(hospital, 60 if not said else 1) == []


def test_each_delivery_of_a_snapshot_is_judged(hospital: Hospital) -> None:
    _watched(hospital, "snapshot")
    [low] = _brings(hospital, 24)
    assert low == (
        "open",
        "Orders of the ERP brought 24 records on 24 Nov 2026; at least 25 are expected, 100 as a rule",
    )
    assert _brings(hospital, 23, 1) == [("open", low[1].replace("24 records", "23 records"))]
    assert [case.evidence_version for case in hospital.cases("volume_unusual")] == [1]
    assert [status for status, _ in _brings(hospital, 90, 1)] == ["resolved"]


def test_a_contract_that_no_longer_watches_leaves_nothing_open(hospital: Hospital) -> None:
    _watched(hospital, "snapshot")
    assert len(_brings(hospital, 2)) == 1
    feed = hospital.runtime.catalog.feeds[FEED]
    hospital.runtime.catalog.feeds[FEED] = feed.model_copy(update={"contract": Contract()})
    assert [status for status, _ in _brings(hospital, 2, 1)] == ["resolved"]
