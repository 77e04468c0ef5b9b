"""Servers that a test starts, and waits that are recorded instead of waited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from loopback import Handler, Loopback


@pytest.fixture
def serve() -> Iterator[Callable[..., Loopback]]:
    """Start a server for this test: `serve(handler, keep=False)`."""
    servers: list[Loopback] = []

    def start(handler: Handler, *, keep: bool = False) -> Loopback:
        servers.append(Loopback(handler, keep=keep))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, in seconds: recorded, not waited."""
    recorded: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=recorded.append))
    return recorded
