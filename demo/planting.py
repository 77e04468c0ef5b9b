"""What is planted into a new network, and how one fault is planted while it runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from . import (
    exempt_look_alikes,
    further_look_alikes,
    invoice_faults,
    invoice_look_alikes,
    line_faults,
    look_alikes,
    master_faults,
    master_look_alikes,
    order_faults,
    payee_look_alikes,
    payment_faults,
    physician_faults,
    rhythms,
    use_look_alikes,
)
from .hr import faults as people_faults
from .hr import job_look_alikes, lifecycle_planting
from .hr import look_alikes as people_look_alikes
from .hr.planter import PeoplePlanter
from .ledger_systems import systems as listed
from .network import Network
from .planter import Entries, Planter

BLOCKED_INVOICES = 47
STATUS_GRACE = timedelta(hours=4)
STATUSES = frozenset({"order_status_mismatch", "invoice_status_mismatch", "paid_still_open"})
"""What is only wrong once it has lasted for `STATUS_GRACE`."""
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
    "not_ordered": order_faults.not_ordered,
    "ordered_twice": order_faults.ordered_twice,
    "receipt_not_in_erp": order_faults.receipt_not_in_erp,
    "not_accepted": order_faults.not_accepted,
    "uncredited_return": order_faults.uncredited_return,
    "ers_invoiced": order_faults.ers_invoiced,
    "ers_unsettled": order_faults.ers_unsettled,
    "usage_missing": order_faults.usage_missing,
    "billed_over_usage": order_faults.billed_over_usage,
    "blanket_over_limit": order_faults.blanket_over_limit,
    "blanket_out_of_validity": order_faults.blanket_out_of_validity,
    "service_over_confirmed": order_faults.service_over_confirmed,
    "contract_price_variance": order_faults.contract_price_variance,
    "currency_mismatch": order_faults.currency_mismatch,
    "tax_error": payment_faults.tax_error,
    "freight_error": payment_faults.freight_error,
    "paid_still_open": payment_faults.paid_still_open,
    "invoice_status_mismatch": payment_faults.invoice_status_mismatch,
    "invoice_on_hold": payment_faults.invoice_on_hold,
    "orphan_credit": payment_faults.orphan_credit,
    "recurring_amount": payment_faults.recurring_amount,
    "recurring_repeated": payment_faults.recurring_repeated,
    "recurring_absent": payment_faults.recurring_absent,
    "vendor_balance": payment_faults.vendor_balance,
    "released_over_limit": invoice_faults.released_over_limit,
    "supplier_excluded": master_faults.supplier_excluded,
    "supplier_inactive": master_faults.supplier_inactive,
    "duplicate_supplier": master_faults.duplicate_supplier,
    "supplier_not_on_master": master_faults.supplier_not_on_master,
    "bank_account_differs": master_faults.bank_account_differs,
    "bank_account_changed": master_faults.bank_account_changed,
    "physician_no_contract": physician_faults.physician_no_contract,
    "physician_over_contract": physician_faults.physician_over_contract,
    "physician_no_time": physician_faults.physician_no_time,
    "physician_over_time": physician_faults.physician_over_time,
}
"""What can be planted, by the name used on the command line."""
_FEW = (
    "supplier_excluded", "supplier_inactive", "supplier_not_on_master", "bank_account_differs", "bank_account_changed",
    "physician_no_contract", "physician_over_contract", "physician_no_time", "physician_over_time", "vendor_balance",
    "duplicate_supplier",
)  # fmt: skip
_USUAL = 5
_AT_FULL_SCALE = {
    **{"unmapped_alias": BLOCKED_INVOICES, "supplier_mismatch": 8, "received_not_invoiced": 11},
    **{"missing_receipt": 12, "price_variance": 12, "over_received": 10, "over_ordered": 9},
    **{"unit_mismatch": 10, "duplicate_invoice": 12, "order_status_mismatch": 11, "no_valid_order": 10},
    **{"rejected_rows": 4, "unknown_facility": 1},
    **dict.fromkeys(_FEW, 2),
}


def plant_history(network: Network, now: datetime) -> None:
    """Plant the first faults and look-alikes, before anybody reads. Their numbers shrink with the scale."""
    planter = Planter(network, random.Random(f"planting {network.seed}"), now)
    share = min(1.0, max(network.scale * 2, 0.25))
    for category in PLANTERS:
        count = _AT_FULL_SCALE.get(category, _USUAL)
        part = min(1.0, network.scale) if category == "unmapped_alias" else share
        _plant(planter, category, max(1, round(count * part)))
    innocent = (
        look_alikes,
        further_look_alikes,
        use_look_alikes,
        master_look_alikes,
        payee_look_alikes,
        invoice_look_alikes,
        exempt_look_alikes,
    )
    for supply in [one for kinds in innocent for one in kinds.kinds(planter)]:
        for entry in islice(supply, max(2, round(6 * share))):
            network.ledger.write("look_alike", entry, now, now)
    _plant_people(
        PeoplePlanter(network, random.Random(f"people {network.seed}"), now), max(1, round(2 * share))
    )
    for kind, step, entry in listed.planted(network.listed, now):
        network.change(step, now)
        network.ledger.write(kind, entry, now, now)
    rhythms.plant(network, now)


def _plant_people(planter: PeoplePlanter, count: int) -> None:
    """So many faults of each kind among people, and what resembles them."""
    for supply in people_faults.PLANTERS.values():
        for entry in islice(supply(planter), count):
            planter.network.ledger.write("fault", entry, planter.now, planter.now)
    people_look_alikes.plant(planter, people_look_alikes.KINDS)
    people_look_alikes.plant(planter, job_look_alikes.KINDS, shared=True)
    lifecycle_planting.plant(planter, count)


def plant(network: Network, category: str, now: datetime, rng: random.Random) -> list[int]:
    """Plant one fault into the running network; returns its ledger id, or nothing where no document suits."""
    if category not in PLANTERS:
        raise ValueError(f"no category {category!r}; known are {', '.join(PLANTERS)}")
    with network.lock:
        return _plant(Planter(network, rng, now), category, 1)


def _plant(planter: Planter, category: str, count: int) -> list[int]:
    """Plant up to `count` faults; each is written down before the next is made."""
    entries, planted = PLANTERS[category](planter), list[int]()
    grace = STATUS_GRACE if category in STATUSES and planter.network.opened else timedelta(0)
    while len(planted) < count and (entry := next(entries, None)):
        planted.append(planter.network.ledger.write("fault", entry, planter.now, planter.now + grace))
    return planted
