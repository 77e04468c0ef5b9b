"""What a feed remembers of the files it has read: the watermark of the `files` connector.

Files are known by content, not by name: one sent again under another name is not read again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from exceptions_app.domain.instant import iso

from .drop import Delivered

REMEMBERED = 500
"""Digests kept beside those of the files that still lie there."""


@dataclass
class Memory:
    """`digests`: contents read, oldest first. `present`: name -> [size, time, digest] of files left there.
    `through`: when the newest file that was read whole had been delivered.
    """

    digests: list[str] = field(default_factory=list)
    present: dict[str, list[Any]] = field(default_factory=dict)
    through: datetime | None = None

    @classmethod
    def of(cls, watermark: str | None) -> Memory:
        held = json.loads(watermark) if watermark else {}
        through = held.get("through")
        return cls(
            list(held.get("digests", [])),
            dict(held.get("present", {})),
            datetime.fromisoformat(through) if through else None,
        )

    def digest_of(self, file: Delivered) -> str | None:
        """The digest of a file that has not been touched since it was read."""
        *stamp, digest = self.present.get(file.name, [None])
        return digest if stamp == file.stamp else None

    def knows(self, digest: str) -> bool:
        return digest in self.digests

    def add(self, file: Delivered, digest: str, delivered_at: datetime, *, left_there: bool) -> None:
        self.through = delivered_at if self.through is None else max(self.through, delivered_at)
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
        held: dict[str, Any] = {"digests": self.digests}
        if self.present:
            held["present"] = self.present
        if self.through:
            held["through"] = iso(self.through)
        return json.dumps(held)
