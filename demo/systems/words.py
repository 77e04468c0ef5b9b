"""What each system calls the statuses of an order line. Ours are the neutral words of `documents`."""

from __future__ import annotations

from collections.abc import Mapping

ERP: Mapping[str, str] = {
    "approved": "Approved", "ordered": "Dispatched", "partially_received": "Partially Received",
    "received": "Received", "closed": "Closed", "cancelled": "Canceled",
}  # fmt: skip
PROCUREMENT: Mapping[str, str] = {
    "approved": "APPROVED", "ordered": "ORDERED", "partially_received": "RECEIVING",
    "received": "FULLY_RECEIVED", "closed": "SOFT_CLOSED", "cancelled": "CANCELLED",
}  # fmt: skip
