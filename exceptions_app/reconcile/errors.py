"""What a check can fail with. What a person can mend is refused when the configuration is loaded."""

from __future__ import annotations


class CheckError(Exception):
    """A check cannot be run: what is wrong, and which part of it."""

    def __init__(self, message: str, part: str) -> None:
        super().__init__(f"{message}: {part}")
        self.part = part
