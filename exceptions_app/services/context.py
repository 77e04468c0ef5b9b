"""Who acts, when, and under which configuration: what every write needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from exceptions_app.catalog.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a job. `str()` is how the trail names it: `user:12`, `job:poll`."""

    kind: Literal["user", "job", "system"]
    name: str
    id: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.name if self.id is None else self.id}"


@dataclass(frozen=True, slots=True)
class ActionContext:
    """`now` is aware UTC; `snapshot_id` is the configuration in force; `correlation_id` ties what
    belongs together.
    """

    catalog: Catalog
    now: datetime
    actor: Actor
    snapshot_id: int
    correlation_id: str
