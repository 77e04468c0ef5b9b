"""How hard a test tries: what `make test` has time for, and what `make test-all` takes."""

from __future__ import annotations

import os


def examples(short: int, whole: int) -> int:
    """So many examples of a property."""
    return whole if os.environ.get("TESTS") == "all" else short
