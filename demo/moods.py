"""How the systems misbehave: outages at settable times, slow answers, 429s and transient 500s.

Knows systems only by name. Outages are wall-clock spans and survive a restart through the state file.
"""

from __future__ import annotations

import json
import random
import threading
import time
from pathlib import Path

from flask import Response

SYSTEMS = ("erp", "procurement", "ap_automation", "wms")


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
        """What the system says instead of an answer, if anything."""
        if self.holds("outage", system):
            return Response(
                "<html><body><h1>Service unavailable</h1></body></html>", 503, content_type="text/html"
            )
        if self.holds("slow", system):
            time.sleep(1.5)
        if self.chance(0.02):
            return Response("Internal error, please try again", 500, content_type="text/plain")
        return None

    def describe(self) -> dict[str, list[str]]:
        """The moods that hold now, by system."""
        return {system: [mood for mood in self._spans if self.holds(mood, system)] for system in SYSTEMS}
