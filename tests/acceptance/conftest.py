"""A simulated network and an install that reads it: fresh for each test, or as one pass has left both of them.

A pass over all systems is what these tests cost. It is made once; tests start from copies, or only look.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exceptions_app.domain.instant import utc_now
from jobs.commands.past import remember
from jobs.install import opened

from .live import SimulatedNetwork, Site, settings_for, simulated_network


@pytest.fixture(scope="session")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`network` and `instance`: all systems at a quarter of their size, which err by chance, read and compared once;
    nothing running.
    """
    home = tmp_path_factory.mktemp("read-once")
    with (
        simulated_network(home / "network", scale=0.25, erring=True) as running,
        _named(running),
        opened(settings_for(home / "instance")) as install,
    ):
        remember(install, running.past, utc_now())
        Site(install).one_pass()
    (home / "network" / "network.json").unlink(missing_ok=True)
    return home


@pytest.fixture
def seen(read_once: Path) -> Iterator[tuple[SimulatedNetwork, Site]]:
    """The network's ledger and the install that has read it, to look at only: nothing is running."""
    with opened(settings_for(read_once / "instance")) as install:
        yield SimulatedNetwork(read_once / "network", {}, ""), Site(install)


@pytest.fixture
def network(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SimulatedNetwork]:
    """A network whose install has read it once; its addresses and secrets are in the environment. A test may ask for
    a `new` one instead, or one of another size: nobody has read these. None of them errs.
    """
    asked = getattr(request, "param", "read")
    if asked == "read":
        shutil.copytree(request.getfixturevalue("read_once"), tmp_path, dirs_exist_ok=True)
    scale = asked if isinstance(asked, float) else 0.1
    with simulated_network(tmp_path / "network", scale=scale) as running, _named(running):
        yield running


@pytest.fixture
def site(network: SimulatedNetwork, tmp_path: Path) -> Iterator[Site]:
    """The install of the network."""
    with opened(settings_for(tmp_path / "instance")) as install:
        yield Site(install)


@contextmanager
def _named(running: SimulatedNetwork) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running.env.items():
            patch.setenv(name, value)
        yield
