"""What a feed of events is told, and what the rows of an event are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.problems import CatalogError
from exceptions_app.connectors.events.options import EventsRead
from exceptions_app.connectors.events.said import Kept, rows_of
from exceptions_app.connectors.registry import connector_models

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
SITE = """\
site: {name: T, reporting_currency: USD}
entities: [{code: H01, name: First}]
record_types: [{code: note, title: Note, key: [number], columns: {number: {required: true}}}]
systems: [{code: PORTAL, name: Portal, kind: other, connector: events, connection: CONNECTION}]
feeds: [{code: notes, system: PORTAL, record_type: note, mode: MODE, read: READ, mapping: {entity: entity, number: number}}]
"""  # noqa: E501
SIGNED = "{signature: {type: bearer, secrets: ['env:TOKEN', 'file:/run/secrets/old']}}"


def load(directory: Path, connection: str, read: str = "{}", mode: str = "changes") -> None:
    text = SITE.replace("CONNECTION", connection).replace("READ", read).replace("MODE", mode)
    (directory / "site.yaml").write_text(text)
    load_catalog(directory, connector_models())


def test_a_signed_feed_and_one_of_a_broker_are_accepted(tmp_path: Path) -> None:
    load(tmp_path, SIGNED)
    load(tmp_path, "{broker: env:BROKER}", "{broker: {queue: notes}}")


@pytest.mark.parametrize(
    ("connection", "read", "mode", "said"),
    [
        (SIGNED, "{}", "snapshot", "feeds.notes.mode: 'snapshot' is none of the modes of its connector"),
        ("{}", "{}", "changes", "neither over HTTP nor from a broker; expected 'signature:' in the system's"),
        (SIGNED, "{broker: {queue: q}}", "changes", "its system no broker; expected 'broker: env:NAME'"),
        ("{broker: 'redis://:pw@host'}", "{}", "changes", "expected a reference to a secret"),
        (SIGNED, "{max_bytes: 9999999}", "changes", "max_bytes"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_change(
    connection: str, read: str, mode: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError) as refused:
        load(tmp_path, connection, read, mode)
    assert said in str(refused.value)


def kept(body: str, **more: Any) -> Kept:
    about = {"type": "t", "time": AT, "received_at": AT, "correlation_id": "c"} | more
    return Kept(7, "E1", "/s", body=body, **about)


def test_row_has_the_data_and_what_the_envelope_says() -> None:
    body = '{"id":"E1","subject":"S","data":{"n":1.10,"id":"own","more":{"a":[1]},"none":null}}'
    [row] = rows_of(EventsRead.model_validate({}), kept(body))
    assert row.position == "event 7 (E1)"
    assert row.values["n"] == Decimal("1.10")
    assert row.values | {"n": 0} == {
        "n": 0, "id": "own", "more": '{"a":[1]}', "none": None, "event_subject": "S", "event_id": "E1",
        "event_source": "/s", "event_type": "t", "event_time": "2026-11-24T12:00:00Z", "correlation_id": "c",
    }  # fmt: skip


def test_webhook_without_its_data_field_is_the_row_itself() -> None:
    [row] = rows_of(EventsRead.model_validate({"format": "webhook"}), kept('{"number": "N"}'))
    assert row.values["number"] == "N"


def test_deletion_may_come_without_data() -> None:
    [row] = rows_of(EventsRead.model_validate({}), kept('{"subject":"N-1"}', time=None))
    assert (row.values["event_subject"], row.at) == ("N-1", AT)


@pytest.mark.parametrize(
    ("read", "body", "more", "said"),
    [
        ({}, '{"data":{"a":1,"a":2}}', {}, "'a' stands twice in one object"),
        ({}, '{"data":[{}, 3]}', {}, "data, row 2: a int; expected a JSON object"),
        ({"records": "lines"}, '{"data":{}}', {}, "data, lines, row 1: nothing; expected a JSON object"),
        ({"version": "v"}, '{"data":{}}', {}, "data, v: nothing; expected a whole number"),
        ({"version": "v"}, '{"data":{"v":1.5}}', {}, "data, v: '1.5'; expected a whole number"),
        ({}, '{"data_base64":"?"}', {}, "no Base64"),
        ({}, "{}", {"time": AT + timedelta(days=2)}, "lies in the future"),
    ],
)
def test_what_is_no_row_says_where_and_what(
    read: dict[str, Any], body: str, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        rows_of(EventsRead.model_validate(read), kept(body, **more))
    assert said in str(refused.value)
