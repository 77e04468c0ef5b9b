"""Events become records: in whatever order they come, and whatever some of them hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exceptions_app.catalog.schema import Contract
from exceptions_app.models import FeedState, InboxEvent, InboxNewest, SyncRun, Task
from exceptions_app.records.mapping import FeedMapper
from exceptions_app.services import dead_events
from exceptions_app.services.context import ActionContext, Actor

from .conftest import Hospital
from .events import event, inbox_of, records, send, sends_events


def test_events_become_records_once(hospital: Hospital) -> None:
    sends_events(hospital)
    assert send(hospital, event("E1", "R1"), event("E2", "R2", "7.10")) == 2
    assert send(hospital, event("E1", "R1")) == 0
    told = hospital.poll("receipts")["receipts"]
    assert (told["status"], told["read"], told["stored"], told["rejected"]) == ("complete", 2, 2, 0)
    assert records(hospital) == [("R1", Decimal("5.0000")), ("R2", Decimal("7.1000"))]
    assert inbox_of(hospital) == {"E1": "taken", "E2": "taken"}
    assert [one.body is None for one in hospital.all(InboxEvent)] == [False, False]  # kept to be replayed
    assert hospital.poll("receipts")["receipts"]["read"] == 0


def test_what_comes_late_changes_nothing_and_deleted_stays_deleted(hospital: Hospital) -> None:
    sends_events(hospital)
    send(hospital, event("E2", "R1", "8", minutes=10), event("E5", "R2", "1", minutes=5))
    hospital.poll("receipts")
    send(hospital, event("E1", "R1", "5", minutes=1), event("E6", "R2", minutes=9, kind="receipt.deleted"))
    hospital.poll("receipts")
    hospital.runtime.store.fold("goods_receipt")
    send(hospital, event("E7", "R2", "2", minutes=7))
    hospital.poll("receipts")
    assert records(hospital) == [("R1", Decimal("8.0000"))]
    assert set(inbox_of(hospital).values()) == {"taken"}


def test_version_decides_between_events_of_one_moment(hospital: Hospital) -> None:
    sends_events(hospital, version="version")
    send(
        hospital,
        event("A", quantity="3", data={"version": 12}),
        event("B", quantity="2", data={"version": 9}),
    )
    hospital.poll("receipts")
    send(hospital, event("C", quantity="1", data={"version": 11}))
    hospital.poll("receipts")
    assert records(hospital) == [("R1", Decimal("3.0000"))]


HISTORY = [
    event(f"E{number}", f"R{number % 3}", str(number), minutes=number // 4,
          kind="receipt.deleted" if number % 7 == 5 else "receipt.changed", data={"version": number % 2})
    for number in range(14)
]  # fmt: skip


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shuffled=st.permutations(HISTORY * 2), cuts=st.sets(st.integers(1, 27), max_size=4))
def test_any_order_with_any_repeats_ends_in_the_same_records(
    hospital: Hospital, shuffled: list[dict[str, Any]], cuts: set[int]
) -> None:
    for rows in (InboxEvent, InboxNewest, FeedState, SyncRun):
        with hospital.install.transaction() as session:
            session.query(rows).filter_by(feed="receipts").delete()
    _empty_store(hospital)
    sends_events(hospital, version="version")
    start = 0
    for end in [*sorted(cuts), len(shuffled)]:
        send(hospital, *shuffled[start:end])
        hospital.poll("receipts")
        start = end
    newest = {}
    for one in sorted(HISTORY, key=lambda e: (e["time"], e["data"]["version"], e["id"])):
        newest[one["data"]["receipt"]] = one
    alive = {key: one for key, one in newest.items() if one["type"] == "receipt.changed"}
    assert records(hospital) == sorted((key, Decimal(one["data"]["quantity"])) for key, one in alive.items())


def _empty_store(hospital: Hospital) -> None:
    import shutil

    shutil.rmtree(hospital.runtime.store.table_uri("goods_receipt"), ignore_errors=True)


def test_poison_stands_aside_and_the_rest_goes_on(hospital: Hospital) -> None:
    sends_events(hospital)
    send(
        hospital, event("good", "R1"), event("bad", "R2", "many"), event("odd", "R3", data={"entity": "H99"})
    )
    told = hospital.poll("receipts")["receipts"]
    assert (told["status"], told["stored"], told["rejected"]) == ("complete", 1, 2)
    assert inbox_of(hospital) == {"good": "taken", "bad": "dead", "odd": "dead"}
    dead = {one.event_id: one.reason for one in hospital.all(InboxEvent) if one.state == "dead"}
    assert dead["bad"] == "quantity: expected a quantity such as 12.5, found 'many'"
    assert [case.category for case in hospital.cases("rejected_rows")] == ["rejected_rows"]
    assert hospital.cases("events_given_up") == []
    assert hospital.poll("receipts")["receipts"]["read"] == 0


def test_what_no_database_takes_stops_no_feed(hospital: Hospital) -> None:
    """Whoever cuts a text at so many characters leaves half of an emoji; others send zero bytes."""
    sends_events(hospital)
    send(
        hospital, event("half", "R1 \ud83d"), event("zero", "R2 \x00"), event("bad", "R3 \ud83d", "m\x00ny \udc00"),
        event("good", "R4"),
    )  # fmt: skip
    told = hospital.poll("receipts")["receipts"]
    assert (told["status"], told["stored"], told["rejected"]) == ("complete", 3, 1)
    assert [key for key, _ in records(hospital)] == ["R1 ?", "R2 ?", "R4"]
    assert inbox_of(hospital) == {"half": "taken", "zero": "taken", "bad": "dead", "good": "taken"}
    [why] = [one.reason for one in hospital.all(InboxEvent) if one.state == "dead"]
    assert why == "quantity: expected a quantity such as 12.5, found 'm?ny ?'"


def test_an_event_without_the_columns_of_the_mapping_is_poison_and_no_outage(hospital: Hospital) -> None:
    sends_events(hospital)
    send(hospital, {**event("E1"), "data": {"hello": "world"}}, {**event("E2"), "data": ["text"]})
    told = hospital.poll("receipts")["receipts"]
    assert (told["status"], told["rejected"]) == ("complete", 2)
    reasons = {one.event_id: one.reason for one in hospital.all(InboxEvent)}
    assert "entity: expected a value, found nothing" in reasons["E1"]
    assert reasons["E2"] == "data, row 1: a str; expected a JSON object"


def test_an_event_that_breaks_the_run_is_given_up_and_holds_up_nobody(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends_events(hospital)
    send(hospital, event("fine", "R1"), event("breaks", "R2"))
    mapped = FeedMapper.map

    def breaking(self: FeedMapper, rows: Any, problems: Any = ()) -> Any:
        if any(row.values["event_id"] == "breaks" for row in rows):
            raise RuntimeError("it broke")
        return mapped(self, rows, problems)

    monkeypatch.setattr(FeedMapper, "map", breaking)
    for _ in range(6):
        task = hospital.request("poll", "receipts", feed="receipts")
        hospital.runner("poll").drain()
        if hospital.task(task).status == "done":
            break
    assert inbox_of(hospital) == {"fine": "taken", "breaks": "dead"}
    hospital.poll("receipts")
    [case] = hospital.cases("events_given_up")
    assert case.status == "open"
    assert "1 gave up" in case.sentence and "it broke" in case.sentence
    assert records(hospital) == [("R1", Decimal("5.0000"))]
    monkeypatch.setattr(FeedMapper, "map", mapped)
    [dead] = [one for one in hospital.all(InboxEvent) if one.state == "dead"]
    person, snapshot = Actor("system", None), case.config_snapshot_id
    with hospital.install.transaction() as session:
        context = ActionContext(hospital.runtime.catalog, hospital.clock_now(), person, snapshot, "c")
        dead_events.replay(session, context, dead.id, None, lambda *_: True)
    hospital.poll("receipts")
    assert [case.status for case in hospital.cases("events_given_up")] == ["resolved"]
    assert len(records(hospital)) == 2


def test_what_a_killed_run_left_is_drained_again(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    sends_events(hospital)
    send(hospital, event("E1", "R1"))
    import jobs.poll

    monkeypatch.setattr(jobs.poll, "_finish", lambda *_: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        hospital.poll("receipts")
    assert (inbox_of(hospital), records(hospital)) == ({"E1": "waiting"}, [])
    monkeypatch.undo()
    hospital.clock.forward(minutes=10)
    hospital.poll("receipts")
    assert (inbox_of(hospital), records(hospital)) == ({"E1": "taken"}, [("R1", Decimal("5.0000"))])


def test_several_rows_of_one_event(hospital: Hospital) -> None:
    sends_events(hospital, records="lines", carry={"entity": "subject", "order": "order.number"})
    lines = [{"receipt": f"R{n}", "quantity": n, "received_at": "2026-11-24T10:00:00Z"} for n in (1, 2)]
    send(hospital, {**event("E1"), "subject": "H01", "data": {"order": {"number": "PO-1"}, "lines": lines}})
    send(hospital, {**event("E2"), "subject": "H01", "data": {"order": {"number": "PO-2"}, "lines": []}})
    hospital.poll("receipts")
    assert inbox_of(hospital) == {"E1": "taken", "E2": "taken"}
    assert records(hospital, "receipt_number, order_number") == [("R1", "PO-1"), ("R2", "PO-1")]


def test_waiting_events_are_looked_at_within_seconds(hospital: Hospital) -> None:
    sends_events(hospital)
    send(hospital, event("E1"))
    hospital.request("drain", "")
    hospital.runner("drain").drain()
    assert [task.scope for task in hospital.all(Task, Task.kind == "poll")] == ["poll:receipts"]


def test_silence_longer_than_agreed_is_an_exception(hospital: Hospital) -> None:
    sends_events(hospital)
    feeds = hospital.runtime.catalog.feeds
    feeds["receipts"] = feeds["receipts"].model_copy(
        update={"contract": Contract.model_validate({"latency": "30m"})}
    )
    send(hospital, event("E1"))
    hospital.poll("receipts")
    assert hospital.cases("feed_failed") == []
    hospital.clock.forward(minutes=31)
    hospital.poll("receipts")
    assert [case.status for case in hospital.cases("feed_failed")] == ["open"]
    send(hospital, event("E2", "R2"))
    hospital.poll("receipts")
    assert [case.status for case in hospital.cases("feed_failed")] == ["resolved"]


def test_taken_events_are_forgotten_when_their_time_is_over(hospital: Hospital) -> None:
    sends_events(hospital, remember="1d")
    send(hospital, event("E1"), event("E2", quantity="many"))
    hospital.poll("receipts")
    hospital.clock.forward(days=2)
    hospital.request("maintain", "")
    hospital.runner("maintain").drain()
    assert inbox_of(hospital) == {"E2": "dead"}
