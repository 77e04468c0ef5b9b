"""What a feed remembers of the files it has read: the watermark of the `files` connector.

Files are known by content, not by name: one sent again under another name is not read again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .drop import Delivered

REMEMBERED = 500
"""Digests kept beside those of the files that still lie there."""


@dataclass
class Memory:
    """`digests`: contents read, oldest first. `present`: name -> [size, time, digest] of files left there."""

    digests: list[str] = field(default_factory=list)
    present: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, watermark: str | None) -> Memory:
        held = json.loads(watermark) if watermark else {}
        return cls(list(held.get("digests", [])), dict(held.get("present", {})))

    def digest_of(self, file: Delivered) -> str | None:
        """The digest of a file that has not been touched since it was read."""
        *stamp, digest = self.present.get(file.name, [None])
        return digest if stamp == file.stamp else None

    def knows(self, digest: str) -> bool:
        return digest in self.digests

    def add(self, file: Delivered, digest: str, *, left_there: bool) -> None:
        if digest in self.digests:
            self.digests.remove(digest)
        self.digests.append(digest)
        if left_there:
            self.present[file.name] = [*file.stamp, digest]

    def forget_all_but(self, files: list[Delivered]) -> None:
        """Drop files that are gone and the oldest digests, but none of a file that still lies there."""
        names = {file.name for file in files}
        self.present = {name: held for name, held in self.present.items() if name in names}
        needed = {held[-1] for held in self.present.values()}
        spare = len(self.digests) - REMEMBERED
        self.digests = [d for n, d in enumerate(self.digests) if n >= spare or d in needed]

    def watermark(self) -> str | None:
        if not self.digests:
            return None
        return json.dumps({"digests": self.digests, **({"present": self.present} if self.present else {})})
