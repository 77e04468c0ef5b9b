"""The log of the middleware that carries documents between the systems: one row a message.

All arrived; what failed, is stuck, or only looks so is planted. Nothing planted changes its meaning as time goes by.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..documents import stamp
from .listed import Planted, Rows, table

SYSTEM = "middleware"
MESSAGES = {
    "messages": table("messages", "message interface document status error attempts:whole sent_at failed_at")
}
_INTERFACES = (
    "Orders to AP automation", "Receipts to the ERP", "Invoices to the ERP", "Hires to payroll", "Stock to the ERP",
)  # fmt: skip
_COUNT = 60
_AGE = timedelta(days=2)
_FAULTS = (
    ("message_master_unknown", "ERR", "Vendor 'V-90871' does not exist in company 10", "the vendor was never sent"),
    ("message_period_closed", "ERR", "Posting period 2026-10 is closed", "dated in a closed period"),
    ("message_duplicate", "ERR", "ORA-00001: document already exists", "sent under a number that is taken"),
    ("message_busy", "ERR", "Record is locked by user BATCH02", "two changes met"),
    ("message_access", "ERR", "HTTP 401: token has expired", "the token ended"),
    ("message_unreachable", "ERR", "connect timed out after 30000 ms", "the system was down"),
    ("message_refused", "ERR", "Field 'TaxCode' is required", "a field is missing"),
    ("message_failed", "ERR", "E-7731: unexpected state 12", "an error that nobody knows"),
    ("message_stuck", "SENT", "", "lost on its way"),
)  # fmt: skip
_LOOK_ALIKES = (
    ("message_unreachable", "OK", "connect timed out after 30000 ms", "arrived at the third attempt"),
    ("message_refused", "SKIP", "Field 'TaxCode' is required", "dropped on purpose"),
    ("message_stuck", "SKIP", "", "taken back by its sender"),
)  # fmt: skip


def _number(place: int) -> str:
    return f"MSG-{70_000 + place}"


def rows(now: datetime) -> Rows:
    """Everything has arrived."""
    found = []
    for place in range(_COUNT):
        sent = stamp(now - _AGE - timedelta(minutes=7 * place))
        found.append(
            {
                "message": _number(place), "interface": _INTERFACES[place % len(_INTERFACES)],
                "document": f"DOC-{40_000 + place}", "status": "OK", "attempts": 1, "sent_at": sent,
            }
        )  # fmt: skip
    return {"messages": found}


def _planted(place: int, category: str, status: str, error: str, how: str, failed_at: str) -> Planted:
    key = {"message": _number(place)}
    attempts = 3 if error else 1
    values = {"status": status, "error": error, "attempts": attempts, "failed_at": failed_at if error else ""}
    worse = {"error": f"{error}, and once more"} if error else {}
    return Planted(category, "*", SYSTEM, "messages", key, values, key, how, worse)


def faults(now: datetime) -> Iterator[Planted]:
    """Everything that must be found: one of each kind of error, and one that nobody heard of again."""
    failed_at = stamp(now - _AGE / 2)
    for place, (category, status, error, how) in enumerate(_FAULTS):
        yield _planted(place, category, status, error, how, failed_at)


def later(now: datetime) -> Iterator[Planted]:
    """What may go wrong once the network runs; `now` is when it was built."""
    failed_at = stamp(now - _AGE / 2)
    for place, (category, status, error, how) in enumerate(_FAULTS * 2, len(_FAULTS) + len(_LOOK_ALIKES)):
        yield _planted(place, category, status, error, how, failed_at)


def look_alikes(now: datetime) -> Iterator[Planted]:
    """Everything that must not be found."""
    failed_at = stamp(now - _AGE / 2)
    for place, (category, status, error, how) in enumerate(_LOOK_ALIKES, len(_FAULTS)):
        yield _planted(place, category, status, error, how, failed_at)
