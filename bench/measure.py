"""The one harness of all benchmarks: fair timing, peak memory, and the JSON line that `make bench` collects.

Every subject runs in fresh processes of its own, taking turns with the others, so that none inherits a warm
cache, a grown heap or a quieter minute. A subject is a module-level function that prepares and returns the
callable to time: preparation is not timed. Must not know what is measured.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Prepare = Callable[..., Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Subject:
    """`prepare(*args)` returns the callable that is timed. Both must survive pickling (module level)."""

    prepare: Prepare
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """Median seconds over all turns, the highest peak of memory, and what the last call returned."""

    seconds: float
    peak_mb: float
    result: Any
    times: tuple[float, ...]


def peak_mb() -> float:
    """The highest resident memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: Linux carries the parent's maximum over fork and exec.
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 / (1024 if sys.platform == "darwin" else 1)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and its result."""
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def _turn(subject: Subject, calls: int, warm: int) -> tuple[list[float], float, Any]:
    call = subject.prepare(*subject.args)
    for _ in range(warm):
        call()
    result: Any = None
    times = []
    for _ in range(calls):
        seconds, result = timed(call)
        times.append(seconds)
    return times, peak_mb(), result


def interleave(
    subjects: Mapping[str, Subject], *, turns: int = 3, calls: int = 3, warm: int = 1
) -> dict[str, Measured]:
    """Each subject takes `turns` turns, each in a fresh process that makes `warm` + `calls` calls."""
    context = multiprocessing.get_context("spawn")
    seen: dict[str, list[tuple[list[float], float, Any]]] = {name: [] for name in subjects}
    for _ in range(turns):
        for name, subject in subjects.items():
            with context.Pool(1) as pool:
                seen[name].append(pool.apply(_turn, (subject, calls, warm)))
    return {name: _summary(found) for name, found in seen.items()}


def _summary(turns: Sequence[tuple[list[float], float, Any]]) -> Measured:
    times = tuple(seconds for found, _, _ in turns for seconds in found)
    return Measured(statistics.median(times), max(peak for _, peak, _ in turns), turns[-1][2], times)


def figure(
    bench: str,
    size: int,
    value: float,
    unit: str,
    *,
    against: str | None = None,
    ratio: float | None = None,
    goal: str | None = None,
    met: bool | None = None,
    peak: float | None = None,
) -> None:
    """Print one figure. `ratio` is against `against`; None where the peer did not run, never quoted."""
    line = {
        "bench": bench,
        "size": size,
        "value": _short(value),
        "unit": unit,
        "against": against,
        "ratio": None if ratio is None else _short(ratio),
        "goal": goal,
        "met": met,
        "peak_mb": None if peak is None else round(peak),
    }
    print(json.dumps(line), flush=True)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
