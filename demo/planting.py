"""What is planted into a new network, and how one fault is planted while it runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from . import invoice_faults, line_faults, look_alikes
from .network import Network
from .planter import Entries, Planter

BLOCKED_INVOICES = 47
STATUS_GRACE = timedelta(hours=4)
PLANTERS: dict[str, Callable[[Planter], Entries]] = {
    "unmapped_alias": invoice_faults.unmapped_alias,
    "supplier_mismatch": invoice_faults.supplier_mismatch,
    "received_not_invoiced": line_faults.received_not_invoiced,
    "missing_receipt": line_faults.missing_receipt,
    "price_variance": line_faults.price_variance,
    "over_received": line_faults.over_received,
    "over_ordered": line_faults.over_ordered,
    "unit_mismatch": line_faults.unit_mismatch,
    "duplicate_invoice": invoice_faults.duplicate_invoice,
    "order_status_mismatch": line_faults.order_status_mismatch,
    "no_valid_order": invoice_faults.no_valid_order,
    "rejected_rows": invoice_faults.rejected_rows,
    "unknown_facility": invoice_faults.unknown_facility,
}
"""What can be planted, by the name used on the command line."""
_AT_FULL_SCALE = {
    **{"unmapped_alias": BLOCKED_INVOICES, "supplier_mismatch": 8, "received_not_invoiced": 11},
    **{"missing_receipt": 12, "price_variance": 12, "over_received": 10, "over_ordered": 9},
    **{"unit_mismatch": 10, "duplicate_invoice": 12, "order_status_mismatch": 11, "no_valid_order": 10},
    **{"rejected_rows": 4, "unknown_facility": 1},
}


def plant_history(network: Network, now: datetime) -> None:
    """Plant the first faults and look-alikes, before anybody reads. Their numbers shrink with the scale."""
    planter = Planter(network, random.Random(f"planting {network.seed}"), now)
    share = min(1.0, max(network.scale * 2, 0.25))
    for category, count in _AT_FULL_SCALE.items():
        part = min(1.0, network.scale) if category == "unmapped_alias" else share
        _plant(planter, category, max(1, round(count * part)))
    for supply in look_alikes.kinds(planter):
        for entry in islice(supply, max(2, round(6 * share))):
            network.ledger.write("look_alike", entry, now, now)


def plant(network: Network, category: str, now: datetime, rng: random.Random) -> list[int]:
    """Plant one fault into the running network; returns its ledger id, or nothing where no document suits."""
    if category not in PLANTERS:
        raise ValueError(f"no category {category!r}; known are {', '.join(PLANTERS)}")
    with network.lock:
        return _plant(Planter(network, rng, now), category, 1)


def _plant(planter: Planter, category: str, count: int) -> list[int]:
    """Plant up to `count` faults; each is written down before the next is made."""
    entries, planted = PLANTERS[category](planter), list[int]()
    grace = STATUS_GRACE if category == "order_status_mismatch" and planter.network.opened else timedelta(0)
    while len(planted) < count and (entry := next(entries, None)):
        planted.append(planter.network.ledger.write("fault", entry, planter.now, planter.now + grace))
    return planted
