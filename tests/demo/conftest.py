"""Small simulated networks on disk, without sockets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from demo.network import Network
from demo.planting import plant_history

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
Build = Callable[..., Network]


@pytest.fixture(scope="session")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, float, bool], Path]:
    """Networks with their history, each made once: `(seed, scale, with faults)` to its home."""

    @cache
    def made(seed: int, scale: float, faults: bool) -> Path:
        home = tmp_path_factory.mktemp("history") / "network"
        network = Network(home, seed, scale, calm=True)
        network.build(NOW)
        if faults:
            plant_history(network, NOW)
        network.remember("counts", network.numbers.counts)
        network.close()
        return home

    return made


@pytest.fixture
def build(tmp_path: Path, histories: Callable[[int, float, bool], Path]) -> Iterator[Build]:
    """Makes networks at `NOW`, with their faults planted unless told otherwise, and opened for reading."""
    made: list[Network] = []

    def make(name: str = "network", *, seed: int = 1, scale: float = 0.1, faults: bool = True) -> Network:
        shutil.copytree(histories(seed, scale, faults), tmp_path / name)
        network = Network(tmp_path / name, seed, scale, calm=True)
        made.append(network)
        network.resume()
        network.open(NOW)
        return network

    yield make
    for network in made:
        network.close()
