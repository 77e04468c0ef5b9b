"""Servers that a test starts, and waits that are recorded instead of waited."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from loopback import Handler, Loopback

from exceptions_app.connectors.rest import allowance


@pytest.fixture
def serve() -> Iterator[Callable[..., Loopback]]:
    """Start a server for this test: `serve(handler, keep=False)`."""
    servers: list[Loopback] = []

    def start(handler: Handler, *, keep: bool = False, tls: ssl.SSLContext | None = None) -> Loopback:
        servers.append(Loopback(handler, keep=keep, tls=tls))
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


@pytest.fixture(autouse=True)
def rested() -> None:
    """No system is left in peace because of what an earlier test did to it."""
    allowance.forget()
