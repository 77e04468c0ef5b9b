"""Asks for the next page while the present one is being stored, so that reading takes what the source takes."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextvars import copy_context
from queue import Empty, Full, Queue
from typing import TypeVar

Item = TypeVar("Item")
MOST = 8
"""So many pages wait to be worked on."""
_LOOK_UP = 0.5
"""Seconds after which a thread that waits looks whether anybody still wants its page."""


class _End:
    """No more pages: all were given, or this went wrong."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items and the same error at the end; they are fetched while others are worked on. Whoever stops early
    stops the fetching after the request that is under way.
    """
    ready: Queue[Item | _End] = Queue(maxsize=MOST)
    unwanted = threading.Event()

    def put(item: Item | _End) -> None:
        while not unwanted.is_set():
            try:
                ready.put(item, timeout=_LOOK_UP)
            except Full:
                continue
            return

    def fetch() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                put(item)
                if unwanted.is_set():
                    break
        except BaseException as raised:
            error = raised
        finally:
            if isinstance(items, Generator):
                items.close()
        put(_End(error))

    thread = threading.Thread(target=copy_context().run, args=(fetch,), name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = _next(ready, thread)
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        unwanted.set()


def _next(ready: Queue[Item | _End], thread: threading.Thread) -> Item | _End:
    while True:
        try:
            return ready.get(timeout=_LOOK_UP)
        except Empty:
            if not thread.is_alive() and ready.empty():
                return _End(None)
