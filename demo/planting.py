"""What is planted into a new network, and how a planted fault is repaired. Quantities shrink with the scale."""

from __future__ import annotations

import random
from datetime import datetime

from .faults import BLOCKED_INVOICES, PLANTERS, Planter
from .look_alikes import LookAlikes
from .network import Network

_AT_FULL_SCALE = {
    "unmapped_alias": BLOCKED_INVOICES, "supplier_mismatch": 8, "received_not_invoiced": 11, "missing_receipt": 12,
    "price_variance": 12, "over_received": 10, "over_ordered": 9, "unit_mismatch": 10, "duplicate_invoice": 12,
    "order_status_mismatch": 11, "no_valid_order": 10, "rejected_rows": 4, "unknown_facility": 1,
}  # fmt: skip


def plant_history(network: Network, now: datetime) -> None:
    """Plant the first faults and look-alikes, before anybody reads."""
    planter = Planter(network, random.Random(f"planting {network.seed}"), now)
    share = min(1.0, max(network.scale * 2, 0.25))
    for category, count in _AT_FULL_SCALE.items():
        planter.plant(
            category,
            max(1, round(count * (min(1.0, network.scale) if category == "unmapped_alias" else share))),
        )
    LookAlikes(planter).plant_all(max(2, round(6 * share)))


def plant(network: Network, category: str, now: datetime, rng: random.Random) -> list[int]:
    """Plant one fault into the running network; returns its ledger id, or nothing where no document suits."""
    if category not in PLANTERS:
        raise ValueError(f"no category {category!r}; known are {', '.join(PLANTERS)}")
    with network.lock:
        return Planter(network, rng, now).plant(category)


def repair(network: Network, number: int, now: datetime) -> str:
    """Alter the rows back, newly modified, and mark the ledger; returns what was repaired."""
    with network.lock:
        row = network.ledger.entry(number)
        if row is None or row["kind"] != "fault":
            raise ValueError(f"the ledger has no fault {number}")
        if row["healed_at"]:
            raise ValueError(f"fault {number} was already repaired at {row['healed_at']}")
        for change in network.ledger.undo_of(row):
            network.change(change, now)
        network.ledger.heal(number, now)
        return f"{row['category']} {row['business_key']} in {row['system']}"
