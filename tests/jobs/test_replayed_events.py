"""Events that became records can be replayed for a while: what the mapping names of them, and nothing concealed."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exceptions_app.catalog.schema import Mapped
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import InboxEvent
from exceptions_app.services import again
from exceptions_app.services.again import AgainRefusedError, Wish

from .conftest import Hospital
from .events import MAPPING, event, records, send, sends_events


def ask(hospital: Hospital, wish: Wish) -> dict[str, Any]:
    catalog, now = hospital.runtime.catalog, utc_now()
    with hospital.install.transaction() as session:
        task = again.ask(session, catalog, "receipts", wish, by="person:1", person=None, now=now)
    hospital.runner("again").drain()
    return hospital.result(task.id)


def last_hour() -> Wish:
    return Wish(since=utc_now() - timedelta(hours=1))


def said(hospital: Hospital) -> dict[str, str | None]:
    return {one.event_id: one.body for one in hospital.all(InboxEvent)}


def map_as(hospital: Hospital, **mapping: Any) -> None:
    feeds = hospital.runtime.catalog.feeds
    told = {n: Mapped.model_validate(v) if isinstance(v, dict) else v for n, v in mapping.items()}
    feeds["receipts"] = feeds["receipts"].model_copy(update={"mapping": {**MAPPING, **told}})


def test_corrected_mapping_reaches_records_of_events_that_were_taken(hospital: Hospital) -> None:
    sends_events(hospital)
    send(hospital, event("E1", "R1", "5"), event("E2", "R2", "7"), event("E3", "R1", "6", minutes=5))
    hospital.poll("receipts")
    map_as(hospital, quantity="parse_decimal(quantity) * 10")
    told = ask(hospital, last_hour())
    assert (told["status"], told["rejected"]) == ("complete", 0)
    assert records(hospital) == [("R1", Decimal("60.0000")), ("R2", Decimal("70.0000"))]
    again_told = ask(hospital, last_hour())
    assert (again_told["read"], records(hospital)[0][1]) == (told["read"], Decimal("60.0000"))


def test_replay_of_a_run_brings_back_nothing_older_and_nothing_deleted(hospital: Hospital) -> None:
    sends_events(hospital)
    send(hospital, event("E1", "R1", "5"), event("E2", "R2", "7"))
    hospital.poll("receipts")
    send(hospital, event("E3", "R1", "8", minutes=1), event("E4", "R2", minutes=2, kind="receipt.deleted"))
    hospital.poll("receipts")
    [first, _] = hospital.runs("receipts")
    told = ask(hospital, Wish(run=first.id))
    assert (told["status"], told["read"], told["stored"]) == ("complete", 2, 0)
    assert records(hospital) == [("R1", Decimal("8.0000"))]
    assert hospital.runs("receipts")[-1].kind == "replay"


def test_only_what_the_mapping_names_is_kept_and_nothing_concealed_in_clear(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR_KEY", "key")
    sends_events(hospital)
    map_as(
        hospital,
        order_number={"value": "order", "conceal": "hash", "conceal_key": "env:DOOR_KEY"},
        quantity="parse_decimal(quantity)",
    )
    hidden = {"order": "SSN-123-45-6789", "diagnosis": "not ours"}
    send(hospital, event("E1", "R1", data=hidden))
    hospital.poll("receipts")
    before = records(hospital, "receipt_number, order_number, quantity")
    kept = said(hospital)["E1"] or ""
    assert "123-45" not in kept and "not ours" not in kept and "diagnosis" not in kept
    assert json.loads(kept)["rows"][0]["stored"] == {"order_number": before[0][1]}
    map_as(
        hospital,
        order_number={"value": "order", "conceal": "hash", "conceal_key": "env:DOOR_KEY"},
        quantity="parse_decimal(quantity) * 2",
    )
    ask(hospital, last_hour())
    after = records(hospital, "receipt_number, order_number, quantity")
    assert after == [("R1", before[0][1], Decimal("10.0000"))]


def test_field_that_no_mapping_named_cannot_be_replayed_and_changes_nothing(hospital: Hospital) -> None:
    sends_events(hospital)
    send(hospital, event("E1", "R1", data={"counted": "9"}))
    hospital.poll("receipts")
    map_as(hospital, quantity="counted")
    told = ask(hospital, last_hour())
    assert (told["rejected"], told["stored"]) == (1, 0)
    assert "'counted' was not kept" in hospital.rejects()[-1].reason
    assert records(hospital) == [("R1", Decimal("5.0000"))]


def test_several_rows_of_one_event_are_replayed_each(hospital: Hospital) -> None:
    sends_events(hospital, records="lines")
    lines = [{**event("x", f"R{n}", str(n))["data"]} for n in (1, 2)]
    send(hospital, {**event("E1"), "data": {"lines": lines}})
    hospital.poll("receipts")
    map_as(hospital, quantity="parse_decimal(quantity) * 10")
    assert ask(hospital, last_hour())["read"] == 2
    assert records(hospital) == [("R1", Decimal("10.0000")), ("R2", Decimal("20.0000"))]


def test_what_is_kept_ends_and_is_refused_in_words(hospital: Hospital) -> None:
    sends_events(hospital, keep="2d")
    send(hospital, event("E1", "R1"))
    hospital.poll("receipts")
    with pytest.raises(AgainRefusedError, match="kept for 2 d: begin at 2026-11-22 15:00 UTC or later"):
        ask(hospital, Wish(since=utc_now() - timedelta(days=3)))
    hospital.clock.forward(days=3)
    hospital.request("maintain", "")
    hospital.runner("maintain").drain()
    assert said(hospital) == {"E1": None}
    told = ask(hospital, last_hour())
    assert told["status"] == "failed" and "nothing is kept of the events that are meant" in told["error"]


def test_feed_that_keeps_nothing_says_so(hospital: Hospital) -> None:
    sends_events(hospital, keep="0s")
    send(hospital, event("E1", "R1"))
    hospital.poll("receipts")
    assert said(hospital) == {"E1": None}
    with pytest.raises(AgainRefusedError, match="its option 'keep' is 0s"):
        ask(hospital, last_hour())
