"""The outbox: which writes a process may send now, and what became of them. Never calls a system itself.

`claim` hands out writes under a lease and leaves an attempt without outcome, so that a killed process leaves its trace;
`record` takes the answers. Between the two the caller commits, and calls the system with the idempotency key. A lease
must outlast the longest call: what is claimed after it has lapsed may have arrived, and is treated so.
"""

from .outbox_claiming import Claimed, claim, due_systems, hand_back, next_due, next_lapse
from .outbox_recording import Result, record
from .outbox_settling import settle

__all__ = [
    "Claimed", "Result", "claim", "due_systems", "hand_back", "next_due", "next_lapse", "record", "settle",
]  # fmt: skip
