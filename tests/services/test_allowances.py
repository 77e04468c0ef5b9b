"""What may be asked of a system is counted over all processes, and survives each of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy.orm import Session

from exceptions_app.connectors.rest.allowance import Allowance, RestingError, Standing
from exceptions_app.connectors.rest.connection_options import RestConnection
from exceptions_app.models import SystemAllowance
from exceptions_app.services.allowances import DatabaseLedger
from exceptions_app.services.engine import reading

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
Made = Callable[..., Allowance]


class Moment:
    """The clock of one process: seconds that only a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []


@pytest.fixture
def process(database: Any) -> Made:
    """An allowance as another process would make it, over one database."""

    def make(moment: Moment | None = None, **options: Any) -> Allowance:
        at = moment or Moment()
        connection = RestConnection.model_validate({"base_url": "https://erp.example", **options})
        made = Allowance(connection, "erp", sleep=at.slept.append, clock=lambda: at.seconds)
        made.keep_in(DatabaseLedger(database.engine))
        return made

    return make


def row(database: Any) -> SystemAllowance:
    with Session(database.engine) as session:
        found = reading(session).get(SystemAllowance, "erp")
        assert found is not None
        return found


def test_a_quota_is_one_for_all_processes_and_outlives_them(process: Made) -> None:
    quota = {"quota": {"requests": 60, "per": "1h"}}
    with time_machine.travel(NOW, tick=False) as clock:
        first, second, count = process(**quota), process(**quota), 0
        for each in [first, second] * 40:
            try:
                each.take("orders")
                count += 1
            except RestingError as error:
                assert "the quota of 60 requests in 1 h" in str(error) or "60 requests" in str(error)
        assert count == 60
        with pytest.raises(RestingError, match="13:00:00 UTC"):
            process(**quota).take("orders")
        clock.shift(timedelta(hours=1))
        process(**quota).take("orders")


def test_the_slots_of_a_rate_are_shared_by_processes(process: Made) -> None:
    here, there = Moment(), Moment()
    with time_machine.travel(NOW, tick=False):
        first, second = process(here, rate_per_second=2), process(there, rate_per_second=2)
        for each in (first, second, first, second):
            each.take("orders")
    assert (here.slept, there.slept) == ([1.0], [0.5, 1.5])


def test_a_breaker_that_one_process_opened_stops_the_others_and_a_restart(
    process: Made, database: Any
) -> None:
    options: dict[str, Any] = {"breaker": {"failures": 2, "pause": "30s"}}
    with time_machine.travel(NOW, tick=False) as clock:
        first = process(**options)
        for _ in range(2):
            first.take("orders")
            first.failed("503 Service Unavailable", None, 60.0)
        assert (row(database).state, row(database).last_error) == ("open", "503 Service Unavailable")
        with pytest.raises(RestingError, match=r"12:00:30 UTC after 2 failures in a row \(last: 503"):
            process(**options).take("receipts")
        clock.shift(timedelta(seconds=31))
        probe = process(**options)
        probe.take("orders")
        assert row(database).state == "half_open"
        probe.failed("503 again", None, 60.0)
        with pytest.raises(RestingError, match="12:01:31"):
            process(**options).take("orders")
        clock.shift(timedelta(seconds=61))
        probe = process(**options)
        probe.take("orders")
        probe.answered()
        assert (row(database).state, row(database).failures) == ("closed", 0)


def test_a_running_process_learns_within_half_a_second_what_another_found(process: Made) -> None:
    moment = Moment()
    with time_machine.travel(NOW, tick=False):
        first, second = process(moment), process()
        first.take("orders")
        second.failed("429", 600.0, 60.0)
        first.take("orders")  # what it knows is not half a second old
        moment.seconds += 0.5
        with pytest.raises(RestingError, match="as it asked"):
            first.take("orders")


def test_changes_of_several_threads_are_all_kept(database: Any) -> None:
    ledger = DatabaseLedger(database.engine)

    def count() -> None:
        for _ in range(10):
            ledger.change("erp", lambda known: replace(known, used=known.used + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.look("erp").used == 40
    assert ledger.look("hcm") == Standing()
