"""What intake is told about a run, what it plans, and what it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.lifecycle import EndReason

CHUNK = 5_000
"""The most rows that one transaction of an intake touches."""


class ProbedKey(Protocol):
    """What the records say about a key that is no longer found wrong (`reconcile.probe`)."""

    @property
    def present(self) -> bool: ...
    @property
    def fetched_at(self) -> datetime | None: ...
    @property
    def changed_at(self) -> datetime | None: ...


Probe = Callable[[Sequence[Mapping[str, str]]], Mapping[str, ProbedKey]]
"""Business keys in; what was found out, by the key's canonical JSON."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One check run in one scope, as far as intake needs it.

    `complete`: every side's last sync run is complete. `read_through`: the earliest start of those reads.
    `lag`: the largest of the sides' feeds. `proves_absence`: every feed behind the check is a snapshot or
    keys and changes. `check_changed`: the check, or a crosswalk it uses, is not what it was in the previous
    run. `superseded`: the fingerprints of this check that were found but gave way to a more specific cause
    on the same line. `unjudged` says of an exception (entity, business key, evidence) that nothing can be said of its
    key now; None: of all, something can. `probed` says of an exception (business key) that an incremental run looked at
    its lines; None: at all were looked.
    """

    check: str
    scope: str
    check_run_id: int | None
    complete: bool
    read_through: datetime | None
    lag: timedelta = timedelta(0)
    proves_absence: bool = True
    check_changed: bool = False
    superseded: frozenset[bytes] = frozenset()
    unjudged: Callable[[str, str, str], bool] | None = None
    probed: Callable[[str], bool] | None = None

    def read_after(self, at: datetime | None) -> bool:
        """Whether this run can confirm what was claimed at that time: complete, all sides read later
        plus lag.
        """
        return (
            self.complete
            and at is not None
            and self.read_through is not None
            and self.read_through > at + self.lag
        )


class StepKind(StrEnum):
    CHANGED = "changed"
    NOT_CONFIRMED = "not_confirmed"
    CONFIRMED = "confirmed"
    RECURRED = "recurred"
    RETURNED = "returned"
    UNWAIVED = "unwaived"
    CLOSED = "closed"


REOPENING = frozenset({StepKind.NOT_CONFIRMED, StepKind.RECURRED, StepKind.RETURNED, StepKind.UNWAIVED})
"""What puts an exception back into its queue."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one exception, provided that it is still at this version. `why`: for its trail."""

    kind: StepKind
    case_id: int
    version: int
    found: Discrepancy | None = None
    reason: EndReason | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class IntakeCounts:
    """What an intake did. `skipped`: a person was faster; the next run looks again."""

    opened: int = 0
    changed: int = 0
    seen: int = 0
    reopened: int = 0
    closed: int = 0
    confirmed: int = 0
    superseded: int = 0
    skipped: int = 0

    def __add__(self, other: IntakeCounts) -> IntakeCounts:
        return IntakeCounts(
            self.opened + other.opened, self.changed + other.changed, self.seen + other.seen,
            self.reopened + other.reopened, self.closed + other.closed, self.confirmed + other.confirmed,
            self.superseded + other.superseded, self.skipped + other.skipped,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one transaction does."""

    run: RunFacts
    new: tuple[Discrepancy, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class IntakePlan:
    """What the run means for the exceptions of its scope. `counts` holds what needs no writing (seen)."""

    run: RunFacts
    new: list[Discrepancy] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    counts: IntakeCounts = IntakeCounts()

    def chunks(self, size: int = CHUNK) -> Iterator[Chunk]:
        """One transaction each. After a crash, planning the same run again leaves what is still to do."""
        for start in range(0, len(self.new), size):
            yield Chunk(self.run, new=tuple(self.new[start : start + size]))
        for start in range(0, len(self.steps), size):
            yield Chunk(self.run, steps=tuple(self.steps[start : start + size]))
