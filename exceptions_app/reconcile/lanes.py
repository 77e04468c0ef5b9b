"""Work done side by side: while Python makes evidence of one scope, the engine compares another.

DuckDB lets go of the interpreter while it works, and an entity is often too small for more than one of its
threads; one that is large has work for all of them. A lane is what one piece of work at a time is done in: a connection
of its own. Knows no SQL.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

Lane = TypeVar("Lane")
Piece = TypeVar("Piece", bound=Hashable)
Result = TypeVar("Result")

_TURN = 0.0002
"""Seconds of a thread's turn in Python. The engine asks for the interpreter between any two of its tasks, and would
stand still for the usual 5 ms each time that another lane makes evidence (bench/three_way.py: 6 % of the whole)."""


def side_by_side(
    lanes: Sequence[Lane],
    pieces: Sequence[Piece],
    work: Callable[[Lane, Piece], Result],
    go_on: Callable[[], None] = lambda: None,
    busy: Callable[[int], None] = lambda _: None,
) -> dict[Piece, Result]:
    """The result of each piece, in the order of `pieces`; at most one at a time in each lane.

    `go_on` is asked in the caller's thread before each piece, and raises to stop; what it raises, or the first
    error of `work`, is raised here once what is under way has ended. Nothing further begins.
    `busy` is told how many lanes are at work: as many as can be at first, fewer when pieces run out, none at last.
    """
    free, found, pending = SimpleQueue[Lane](), dict[Piece, Result](), dict[Future[Result], Piece]()
    for lane in lanes:
        free.put(lane)

    def in_lane(piece: Piece) -> Result:
        lane = free.get()
        try:
            return work(lane, piece)
        finally:
            free.put(lane)

    def collect() -> None:
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            found[pending.pop(future)] = future.result()

    pool = ThreadPoolExecutor(len(lanes), thread_name_prefix="lane")
    with _short_turns():
        try:
            busy(min(len(lanes), len(pieces)))
            for piece in pieces:
                # One waits its turn, so that no lane stands idle until this thread is scheduled again.
                if len(pending) > len(lanes):
                    collect()
                go_on()
                pending[pool.submit(in_lane, piece)] = piece
            while pending:
                collect()
                busy(min(len(lanes), len(pending)))
        finally:
            pool.shutdown(cancel_futures=True)
            busy(0)
    return {piece: found[piece] for piece in pieces}


def one_after_another(
    pieces: Sequence[Piece],
    work: Callable[[Piece], Callable[[], Result]],
    go_on: Callable[[], None] = lambda: None,
) -> dict[Piece, Result]:
    """For pieces that would need too much memory side by side: each is worked on in the caller's thread, and what
    `work` leaves to do of it, in Python, is done in another while the next is worked on. `go_on` as in `side_by_side`.
    """
    found, before = dict[Piece, Result](), list[tuple[Piece, Future[Result]]]()
    with _short_turns(), ThreadPoolExecutor(1, thread_name_prefix="beside") as beside:
        for piece in pieces:
            go_on()
            rest = work(piece)
            found |= {done: future.result() for done, future in before}
            before = [(piece, beside.submit(rest))]
        return found | {done: future.result() for done, future in before}


@contextmanager
def _short_turns() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, _TURN))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
