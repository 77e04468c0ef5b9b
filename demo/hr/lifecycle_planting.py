"""What HCM's events tell: one for everybody who left, and among them what goes wrong or only looks so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import islice
from typing import Any, Literal

from ..ledger import Change, Entry
from ..systems.store import Row
from .faults import left_properly
from .lifecycle import SYSTEM, row_of
from .planter import NO_ORDER, Entries, PeoplePlanter, Supply

Of = Callable[[Row], dict[str, Any]]
"""What a row of events holds, of somebody who left."""


def _sooner(who: Row) -> dict[str, Any]:
    return {"last_day": str(date.fromisoformat(who["left_on"]) - timedelta(days=3))}


def _much_sooner(who: Row) -> dict[str, Any]:
    return {"last_day": str(date.fromisoformat(who["left_on"]) - timedelta(days=5))}


def _right(who: Row) -> dict[str, Any]:
    return {"last_day": who["left_on"]}


def _supply(category: str, how: str, told: Of, right: Of | None = None, worse: Of | None = None) -> Supply:
    """Somebody leaves, every system hears of it, and the event is not as it should be; `right` repairs it."""

    def supply(planter: PeoplePlanter) -> Entries:
        for who in planter.workers():
            left_properly(planter, who)
            gone = planter.row("hcm", "workers", who["worker"])
            row = {"id": _tell(planter, gone, told(gone))}
            undo, later = (
                [Change(SYSTEM, "told", "alter", row, of(gone))] if of else [] for of in (right, worse)
            )
            lines, key = [(who["worker"], NO_ORDER)], {"worker": who["worker"]}
            yield Entry(category, who["facility"], SYSTEM, key, how, lines, undo, later)

    return supply


PLANTERS: dict[str, Supply] = {
    "leaving_not_told": _supply(
        "leaving_not_told", "the event was lost on its way", lambda _: {"lost": 1}, lambda _: {"lost": 0}
    ),
    "leaving_told_wrongly": _supply(
        "leaving_told_wrongly", "the event names another last day", _sooner, _right, _much_sooner
    ),
}
_INNOCENT = (
    _supply("leaving_told_wrongly", "told twice", lambda _: {"twice": 1}),
    _supply(
        "leaving_told_wrongly", "corrected, and the first event came after the second", lambda _: {"late": 1}
    ),
)


def plant(planter: PeoplePlanter, count: int) -> None:
    """So many of each kind, at the start; everybody else who left was told of rightly."""
    kinds: list[tuple[Literal["fault", "look_alike"], Supply]] = [("fault", one) for one in PLANTERS.values()]
    for _ in range(count):
        for kind, supply in [*kinds, *(("look_alike", one) for one in _INNOCENT)]:
            for entry in islice(supply(planter), 1):
                planter.network.ledger.write(kind, entry, planter.now, planter.now)
    tell_the_rest(planter)


def tell_the_rest(planter: PeoplePlanter) -> None:
    """Everybody who left and of whom nothing was told is told of, rightly."""
    told = {row["worker"] for row in planter.network.stores[SYSTEM].rows("SELECT worker FROM told")}
    for row in planter.network.hcm.rows("SELECT * FROM workers WHERE status = 'T' AND gone = 0 ORDER BY id"):
        if row["worker"] not in told:
            _tell(planter, row, {})


def _tell(planter: PeoplePlanter, who: Row, values: dict[str, Any]) -> int:
    store = planter.network.stores[SYSTEM]
    number = int(store.rows("SELECT coalesce(max(id), 0) + 1 AS id FROM told")[0]["id"])
    store.add("told", [{"id": number, **row_of(who, **values)}])
    return number
