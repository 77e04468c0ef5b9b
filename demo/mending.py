"""What becomes of a fault after it was planted: it is repaired, comes back, or changes while it lasts.

Works on the steps that the ledger keeps. Each step is turned round before it is taken, so that a fault can heal and
come back as often as is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from .ledger import Change
from .network import Network
from .systems.store import Row

_TAKEN_BACK = {
    ("wms", "receipts"): {"quantity": 0},
    ("ap_automation", "invoice_lines"): {"deleted": 1},
}
"""How a system takes back a row that others have read. Rows of further tables are marked as gone."""


def repair(network: Network, number: int, now: datetime) -> str:
    """Alter the rows back, newly modified, and mark the ledger; returns what was repaired."""
    with network.lock:
        row = _fault(network, number)
        if row["healed_at"]:
            raise ValueError(f"fault {number} was already repaired at {row['healed_at']}")
        network.ledger.heal(number, now, _walk(network, network.ledger.steps(row, "undo"), now))
        return _name(row)


def relapse(network: Network, number: int, now: datetime, expected_from: datetime | None = None) -> str:
    """A fault that was repaired is back, on the same documents. Returns which."""
    with network.lock:
        row = _fault(network, number)
        again = network.ledger.steps(row, "redo")
        if not row["healed_at"] or not again:
            raise ValueError(f"fault {number} was not repaired by the network, so it cannot come back")
        undo = _walk(network, again, now)
        network.ledger.recur(number, now, now if expected_from is None else expected_from, undo)
        return _name(row)


def worsen(network: Network, number: int, now: datetime) -> bool:
    """Change what is wrong, without putting it right. False where this fault has no such change."""
    with network.lock:
        row = _fault(network, number)
        steps = network.ledger.steps(row, "worse")
        if row["healed_at"] or not steps:
            return False
        _walk(network, steps, now)
        network.ledger.worsened(number, now)
        return True


def _fault(network: Network, number: int) -> Row:
    row = network.ledger.entry(number)
    if row is None or row["kind"] != "fault":
        raise ValueError(f"the ledger has no fault {number}")
    return row


def _name(row: Row) -> str:
    return f"{row['category']} {row['business_key']} in {row['system']}"


def _walk(network: Network, steps: Sequence[Change], now: datetime) -> list[Change]:
    """Take the steps; returns those that lead back, in their order."""
    back: list[Change] = []
    for step in steps:
        numbered = _numbered(network, step)
        back[:0] = list(_backwards(network, numbered))
        network.change(numbered, now)
    return back


def _numbered(network: Network, step: Change) -> Change:
    """An insert that says which number its row will have."""
    if step.verb != "insert" or "id" in step.values:
        return step
    (last,) = network.stores[step.system].rows(f"SELECT coalesce(max(id), 0) AS id FROM {step.table}")
    return Change(step.system, step.table, "insert", step.key, {**step.values, "id": int(last["id"]) + 1})


def _backwards(network: Network, step: Change) -> Iterator[Change]:
    if step.verb == "insert":
        taken_back = _TAKEN_BACK.get((step.system, step.table), {"gone": 1})
        yield Change(step.system, step.table, "alter", {"id": step.values["id"]}, taken_back)
        return
    for row in network.stores[step.system].find(step.table, step.key):
        if step.verb == "remove":
            yield Change(step.system, step.table, "insert", {}, row)
        else:
            yield Change(
                step.system, step.table, "alter", {"id": row["id"]}, {name: row[name] for name in step.values}
            )
