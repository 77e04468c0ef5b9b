"""Stock of one snapshot, items, movements and adjustments as the ERP's ledgers and the warehouse keep them; recalls.

All in agreement. The warehouse writes items and locations in its own way. Amounts are in cents.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..documents import stamp
from ..ledger_systems.listed import Rows, table
from ..systems.store import Row

FACILITIES = ("HMC", "BMC")
LOCATIONS = ("CENTRAL", "OR")
ITEMS = 32
"""The first 14 are planted on at the start, the others while the network runs."""
MOVED = 8
"""So many movements, adjustments and journals."""
ACCOUNT = "1400"
_STOCK = (
    "item location lot stock_status ownership tracking kit:flag quantity:whole unit unit_cost:cents abc account gtin"
    " expiry counted_at facility"
)
_ITEM = "item description status gtin udi vendor_item pack_size:whole pack_unit"
_MOVEMENT = "movement kind item location quantity:whole unit status moved_at due_at facility"
ERP = {
    "stock": table("stock", _STOCK),
    "items": table("items", _ITEM),
    "movements": table("movements", _MOVEMENT),
}
WMS = {
    **ERP,
    "adjustments": table(
        "adjustments",
        "adjustment item location quantity:whole unit amount:cents reason booked period status adjusted_at"
        " facility",
    ),
}
RECALLS = {"recalls": table("recalls", "recall gtin lot status reason issued_at")}


ANNOUNCED = {"Z-1201": 9, "Z-1160": 10, "Z-1310": 18, "Z-1311": 19}
"""A recall of a lot in the central store of HMC -> its item; each is announced when it is planted."""


def item(number: int) -> str:
    """What the ERP and everybody calls an item."""
    return f"IT-{4100 + number}"


def local_item(number: int) -> str:
    """What the warehouse calls it."""
    return f"W{4100 + number}"


def gtin(number: int) -> str:
    return f"003{4_100_000_000 + 7 * number:011d}"[:14]


def place(facility: str, location: str) -> str:
    return f"{facility}-{location}"


def local_place(facility: str, location: str) -> str:
    return f"{facility}/{location}"


def lot(number: int, facility: str, location: str) -> str:
    return f"LOT-{number}{location[0]}{facility[0]}"


def quantity(number: int) -> int:
    return 100 + 10 * number


def cost(number: int) -> int:
    """Cents an each."""
    return 400 + 35 * number


def stock(now: datetime, *, local: bool) -> list[Row]:
    """Every item at every location of two facilities, as of seven hours ago."""
    return [
        {
            "item": local_item(number) if local else item(number),
            "location": local_place(facility, location) if local else place(facility, location),
            "lot": lot(number, facility, location),
            "stock_status": "usable",
            "ownership": "owned",
            "tracking": "perpetual",
            "quantity": quantity(number),
            "unit": "EA",
            "unit_cost": cost(number),
            "abc": "ABC"[number % 3],
            "account": ACCOUNT,
            "gtin": gtin(number),
            "expiry": f"{now.year + 2}-{now.month:02d}-00",
            "counted_at": stamp(now - timedelta(hours=7)),
            "facility": facility,
        }
        for facility in FACILITIES
        for location in LOCATIONS
        for number in range(ITEMS)
    ]


def worth() -> int:
    """Cents that a location is worth."""
    return sum(quantity(number) * cost(number) for number in range(ITEMS))


def erp_rows(now: datetime) -> Rows:
    return {
        "stock": stock(now, local=False),
        "items": items(local=False),
        "movements": movements(now, local=False),
    }


def wms_rows(now: datetime) -> Rows:
    adjustments = [
        {
            "adjustment": f"ADJ-{number}",
            "item": local_item(number),
            "location": local_place("HMC", "OR"),
            "quantity": -2,
            "unit": "EA",
            "amount": -2 * cost(number),
            "reason": "cycle count",
            "status": "posted",
            "adjusted_at": stamp(now - timedelta(days=6)),
            "facility": "HMC",
        }
        for number in range(MOVED)
    ]
    return {
        "stock": stock(now, local=True),
        "items": items(local=True),
        "movements": movements(now, local=True),
        "adjustments": adjustments,
    }


def items(*, local: bool) -> list[Row]:
    return [
        {
            "item": local_item(number) if local else item(number),
            "description": f"Supply {number}",
            "status": "active",
            "gtin": gtin(number),
            "udi": f"DI{5000 + number}",
            "vendor_item": f"NG-{number:03d}",
            "pack_size": 12,
            "pack_unit": "CS",
        }
        for number in range(ITEMS)
    ]


def movements(now: datetime, *, local: bool) -> list[Row]:
    return [
        {
            "movement": f"MV-{number}",
            "kind": "transfer",
            "item": local_item(number) if local else item(number),
            "location": local_place("HMC", "OR") if local else place("HMC", "OR"),
            "quantity": 4,
            "unit": "EA",
            "status": "posted",
            "moved_at": stamp(now - timedelta(days=12)),
            "due_at": stamp(now - timedelta(days=11)),
            "facility": "HMC",
        }
        for number in range(MOVED)
    ]


def recalls(now: datetime) -> Rows:
    """Two recalls, of a lot that nobody has and of several that nobody has been told of yet."""
    issued = stamp(now - timedelta(days=3))
    lots = [(recall, gtin(number), lot(number, "HMC", "CENTRAL")) for recall, number in ANNOUNCED.items()]
    rows: list[Row] = [
        {"recall": recall, "gtin": of, "lot": named, "status": "open", "issued_at": issued, "gone": gone}
        for recall, of, named, gone in [("Z-1187", gtin(1), "LOT-999", 0), *((*each, 1) for each in lots)]
    ]
    return {"recalls": rows}
