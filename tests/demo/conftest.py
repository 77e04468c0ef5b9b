"""Small simulated networks on disk, without sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.network import Network
from demo.planting import plant_history

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
Build = Callable[..., Network]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Makes networks at `NOW`, with their faults planted unless told otherwise, and opened for reading."""
    made: list[Network] = []

    def make(name: str = "network", *, seed: int = 1, scale: float = 0.1, faults: bool = True) -> Network:
        network = Network(tmp_path / name, seed, scale, calm=True)
        made.append(network)
        network.build(NOW)
        if faults:
            plant_history(network, NOW)
        network.open(NOW)
        return network

    yield make
    for network in made:
        network.close()
