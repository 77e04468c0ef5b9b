"""What a check found in one run. Short-lived: intake turns it into an exception, or recognises one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

NETWORK_SCOPE = "*"
"""The scope of a check that is not run entity by entity."""


class Discrepancy(NamedTuple):
    """One disagreement.

    `business_key`, `facts` and `evidence` are canonical JSON texts (sorted keys, decimals and times as text).
    `evidence` is `{"key": …, "sides": {side: {column: value}}, "let": …, "tolerance": … or null}`. `lines` are the
    transaction lines it touches (`<type>|<entity>|<key values>`), its own first. `also` are further categories that
    hold on the same line. `amount` is in `currency`; `since` is the time at the source since when it has been so.
    """

    fingerprint: bytes
    check: str
    scope: str
    category: str
    entity: str
    reference: str
    business_key: str
    lines: tuple[str, ...]
    counterparty: str | None
    facts: str
    evidence: str
    evidence_hash: bytes
    amount: Decimal | None
    currency: str | None
    since: datetime
    critical: bool = False
    also: tuple[str, ...] = ()
