"""What HCM's events are at the start: one for everybody who left, and among them what goes wrong or only looks so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Literal

from ..ledger import Change, Entry
from ..systems.store import Row
from .faults import left_properly
from .lifecycle import SYSTEM, row_of
from .planter import NO_ORDER, PeoplePlanter


def plant(planter: PeoplePlanter, count: int) -> None:
    """So many of each kind; everybody else who left was told of rightly."""
    ledger, now = planter.network.ledger, planter.now
    free = iter(list(planter.workers()))
    for _ in range(count):
        for category, values, undo, how in _kinds():
            who = _left(planter, free)
            if who is None:
                return
            own = {name: value(who) if callable(value) else value for name, value in values.items()}
            number = _tell(planter, who, own)
            repair = [Change(SYSTEM, "told", "alter", {"id": number}, undo(who))] if undo else []
            kind: Literal["fault", "look_alike"] = "fault" if undo else "look_alike"
            lines = [(who["worker"], NO_ORDER)]
            key = {"worker": who["worker"]}
            ledger.write(kind, Entry(category, who["facility"], SYSTEM, key, how, lines, repair), now, now)
    told = {row["worker"] for row in planter.network.stores[SYSTEM].rows("SELECT worker FROM told")}
    for row in planter.network.hcm.rows("SELECT * FROM workers WHERE status = 'T' AND gone = 0 ORDER BY id"):
        if row["worker"] not in told:
            _tell(planter, row, {})


def _kinds() -> Iterator[tuple[str, dict[str, Any], Any, str]]:
    """Category, what differs in the row, what repairs it (None: a look-alike), and how."""
    yield "leaving_not_told", {"lost": 1}, lambda _: {"lost": 0}, "the event was lost on its way"
    yield "leaving_told_wrongly", {"last_day": _sooner}, _right, "the event names another last day"
    yield "leaving_told_wrongly", {"twice": 1}, None, "told twice"
    yield "leaving_told_wrongly", {"late": 1}, None, "corrected, and the first event came after the second"


def _sooner(who: Row) -> str:
    return str(date.fromisoformat(who["left_on"]) - timedelta(days=3))


def _right(who: Row) -> dict[str, str]:
    return {"last_day": who["left_on"]}


def _left(planter: PeoplePlanter, free: Iterator[Row]) -> Row | None:
    """Somebody of whom the ledger does not speak leaves, and every system hears of it."""
    for who in free:
        if not planter.network.ledger.taken(who["worker"], NO_ORDER):
            left_properly(planter, who)
            return planter.row("hcm", "workers", who["worker"])
    return None


def _tell(planter: PeoplePlanter, who: Row, values: dict[str, Any]) -> int:
    store = planter.network.stores[SYSTEM]
    number = int(store.rows("SELECT coalesce(max(id), 0) + 1 AS id FROM told")[0]["id"])
    store.add("told", [{"id": number, **row_of(who, **values)}])
    return number
