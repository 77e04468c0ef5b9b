"""How the systems misbehave: outages at settable times, slow answers, 429s and transient 500s, and what goes wrong
with writes.

Knows systems only by name. Outages are wall-clock spans and survive a restart through the state file; troubles of
writes are counted, and forgotten at a restart.
"""

from __future__ import annotations

import json
import random
import threading
import time
from pathlib import Path

from flask import Response

from .systems.pages import is_page

SYSTEMS = (
    "erp", "procurement", "ap_automation", "wms", "portal", "hcm", "identity", "payroll", "erp_ledger", "wms_stock",
    "recall_list", "grants", "middleware",
)  # fmt: skip
TROUBLES = {
    "busy": "429 with Retry-After, and nothing is done",
    "unavailable": "503, and nothing is done",
    "lose": "the connection is cut before anything is done",
    "drop": "the connection is cut after it was done",
    "late": "it is done, and the answer comes late",
}
"""What can happen to a write."""
_TIME_OUT = 25.0


class Moods:
    """The state of health of every system. `calm`: nothing by chance, only what is asked for."""

    def __init__(self, path: Path, seed: int, *, calm: bool = False) -> None:
        self._path, self._calm, self._random, self._lock = (
            path,
            calm,
            random.Random(f"moods {seed}"),
            threading.Lock(),
        )
        self._requests = 0
        self._troubles: dict[tuple[str, str], tuple[int, float]] = {}
        self._spans: dict[str, dict[str, float]] = {"outage": {}, "slow": {}}
        if path.exists():
            self._spans.update(json.loads(path.read_text(encoding="utf-8")))

    def chance(self, probability: float) -> bool:
        """True with this probability; never in a calm network."""
        with self._lock:
            return not self._calm and self._random.random() < probability

    def throttled(self) -> bool:
        """True for every 23rd request: the caller should come again in a second."""
        with self._lock:
            self._requests += 1
            return not self._calm and self._requests % 23 == 0

    def set(self, mood: str, system: str, seconds: float, after: float = 0.0) -> None:
        """Put a system out of order (`outage`) or make it late (`slow`), `after` seconds from now."""
        if mood not in self._spans or system not in SYSTEMS:
            raise ValueError(
                f"no mood {mood!r} of {system!r}; moods are outage and slow, systems {', '.join(SYSTEMS)}"
            )
        with self._lock:
            start = time.time() + after
            self._spans[mood] |= {f"{system}:from": start, f"{system}:until": start + seconds}
            self._path.write_text(json.dumps(self._spans), encoding="utf-8")

    def holds(self, mood: str, system: str) -> bool:
        """Whether a system is in this mood now."""
        span = self._spans[mood]
        return span.get(f"{system}:from", 0.0) <= time.time() < span.get(f"{system}:until", 0.0)

    def answer(self, system: str) -> Response | None:
        """What the system says instead of an answer, if anything; by chance to programs only."""
        if self.holds("outage", system):
            return Response(
                "<html><body><h1>Service unavailable</h1></body></html>", 503, content_type="text/html"
            )
        if self.holds("slow", system):
            time.sleep(1.5)
        if not is_page() and self.chance(0.02):
            return Response("Internal error, please try again", 500, content_type="text/plain")
        return None

    def trouble(self, system: str, what: str, count: int, seconds: float = 1.0) -> None:
        """The next `count` writes of a system meet a trouble (-1: all from now on, 0: none any more).

        `seconds`: the `Retry-After` of `busy`, how late the answer of `late` is.
        """
        if what not in TROUBLES or system not in SYSTEMS:
            known = f"troubles are {', '.join(TROUBLES)}, systems {', '.join(SYSTEMS)}"
            raise ValueError(f"no trouble {what!r} of {system!r}; {known}")
        with self._lock:
            self._troubles[system, what] = (count, seconds)

    def troubles(self) -> dict[str, dict[str, int]]:
        """How many writes of each system will still meet each trouble."""
        with self._lock:
            left = {key: count for key, (count, _) in self._troubles.items() if count}
        return {
            system: {what: count for (of, what), count in left.items() if of == system} for system in SYSTEMS
        }

    def _meets(self, system: str, what: str) -> float | None:
        """The seconds of a trouble that this write meets, and one less is left of it."""
        with self._lock:
            count, seconds = self._troubles.get((system, what), (0, 0.0))
            if count == 0:
                return None
            self._troubles[system, what] = (max(count - 1, -1), seconds)
            return seconds

    def before_write(self, system: str) -> Response | None:
        """What a system says to a write that it does not take now, if anything."""
        wait = self._meets(system, "busy")
        if wait is not None:
            return Response("Too many requests", 429, {"Retry-After": f"{wait:g}"})
        if self._meets(system, "unavailable") is not None:
            return Response("Service unavailable", 503, content_type="text/plain")
        return None

    def loses(self, system: str) -> bool:
        """Whether this write is lost on its way."""
        return self._meets(system, "lose") is not None

    def drops(self, system: str) -> bool:
        """Whether the answer of this write is lost: the procurement suite loses one in fifteen by chance."""
        asked = self._meets(system, "drop") is not None
        return asked or (system == "procurement" and self.chance(1 / 15))

    def linger(self, system: str) -> None:
        """Answer a write late where that is asked for; AP automation always takes its time."""
        seconds = self._meets(system, "late")
        if seconds is None and system == "ap_automation" and not self._calm:
            seconds = _TIME_OUT if self.chance(1 / 40) else 0.8
        if seconds:
            time.sleep(seconds)

    def describe(self) -> dict[str, list[str]]:
        """The moods that hold now, by system."""
        return {system: [mood for mood in self._spans if self.holds(mood, system)] for system in SYSTEMS}
