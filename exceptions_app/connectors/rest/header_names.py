"""Which headers a configuration may write. Knows no requests."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")


def checked(headers: dict[str, str], own: AbstractSet[str]) -> dict[str, str]:
    """The headers as given. Raises ValueError naming one that cannot be, or that is among our `own` (small letters)."""
    for name, value in headers.items():
        if not HEADER.match(name):
            raise ValueError(f"{name!r} is no name of a header")
        if name.lower() in own:
            raise ValueError(f"the header {name} is written by the connector itself")
        if "\n" in value or "\r" in value:
            raise ValueError(f"the header {name} has a line break")
    return headers
