"""The benchmarks of comparisons run, and what they measure finds what the floor finds: at 2,000 order lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import incremental, three_way
from bench.three_way_data import generate

LINES = 2_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The records as files, and in a store."""
    folder = tmp_path_factory.mktemp("bench")
    place = generate(folder, LINES)
    yield place, incremental.build(place, folder / "store", three_way.site_catalog())


def test_what_is_measured_finds_what_the_floor_finds(made: tuple[Path, Path]) -> None:
    place, _ = made
    found = three_way.prepare_ours(place, "bench.three_way")()
    assert found == three_way.prepare_floor(place)() > 0
    assert three_way.prepare_ours(place, "p2p.three_way")() > 0


def test_the_record_store_gives_what_the_floor_finds_in_its_files(made: tuple[Path, Path]) -> None:
    place, target = made
    found = incremental.prepare_full(place, target)()
    assert found == incremental.prepare_floor(place, target)() == three_way.prepare_floor(place)()


def test_one_percent_of_changes_is_compared_alone(made: tuple[Path, Path], tmp_path: Path) -> None:
    place, target = made
    everything = incremental.prepare_full_after(place, target, tmp_path)()
    assert incremental.prepare_changed(place, target, tmp_path, 1)() < everything
