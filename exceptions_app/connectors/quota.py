"""How much of what a system allows is used, as its connector tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How much of a system's quota is used in its present while, which ends at `ends` (UTC)."""

    used: int
    allowed: int
    per: timedelta
    ends: datetime
    warn_at: int
    """From this share of it, in percent, people are told."""

    @property
    def nearly_up(self) -> bool:
        return self.used * 100 >= self.allowed * self.warn_at
