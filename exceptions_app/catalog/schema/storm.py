"""When a run of a check would open so much that a person looks first."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from .base import Shape


class Storm(Shape):
    """More than `at_least`, and more than `times` the largest of the last `runs` complete runs: the run is held.

    Counted in each scope by itself. A scope without a complete run has no history, and nothing is held there.
    """

    at_least: int = Field(default=200, ge=1, description="up to so many openings are never a storm")
    times: Decimal = Field(
        default=Decimal(5), ge=1, description="so many times the largest run of the history"
    )
    runs: int = Field(default=20, ge=1, le=1000, description="so many complete runs are the history")

    def limit(self, largest: int) -> int:
        """How many openings are let through after runs that opened at most `largest`."""
        return max(self.at_least, int(self.times * largest))
