"""Whatever the *not* column of the flows says of a category is planted as a look-alike."""

from __future__ import annotations

from .conftest import Build

NOT: dict[str, dict[str, str]] = {
    # Procure-to-pay
    "no_valid_order": {
        "utilities": "utilities need no order",
        "refunds": "a refund needs no order",
        "recurring on schedule": "a lease on its schedule needs no order",
        "bill-only: the order following within 3 days": "used in a case, ordered within three days",
    },
    "ordered_twice": {"blanket releases": "a call-off of a blanket order beside the order"},
    "missing_receipt": {
        "2-way": "two-way: no receipt is expected",
        "amount-basis services without confirmation": "a service by amount needs no receipt",
        "ERS": "evaluated receipt: settled, and not scanned at the dock",
        "bill-only": "bill-only implant",
        "drop ship with requester confirmation": "drop shipment: it went to the patient's home",
    },
    "over_received": {"partial deliveries while invoiced ≤ received": "delivered and billed in two parts"},
    "receipt_not_in_erp": {"in transit": "announced by the supplier, and still on the road"},
    "price_variance": {"estimated prices": "the order's price was an estimate"},
    "unit_mismatch": {"converted equal": "billed each, at the price of each"},
    "tax_error": {"rounding 0.01 × lines": "a cent of rounding"},
    "freight_error": {"rounding 0.01 × lines": "a cent of freight where the terms include it"},
    "duplicate_invoice": {
        "credit and rebill": "credited and billed again",
        "voids": "captured twice, and one of the two voided",
        "recurring": "a lease, as every month",
    },
    "supplier_mismatch": {"remit-to of the same supplier": "the supplier's other address, which is mapped"},
    "supplier_not_on_master": {
        "remit-to of the same supplier": "on the master as another address of a supplier"
    },
    "bank_account_differs": {"approved change recorded": "changed in the ERP with approval"},
    "bank_account_changed": {"approved change recorded": "changed six days before a payment, with approval"},
    "received_not_invoiced": {
        "ERS": "evaluated receipt: the supplier sends no invoice",
        "consigned": "consigned stock is not billed when it arrives",
        "no-charge": "samples without charge",
        "2-way": "two-way: nothing is accrued",
    },
    "ers_invoiced": {"freight-only": "only the freight is billed"},
    "service_over_confirmed": {
        "amount-basis services without confirmation": "a service that nobody has to confirm"
    },
    "vendor_balance": {
        "documents younger than the lag": "approved a minute ago, and posted in the ERP within the hour"
    },
    # Hire-to-retire
    "terminated_paid": {
        "PTO payout": "left; paid time off paid out",
        "severance": "left; severance",
        "retro": "left; retro pay",
        "rescission": "gave notice and stayed",
        "rehire": "left, and was hired again",
        "another active job": "one of two jobs ended",
        "taken back": "left; paid and taken back",
    },
    "terminated_identity": {
        "affiliates": "left; an affiliate's account",
        "converted contingents": "converted from",
        "service accounts": "left; a service account",
    },
    "account_without_worker": {"service accounts": "a service account of no worker"},
    "missing_worker": {
        "contingents in payroll": "a contingent is not on payroll",
        "who has not started": "begins in two months",
    },
    "hours_not_paid": {"time approved after the run": "approved after the run"},
    "cost_center_mismatch": {
        "floats compare home to home": "a float is charged elsewhere",
        "future rows": "moves in two months",
        "a lower sequence": "corrected on the same day",
    },
    "worked_unit_differs": {"floats compare home to home": "a float works elsewhere"},
    "allocation_not_100": {"where policy splits otherwise": "policy splits by hours"},
    "allocation_mismatch": {"where policy splits otherwise": "policy splits what remains"},
    "transfer_share": {"where policy splits otherwise": "moved, and policy splits by shares"},
    "duplicate_worker": {"multiple jobs": "two jobs of one person", "twins": "is a twin"},
    # Inventory and supply chain
    "on_hand_variance": {
        "untracked par locations": "a par location without books",
        "kits at both levels": "counted as a kit here and in parts there",
        "another snapshot time": "another snapshot",
    },
    "identifier_mismatch": {"text differing in case or blanks only": "differs in case and blanks"},
    "recalled_lot": {"quarantine": "recalled, and in quarantine"},
    "expired_lot": {"expiry day 00 means month end": "day 00 is the end of the month"},
    # Projects and grants
    "outside_performance": {
        "approved pre-award": "approved before the start",
        "within the 90-day waiver": "90 days before the start, which are waived",
        "posting date": "incurred in time, posted after the end",
    },
    "over_budget_line": {"within rebudgeting limits": "within the rebudgeting limit"},
    "effort_over_100": {"extra-service pay": "extra service"},
    "fa_mismatch": {"fixed price": "a fixed price"},
    "late_cost_transfer": {
        "off-award": "off all awards",
        "same award": "from one budget line of an award to another",
        "F&A follow-ons": "F&A that follows",
    },
    # The demo's story, and integration health
    "feed_failed": {"silent by its own rhythm": "silent at night, at weekends and on holidays"},
}
"""Category -> what it is not, in the words of the column or of the condition -> how the ledger says it."""


def test_every_entry_of_the_not_column_is_planted_as_a_look_alike(build: Build) -> None:
    planted: dict[str, list[str]] = {}
    for row in build().ledger.rows("look_alike"):
        planted.setdefault(row["category"], []).append(row["how"])
    missing = {
        f"{category}: {entry}"
        for category, entries in NOT.items()
        for entry, how in entries.items()
        if not any(how in said for said in planted.get(category, ()))
    }
    assert missing == set()
