"""Scopes compared side by side: while Python makes evidence of one, the engine compares another.

DuckDB lets go of the interpreter while it works, and an entity is often too small for more than one of its
threads. A lane is what one scope at a time is compared in: a connection of its own. Knows no SQL.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

Lane = TypeVar("Lane")
Result = TypeVar("Result")

_TURN = 0.0002
"""Seconds of a thread's turn in Python. The engine asks for the interpreter between any two of its tasks, and would
stand still for the usual 5 ms each time that another lane makes evidence (bench/three_way.py: 6 % of the whole)."""


def side_by_side(
    lanes: Sequence[Lane],
    scopes: Sequence[str],
    work: Callable[[Lane, str], Result],
    go_on: Callable[[], None] = lambda: None,
    busy: Callable[[int], None] = lambda _: None,
) -> dict[str, Result]:
    """The result of each scope, in the order of `scopes`; at most one scope at a time in each lane.

    `go_on` is asked in the caller's thread before each scope, and raises to stop; what it raises, or the first
    error of `work`, is raised here once the scopes that are under way have ended. No further one begins.
    `busy` is told how many lanes are at work: as many as can be at first, fewer when scopes run out, none at last.
    """
    free, found, pending = SimpleQueue[Lane](), dict[str, Result](), dict[Future[Result], str]()
    for lane in lanes:
        free.put(lane)

    def in_lane(scope: str) -> Result:
        lane = free.get()
        try:
            return work(lane, scope)
        finally:
            free.put(lane)

    def collect() -> None:
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            found[pending.pop(future)] = future.result()

    pool = ThreadPoolExecutor(len(lanes), thread_name_prefix="lane")
    with _short_turns():
        try:
            busy(min(len(lanes), len(scopes)))
            for scope in scopes:
                # One scope waits its turn, so that no lane stands idle until this thread is scheduled again.
                if len(pending) > len(lanes):
                    collect()
                go_on()
                pending[pool.submit(in_lane, scope)] = scope
            while pending:
                collect()
                busy(min(len(lanes), len(pending)))
        finally:
            pool.shutdown(cancel_futures=True)
            busy(0)
    return {scope: found[scope] for scope in scopes}


@contextmanager
def _short_turns() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, _TURN))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
