"""A run that would open far more than its history is held: nothing of it is lost, and nothing of it is done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exceptions_app.catalog.schema import Category, MatchCheck
from exceptions_app.catalog.schema.storm import Storm as Limits
from exceptions_app.models import AuditEvent, CheckRun, Storm, Task
from exceptions_app.services import storms
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.context import ActionContext, Actor
from jobs import intaking
from tests.effort import examples

from .conftest import Hospital, Rows, order, receipt
from .hospitals import on_sqlite
from .test_held_lines import LARGE

CODE = "goods.received"


def limited(hospital: Hospital, **limits: Any) -> None:
    """The check holds a run of more than three openings, or of twice the largest before."""
    checks = hospital.runtime.catalog.checks
    guard = Limits(**({"at_least": 3, "times": 2} | limits))
    checks[CODE] = checks[CODE].model_copy(update={"storm": guard})


def orders(*numbers: int, **options: Any) -> Rows:
    return [order(f"PO-{number}", **options) for number in numbers]


def holding(hospital: Hospital) -> list[Storm]:
    return hospital.all(Storm, Storm.ended_at.is_(None))


def decide(hospital: Hospital, how: str, why: str = "looked at it") -> None:
    [storm] = holding(hospital)
    act = {"release": storms.release, "discard": storms.discard}[how]
    with hospital.install.transaction() as session:
        snapshot = storm.config_snapshot_id
        context = ActionContext(
            hospital.runtime.catalog, hospital.clock_now(), Actor("system", None), snapshot, "c"
        )
        act(session, context, storm.id, by=None, why=why)


def told(hospital: Hospital) -> list[tuple[str, str]]:
    return sorted((case.reference, case.status) for case in hospital.cases() if case.queue == "goods_desk")


@pytest.fixture
def calm(hospital: Hospital) -> Hospital:
    """One order without a receipt is open; then nothing happens."""
    limited(hospital)
    hospital.source("orders", orders(1))
    hospital.source("receipts", [])
    hospital.tick()
    hospital.tick()
    assert told(hospital) == [("PO-1", "open")]
    return hospital


def test_a_first_run_has_no_history_and_is_not_held(hospital: Hospital) -> None:
    limited(hospital)
    hospital.source("orders", orders(*range(20)))
    hospital.source("receipts", [])
    assert hospital.tick()[CODE]["status"] == "complete"
    assert len(told(hospital)) == 20
    assert holding(hospital) == []


def test_what_a_first_run_and_a_released_one_bring_is_no_measure_of_later_ones(hospital: Hospital) -> None:
    limited(hospital)
    hospital.source("receipts", [])
    held = []
    for numbers in (range(20), range(20), range(35), range(35), range(35), range(60)):
        hospital.source("orders", orders(*numbers))
        held.append(hospital.tick()[CODE]["status"])
        if held[-1] == "held" and len(held) == 3:
            decide(hospital, "release")
    assert held == ["complete", "complete", "held", "complete", "complete", "held"]
    assert len(told(hospital)) == 35


def test_a_run_at_the_limit_is_not_held_and_one_above_it_is(calm: Hospital) -> None:
    calm.source("orders", orders(1, 2, 3, 4))
    assert calm.tick()[CODE]["status"] == "complete"
    calm.source("orders", orders(*range(1, 12)))  # 7, after 3 at most: 6 are let through
    assert calm.tick()[CODE]["status"] == "held"
    [storm] = holding(calm)
    assert (storm.would_open, storm.most, storm.largest) == (7, 6, 3)


def test_a_held_run_opens_closes_and_changes_nothing(calm: Hospital) -> None:
    calm.source("orders", orders(*range(2, 9)))  # PO-1 has left
    result = calm.tick()[CODE]
    assert (result["status"], result["opened"], result["closed"]) == ("held", 0, 0)
    assert told(calm) == [("PO-1", "open")]
    last = calm.all(CheckRun, CheckRun.check_code == CODE)[-1]
    assert (last.status, last.found, last.opened) == ("held", 7, 0)
    assert "would open 7" in (last.error or "")


def test_it_is_one_exception_with_the_figures_however_often_it_is_held(calm: Hospital) -> None:
    calm.source("orders", orders(*range(1, 9)))
    for _ in range(3):
        calm.tick()
    [case] = calm.cases("storm_held")
    assert (case.status, case.queue, case.evidence_version) == ("open", "integration_operations", 1)
    assert "First Hospital" in case.sentence
    assert "7" in case.sentence
    assert len(calm.all(Storm)) == 1


def test_the_likely_cause_and_a_sample_are_kept_for_a_person(calm: Hospital) -> None:
    calm.source("orders", orders(*range(1, 9)))
    calm.tick()
    [storm] = holding(calm)
    causes = json.loads(storm.causes)
    [feed] = [cause for cause in causes if cause["kind"] == "feed" and cause["odd"]]
    assert (feed["feed"], feed["read"], feed["before"]) == ("orders", 8, 1)
    [supplier] = [cause for cause in causes if cause.get("attribute") == "counterparty"]
    assert (supplier["value"], supplier["count"], supplier["of"]) == ("Medline", 7, 7)
    sample = json.loads(storm.sample)
    assert len(sample) == 7
    assert sample[0]["queue"] == "goods_desk"


def test_a_changed_check_is_the_first_cause(calm: Hospital) -> None:
    catalog = calm.runtime.catalog
    calm.source("orders", orders(*range(1, 9)))
    calm.source("receipts", [receipt(f"PO-{n}", "9.5") for n in range(1, 9)])
    check: Any = catalog.checks[CODE]
    looser = [check.findings[0], check.findings[1].model_copy(update={"when": "received.quantity > 100"})]
    calm.runtime.catalog.checks[CODE] = check.model_copy(update={"findings": looser})
    calm.tick()
    catalog.checks[CODE] = check
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exceptions_app.services.check_runs.changed_since_last_run", lambda *_: {(CODE, "H01")})
        calm.tick()
    [storm] = holding(calm)
    assert json.loads(storm.causes)[0]["kind"] == "configuration"


def test_released_the_next_run_takes_everything_in(calm: Hospital) -> None:
    calm.source("orders", orders(*range(2, 9)))
    calm.tick()
    decide(calm, "release")
    assert "reconcile:goods" in {task.scope for task in calm.all(Task, Task.status == "queued")}
    calm.tick()
    assert told(calm) == [("PO-1", "resolved"), *((f"PO-{n}", "open") for n in range(2, 9))]
    assert holding(calm) == []
    assert [storm.ended_how for storm in calm.all(Storm)] == ["taken_in"]
    assert [case.status for case in calm.cases("storm_held")] == ["resolved"]
    tags = [event.tag for event in calm.all(AuditEvent, AuditEvent.subject == f"check:{CODE}")]
    assert tags == ["storm:released"]


def test_a_released_run_that_is_killed_half_way_is_finished_by_the_next(
    calm: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm.source("orders", orders(*range(2, 9)))
    calm.tick()
    decide(calm, "release")

    def killed(_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(intaking, "reached", killed)
        with pytest.raises(KeyboardInterrupt):
            calm.runner("reconcile").drain()
    assert ("PO-1", "open") in told(calm)
    assert len(told(calm)) == 8
    assert [storm.state for storm in holding(calm)] == ["released"]
    calm.clock.forward(hours=1)
    calm.runner("reconcile").drain()
    calm.tick()
    assert told(calm)[0] == ("PO-1", "resolved")
    assert holding(calm) == []


def test_a_release_is_for_what_was_seen(calm: Hospital) -> None:
    calm.source("orders", orders(*range(1, 9)))
    calm.tick()
    decide(calm, "release")
    calm.source("orders", orders(*range(1, 60)))
    assert calm.tick()[CODE]["status"] == "held"
    [storm] = holding(calm)
    assert (storm.state, storm.round, storm.would_open) == ("held", 2, 58)
    assert [case.evidence_version for case in calm.cases("storm_held")] == [2]


def test_discarded_it_stays_held_until_what_would_open_is_something_else(calm: Hospital) -> None:
    calm.source("orders", orders(*range(1, 22)))
    calm.tick()
    decide(calm, "discard")
    calm.source("orders", orders(*range(1, 23)))
    assert calm.tick()[CODE]["status"] == "held"
    assert [(storm.state, storm.round) for storm in holding(calm)] == [("discarded", 1)]
    calm.source("orders", orders(1, *range(100, 120)))
    calm.tick()
    assert [(storm.state, storm.round) for storm in holding(calm)] == [("held", 2)]
    calm.source("orders", orders(1, 2))
    assert calm.tick()[CODE]["status"] == "complete"
    assert told(calm) == [("PO-1", "open"), ("PO-2", "open")]
    assert [storm.ended_how for storm in calm.all(Storm)] == ["over"]
    assert [case.status for case in calm.cases("storm_held")] == ["resolved"]


def test_who_decides_says_why_and_only_once(calm: Hospital) -> None:
    calm.source("orders", orders(*range(1, 9)))
    calm.tick()
    with pytest.raises(NotAllowedError, match="Say why"):
        decide(calm, "release", " ")
    decide(calm, "discard")
    with pytest.raises(NotAllowedError, match="decided"):
        decide(calm, "discard")
    decide(calm, "release")
    with pytest.raises(NotAllowedError, match="decided"):
        decide(calm, "discard")


def test_one_scope_is_held_and_others_go_on(calm: Hospital) -> None:
    calm.source("orders", orders(1) + orders(50, entity="H02"))
    calm.tick()
    calm.source("orders", orders(*range(1, 9)) + orders(50, 51, entity="H02"))
    calm.tick()
    assert told(calm) == [("PO-1", "open"), ("PO-50", "open"), ("PO-51", "open")]
    assert [storm.scope for storm in holding(calm)] == ["H01"]


def test_what_comes_back_counts_like_what_is_new(calm: Hospital) -> None:
    limited(calm, at_least=20)
    calm.source("orders", orders(*range(1, 9)))
    calm.tick()
    calm.source("receipts", [receipt(f"PO-{n}") for n in range(1, 9)])
    calm.tick()
    limited(calm, runs=1)
    calm.tick()
    calm.source("receipts", [])
    assert calm.tick()[CODE]["status"] == "held"
    assert {status for _, status in told(calm)} == {"resolved"}


def test_a_check_without_a_limit_is_never_held(calm: Hospital) -> None:
    checks = calm.runtime.catalog.checks
    checks[CODE] = checks[CODE].model_copy(update={"storm": None})
    calm.source("orders", orders(*range(1, 40)))
    assert calm.tick()[CODE]["status"] == "complete"


def test_what_was_held_of_a_check_that_is_gone_is_over(calm: Hospital) -> None:
    calm.source("orders", orders(*range(1, 9)))
    calm.tick()
    del calm.runtime.catalog.checks[CODE]
    calm.tick()
    assert holding(calm) == []
    assert [storm.ended_how for storm in calm.all(Storm)] == ["gone"]


def test_lines_that_a_held_run_speaks_about_are_left_alone(calm: Hospital) -> None:
    """Large orders were open; that nothing was received for them is more specific, and held: they stay open."""
    catalog = calm.runtime.catalog
    catalog.categories["large_order"] = Category(
        code="large_order", title="Large order", rank=300, sentence="{order} is large.", cause="Big.",
        guidance=["Look."], owner="supply chain", queue="goods_desk", target="2 business days",
    )  # fmt: skip
    catalog.checks["goods.large"] = MatchCheck.model_validate(LARGE)
    large = orders(*range(10, 18), quantity="500")
    calm.source("orders", orders(1) + large)
    calm.source("receipts", [receipt(f"PO-{n}", "500") for n in range(10, 18)])
    calm.tick()
    before = told(calm)
    assert len(before) == 9
    calm.source("receipts", [receipt("PO-10", "500")])
    calm.source("orders", orders(1) + large + orders(18, quantity="500"))
    calm.tick()
    assert [storm.check_code for storm in holding(calm)] == [CODE]
    assert told(calm) == before
    decide(calm, "release")
    calm.tick()
    open_now = {(c.reference, c.category) for c in calm.cases(status="open") if c.queue == "goods_desk"}
    assert ("PO-11", "nothing_received") in open_now
    assert ("PO-11", "large_order") not in open_now
    assert ("PO-10", "large_order") in open_now
    assert ("PO-18", "nothing_received") in open_now


histories = st.lists(
    st.tuples(st.sets(st.integers(1, 14)), st.sets(st.integers(1, 14))), min_size=2, max_size=5
)


@pytest.mark.parametrize("how", ["release", "discard"])
@given(history=histories)
@settings(
    max_examples=examples(2, 8),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_was_held_loses_nothing(
    how: str, history: list[tuple[set[int], set[int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever happened before, after a release it is as if nothing had been held."""
    open_in = {}
    for guarded in (True, False):
        with on_sqlite(tmp_path_factory) as place:
            if guarded:
                limited(place)
            for ordered, received in history:
                place.source("orders", orders(*sorted(ordered)))
                place.source("receipts", [receipt(f"PO-{n}") for n in sorted(received)])
                place.tick()
                if how == "discard" and any(storm.state == "held" for storm in holding(place)):
                    decide(place, "discard")
            if holding(place):
                decide(place, "release")
            place.tick()
            assert holding(place) == []
            open_in[guarded] = {reference for reference, status in told(place) if status == "open"}
    assert open_in[True] == open_in[False]
