"""A simulated network and an install that reads it, fresh for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.install import opened

from .live import SimulatedNetwork, Site, settings_for, simulated_network


@pytest.fixture
def network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[SimulatedNetwork]:
    """The network at a tenth of its size, its addresses and secrets in the environment. A test may ask for another
    size, or for one that errs by chance.
    """
    asked = getattr(request, "param", 0.1)
    scale, erring = (0.1, True) if asked == "erring" else (float(asked), False)
    with simulated_network(tmp_path / "network", scale=scale, erring=erring) as running:
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def site(network: SimulatedNetwork, tmp_path: Path) -> Iterator[Site]:
    """An install configured for the network, which has read nothing yet."""
    with opened(settings_for(tmp_path / "instance")) as install:
        yield Site(install)
