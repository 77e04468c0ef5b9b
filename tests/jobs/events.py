"""Events of a test hospital: its warehouse tells of receipts as they happen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.schema import System
from exceptions_app.connectors.events.arriving import events_in
from exceptions_app.connectors.events.options import EventsRead
from exceptions_app.domain.instant import iso, utc_now
from exceptions_app.duck import closing_session
from exceptions_app.models import InboxEvent
from exceptions_app.services import inbox, runs
from exceptions_app.services.engine import reading

from .conftest import Hospital

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
STRUCTURED = {"content-type": "application/cloudevents+json"}
MAPPING = {
    "entity": "entity", "receipt_number": "receipt", "order_number": "order", "quantity": "quantity",
    "received_at": "parse_timestamp(received_at)", "source_time": "parse_timestamp(event_time)",
}  # fmt: skip


def sends_events(hospital: Hospital, **read: Any) -> None:
    """The warehouse sends its receipts as CloudEvents from now on."""
    catalog = hospital.runtime.catalog
    signature = {"type": "bearer", "secrets": ["env:WMS_EVENTS"]}
    catalog.systems["WMS"] = System(
        code="WMS", name="The warehouse", kind="wms", connector="events", connection={"signature": signature}
    )
    update = {
        "mode": "changes",
        "read": read,
        "mapping": MAPPING,
        "deleted": "event_type = 'receipt.deleted'",
    }
    catalog.feeds["receipts"] = catalog.feeds["receipts"].model_copy(update=update)


def event(
    number: str,
    receipt: str = "R1",
    quantity: Any = "5",
    *,
    minutes: int = 0,
    kind: str = "receipt.changed",
    **more: Any,
) -> dict[str, Any]:
    """One CloudEvent of a receipt, `minutes` after noon."""
    data = {
        "entity": "H01", "receipt": receipt, "order": f"PO-{receipt}", "quantity": quantity, "received_at": iso(NOON),
    }  # fmt: skip
    about = {"specversion": "1.0", "id": number, "source": "/wms", "type": kind}
    return {
        **about,
        "time": iso(NOON + timedelta(minutes=minutes)),
        "data": {**data, **more.pop("data", {})},
        **more,
    }


def send(hospital: Hospital, *events: dict[str, Any]) -> int:
    """Into the inbox, as the door would put them there; how many were new."""
    options = EventsRead.model_validate(hospital.runtime.catalog.feeds["receipts"].read)
    found = [e for each in events for e in events_in(options, STRUCTURED, json.dumps(each).encode())]
    with hospital.install.transaction() as session:
        return inbox.append(session, "receipts", found, utc_now()).kept


def records(hospital: Hospital, columns: str = "receipt_number, quantity") -> list[tuple[Any, ...]]:
    """The receipts as a comparison would see them."""
    from sqlalchemy.orm import Session

    with Session(hospital.engine) as session:
        unfinished = runs.unfinished(reading(session))
    with closing_session() as con:
        return _rows(hospital, con, unfinished, columns)


def _rows(
    hospital: Hospital, con: DuckDBPyConnection, unfinished: Any, columns: str
) -> list[tuple[Any, ...]]:
    hospital.runtime.store.open_views(con, ["goods_receipt"], None, unfinished)
    return con.execute(f"SELECT {columns} FROM rec_goods_receipt ORDER BY ALL").fetchall()


def inbox_of(hospital: Hospital) -> dict[str, str]:
    """Event id -> its state."""
    return {each.event_id: each.state for each in hospital.all(InboxEvent)}
