"""The systems that only list rows, on disk: their first rows, what is planted into them, and their servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Literal

from flask import Flask

from .. import rhythms
from ..documents import stamp
from ..grants import awards
from ..grants import faults as grants_faults
from ..hr.servers import Door, application
from ..ledger import Change, Entry
from ..moods import Moods
from ..supply import faults as supply_faults
from ..supply import stock
from ..systems.ledgers import schema_of
from ..systems.store import Store
from ..systems.tables import Table
from . import bookings, books, messages
from .listed import Planted, Rows, entry, fill

TABLES: Mapping[str, dict[str, Table]] = {
    "erp_ledger": {**stock.ERP, **books.ERP, **awards.ERP},
    "wms_stock": {**stock.WMS, **books.SENDER, **rhythms.TABLES},
    "recall_list": stock.RECALLS,
    "grants": {**awards.GRANTS, **books.SUBSCRIBER},
    messages.SYSTEM: messages.MESSAGES,
}
"""System -> what it lists."""
_TITLES = {
    "erp_ledger": "ERP ledgers", "wms_stock": "Warehouse stock", "recall_list": "Recall list",
    "grants": "Grants system", messages.SYSTEM: "Middleware",
}  # fmt: skip
Kind = Literal["fault", "look_alike"]
_SETTLED = timedelta(days=30)
"""So long ago everything was entered that was not said otherwise."""


def stores(home: Path) -> dict[str, Store]:
    return {name: Store(home / f"{name}.sqlite", schema_of(tables)) for name, tables in TABLES.items()}


def build(of: Mapping[str, Store], now: datetime) -> None:
    """Everything in agreement."""
    rows: dict[str, Rows] = {
        "erp_ledger": {**stock.erp_rows(now), **books.erp_rows(now), **awards.erp_rows(now)},
        "wms_stock": {**stock.wms_rows(now), **books.sender_rows(now)},
        "recall_list": stock.recalls(now),
        "grants": {**awards.grants_rows(now), **books.held_elsewhere(*books.SUBSCRIBER)},
        messages.SYSTEM: messages.rows(now),
    }
    rows["erp_ledger"]["journal_lines"] += bookings.journal_lines(now)
    rows["wms_stock"]["adjustments"] += bookings.adjustments(now)
    for name, tables in TABLES.items():
        fill(of[name], tables, rows[name], stamp(now - _SETTLED))


def planted(of: Mapping[str, Store], now: datetime) -> Iterator[tuple[Kind, Change, Entry]]:
    """What is wrong (`fault`) and what only looks so, each as the step that makes it and its row of the ledger.

    Each step is to be taken before the next is asked for.
    """
    wrong = chain(
        supply_faults.faults(now),
        books.faults(),
        bookings.faults(now),
        grants_faults.faults(now),
        messages.faults(now),
    )
    innocent = chain(
        supply_faults.look_alikes(now),
        books.look_alikes(),
        bookings.look_alikes(now),
        grants_faults.look_alikes(now),
        messages.look_alikes(now),
    )
    kinds: tuple[tuple[Kind, Iterator[Planted]], ...] = (("fault", wrong), ("look_alike", innocent))
    for kind, many in kinds:
        for one in many:
            yield kind, *entry(of[one.system], one)


def later(built: datetime, category: str) -> Iterator[Planted]:
    """What of a category may go wrong once a network runs that was `built` then; each once."""
    return (one for one in _later(built) if one.category == category)


def _later(built: datetime) -> Iterator[Planted]:
    return chain(
        supply_faults.later(built),
        books.later(),
        bookings.later(built),
        grants_faults.later(built),
        messages.later(built),
    )


LATER = tuple(sorted({one.category for one in _later(datetime(2000, 1, 1, tzinfo=UTC))}))
"""The categories that have more to plant once the network runs."""


def applications(of: Mapping[str, Store], moods: Moods, secret: str) -> dict[str, Flask]:
    door = Door("X-Api-Key", secret)
    return {
        name: application(name, of[name], moods, door, tables, _TITLES[name])
        for name, tables in TABLES.items()
    }
