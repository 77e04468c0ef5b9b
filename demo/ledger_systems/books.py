"""Ledger balances, journals and finance masters: the ERP's, and what warehouse and grants system hold of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..documents import stamp
from ..supply.stock import ACCOUNT, FACILITIES, LOCATIONS, cost, place, worth
from ..systems.store import Row
from .listed import Planted, Rows, table

_MASTER = "code name status parent"
MASTERS = {name: table(name, _MASTER) for name in ("accounts", "cost_centers", "departments", "locations")}
ERP = {
    **MASTERS,
    "balances": table("balances", "account location period subledger balance:cents facility"),
    "journal_lines": table(
        "journal_lines",
        "journal line source_journal document account amount:cents status reason entered_at facility",
    ),
}
SENDER = {
    "locations": MASTERS["locations"],
    "journals": table("journals", "journal amount:cents period status reason sent_at facility"),
}
SUBSCRIBER = {name: MASTERS[name] for name in ("accounts", "cost_centers", "departments")}
_CODES = {
    "accounts": range(6100, 6110),
    "cost_centers": range(10, 20),
    "departments": range(70, 77),
    "locations": range(1, 7),
}


_CHAIN = {"17": "18", "18": "19", "19": "0"}
"""Cost centers that roll up to each other in the ERP; other systems hold no structure of them."""
_ENDED = "76"
"""A department that has ended everywhere."""


def masters(*names: str) -> Rows:
    """Masters in agreement, all directly below the top."""
    return {
        name: [
            {
                "code": str(code),
                "name": f"{name[:-1].replace('_', ' ').title()} {code}",
                "status": "inactive" if (name, str(code)) == ("departments", _ENDED) else "active",
                "parent": "0" if code else "",
            }
            for code in (0, *_CODES[name])
        ]
        for name in names
    }


def erp_rows(now: datetime) -> Rows:
    """Balances that are what stock is worth, and both halves of every journal."""
    balances: list[Row] = [
        {
            "account": ACCOUNT,
            "location": place(facility, location),
            "period": "current",
            "subledger": "inventory",
            "balance": worth(),
            "facility": facility,
        }
        for facility in FACILITIES
        for location in LOCATIONS
    ]
    lines: list[Row] = []
    for number in range(4):
        lines += _journal(
            f"GL-ADJ-{number}", 2 * cost(number), stamp(now - timedelta(days=6)), document=f"ADJ-{number}"
        )
        lines += _journal(
            f"GL-{number}", 50_000, stamp(now - timedelta(days=4)), source_journal=f"WJ-{number}"
        )
    return {**_structured(masters(*MASTERS)), "balances": balances, "journal_lines": lines}


def _structured(rows: Rows) -> Rows:
    """Masters of the ERP, where some roll up to others."""
    for row in rows["cost_centers"]:
        row["parent"] = _CHAIN.get(row["code"], row["parent"])
    return rows


def held_elsewhere(*names: str) -> Rows:
    """Masters as a system holds them that knows nothing of the structure of some."""
    rows = masters(*names)
    for row in [*rows.get("cost_centers", ()), *rows.get("departments", ())]:
        if row["code"] in (*_CHAIN, _ENDED, "75"):
            row["parent"] = ""
    return rows


def _journal(number: str, amount: int, at: str, **also: str) -> list[Row]:
    both = ((1, "5100", amount), (2, ACCOUNT, -amount))
    return [
        {
            "journal": number,
            "line": str(line),
            "source_journal": "",
            "document": "",
            "account": account,
            "amount": value,
            "status": "posted",
            "reason": "",
            "entered_at": at,
            "facility": "HMC",
            **also,
        }
        for line, account, value in both
    ]


def sender_rows(now: datetime) -> Rows:
    """What the warehouse sent, and the locations it knows."""
    at = stamp(now - timedelta(days=4))
    journals: list[Row] = [
        {
            "journal": f"WJ-{number}",
            "amount": 50_000,
            "period": at[:7],
            "status": "sent",
            "sent_at": at,
            "facility": "HMC",
        }
        for number in range(4)
    ]
    return {**masters("locations"), "journals": journals}


def _master(system: str, name: str, code: str, category: str, values: dict[str, object], how: str) -> Planted:
    return Planted(category, "*", system, name, {"code": code}, values, {"code": code}, how)


def faults() -> Iterator[Planted]:
    """Everything that must be found."""
    yield _master("grants", "cost_centers", "11", "propagation_gap", {"gone": 1}, "the message failed")
    yield _master("erp_ledger", "accounts", "6105", "master_missing", {"gone": 1}, "removed while in use")
    yield _master(
        "grants", "departments", "71", "master_inactive", {"status": "inactive"}, "ended there only"
    )
    yield _master(
        "grants", "departments", "72", "master_rolled_up", {"parent": "70"}, "a reorganisation in one system"
    )
    round_key, below = {"cost_center": "17"}, {"department": "75"}
    yield Planted(
        "master_cycle",
        "*",
        "erp_ledger",
        "cost_centers",
        {"code": "19"},
        {"parent": "17"},
        round_key,
        "goes round",
    )
    yield Planted(
        "master_orphan",
        "*",
        "erp_ledger",
        "departments",
        {"code": "75"},
        {"parent": "79"},
        below,
        "79 was removed",
    )
    yield _master("wms_stock", "locations", "3", "master_renamed", {"name": "Annex"}, "renamed there only")
    key = {"system": "wms_stock", "journal": "WJ-0"}
    refused = {"status": "rejected", "reason": "Account 5100 is closed for this period."}
    yield Planted(
        "journal_rejected",
        "HMC",
        "erp_ledger",
        "journal_lines",
        {"journal": "GL-0", "line": "1"},
        refused,
        key,
        "refused by the ERP",
    )
    key = {"system": "wms_stock", "journal": "WJ-1"}
    yield Planted(
        "journal_stuck",
        "HMC",
        "erp_ledger",
        "journal_lines",
        {"journal": "GL-1", "line": "2"},
        {"status": "held", "reason": "approval"},
        key,
        "waits for an approval",
    )


def look_alikes() -> Iterator[Planted]:
    """Everything that must not be found."""
    yield _master(
        "grants", "cost_centers", "14", "master_renamed", {"name": "COST  CENTER 14"}, "case and blanks"
    )
    ended: dict[str, object] = {"parent": "79"}
    yield _master("erp_ledger", "departments", _ENDED, "master_orphan", ended, "it has ended, too")
    yield _master("grants", "departments", "74", "master_rolled_up", {"parent": ""}, "no structure there")
    key = {"system": "wms_stock", "journal": "WJ-3"}
    yield Planted(
        "journal_stuck",
        "HMC",
        "wms_stock",
        "journals",
        {"journal": "WJ-3"},
        {"status": "cancelled"},
        key,
        "cancelled",
    )
