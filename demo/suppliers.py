"""The suppliers, and the local names under which the procurement suite and AP automation know them. All
invented.

The list does not depend on the seed: `demo/catalog/crosswalk_supplier.csv` maps exactly these names, except
`UNMAPPED_ALIAS`, which nobody mapped and which therefore blocks invoices.
"""

from __future__ import annotations

from dataclasses import dataclass

_NAMES = {
    "surgical": (
        "Northgate Surgical Supply", "Corvane Instruments", "Bellweather Medical", "Stryden Orthopedics",
        "Halcyon Sutures", "Aldermoor Endoscopy", "Trellis Wound Care", "Quarrystone Implants",
    ),
    "general": (
        "Meadowlark Medical Distribution", "Unison Hospital Supply", "Pinecrest Healthcare Products",
        "Kestrel Protective Wear", "Fairhaven Linen and Gown", "Brightwater Disposables",
        "Ostrander Nursing Goods", "Summit Ridge Med-Surg",
    ),
    "laboratory": (
        "Lumen Diagnostics", "Petrel Laboratory Sciences", "Ashgrove Reagents", "Novalis Assay Systems",
        "Greyfriars Microscopy", "Tarnside Specimen Products",
    ),
    "pharmacy": (
        "Wexcombe Pharmaceuticals", "Orchard Lane IV Solutions", "Silverbirch Infusion",
        "Candlewick Compounding",
    ),
    "cardiology": (
        "Arden Cardiovascular", "Pulsewright Devices", "Meridiem Catheters", "Vantry Heart Valves",
    ),
    "services": (
        "Clearbrook Biomedical Service", "Harrow Facilities Maintenance", "Sablefield Waste Services",
        "Tidewell Staffing Partners", "Copperline Elevator Service", "Ivybridge Software Subscriptions",
    ),
    "utilities": ("Bayside Light and Power", "Piedmont Valley Gas", "Prairie Water Works"),
    "leasing": ("Rowanhurst Equipment Leasing", "Eastmere Copier Leasing"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier: `number` is the ERP's, the master's; the others are what systems call it."""

    number: str
    name: str
    trade: str
    procurement: str
    payables: str
    tax_id: str

    @property
    def remit_to(self) -> str:
        """The code AP automation uses when the invoice names the supplier's other remittance address."""
        return f"{self.payables}-R2"


def _suppliers() -> tuple[Supplier, ...]:
    found: list[Supplier] = []
    for trade, names in _NAMES.items():
        for name in names:
            index = len(found)
            alias = name.upper().replace(" AND ", " ").replace(" ", "-")
            tax_id = f"{81 + index % 9}-{4100233 + 7919 * index}"
            found.append(Supplier(f"V{1001 + index}", name, trade, alias, str(204100 + 137 * index), tax_id))
    return tuple(found)


SUPPLIERS = _suppliers()
SUPPLIER = {supplier.number: supplier for supplier in SUPPLIERS}
BLOCKED_SUPPLIER = next(supplier for supplier in SUPPLIERS if supplier.name == "Stryden Orthopedics")
UNMAPPED_ALIAS = "STRYDEN-ORTHO-LLC"
"""What AP automation calls `BLOCKED_SUPPLIER` since its renaming; no crosswalk has it."""


def of_trade(trade: str) -> tuple[Supplier, ...]:
    """The suppliers of one trade, in the order of their numbers."""
    return tuple(supplier for supplier in SUPPLIERS if supplier.trade == trade)
