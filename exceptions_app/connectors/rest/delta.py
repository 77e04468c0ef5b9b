"""Where the next read begins, as the source itself says it at the end of a list: a delta link or a sync token.

Knows no HTTP. The watermark of such a feed is what the source gave, and nothing is read into it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ..base import FeedContentError
from .asking import Part
from .bodies import Body
from .delta_options import RestDelta
from .paging import Batch, Follow


@dataclass(slots=True)
class Delta:
    """One read: what it begins with, and what its last page told for the next."""

    options: RestDelta
    follow: Follow
    told: str | None = None

    @staticmethod
    def kept(watermark: str | None) -> str | None:
        """What the last whole read was told; None: begin at the beginning."""
        found = json.loads(watermark).get("delta") if watermark else None
        return found if isinstance(found, str) else None

    def begun(self, part: Part, kept: str) -> tuple[Part, str | None]:
        """The request that begins there, and the whole address where the source gave one."""
        if self.options.param is not None:
            return replace(part, params={**part.params, self.options.param: kept}), None
        if self.options.place == "body":
            return replace(part, fields={"watermark": kept}), None
        return part, kept

    def look_at(self, body: Body, url: str, where: str) -> None:
        """Keep what this page says: the last one that does counts."""
        header = self.options.header
        found = body.headers.get(header) if header else body.at(self.options.field)
        if found in (None, "") or isinstance(found, bool | dict | list):
            return
        said = str(found)
        whole = self.options.param is None and self.options.place == "query"
        self.told = self.follow(said, url, where) if whole else said

    def watermark(self, batch: Batch, before: str | None) -> str | None:
        """What holds after this page: only the last one of a list says where the next read begins."""
        if not batch.last:
            return before
        if self.told is None:
            name = self.options.header or self.options.field
            message = f"its last page has no {name}"
            raise FeedContentError(message, batch.where, "where the next read begins (read.delta)")
        return json.dumps({"delta": self.told})
