"""The tests that every connector and every file format must pass, for pytest: the shipped ones and another package's.

    from exceptions_app.connectors.contract import ConnectorContract

    class TestAcme(ConnectorContract):
        @pytest.fixture
        def bench(self, tmp_path): return AcmeBench(tmp_path)

Needs nothing but pytest to collect it; knows no shipped connector.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .base import (
    Again,
    CannotReadAgainError,
    Connector,
    FeedContentError,
    Page,
    RawRow,
    ReadsAgain,
    RowProblem,
    TransportError,
)
from .files.content import Content, fetch
from .plugin import ConnectorType, FileFormat, Shape

LONGEST_PLACE = 300


class Bench(Protocol):
    """A real source that can be added to and broken. Each connector it makes reads the same rows again."""

    def add(self, key: str, at: str) -> None:
        """A row whose field `key` is `key`, changed at `at` (`HH:MM`, all on one day in the past)."""
        ...

    def breaks(self) -> None:
        """From now on it answers nonsense, or nothing."""
        ...

    def connect(self) -> Connector:
        """A new connector for one run; the field `key` of its rows is the key."""
        ...


class ConnectorContract:
    """What `connectors/base.py` promises of a connector. A subclass gives the fixture `bench`."""

    def test_it_is_a_connector(self, bench: Bench) -> None:
        source = bench.connect()
        assert isinstance(source, Connector)
        assert isinstance(source.read(None), Iterator)

    def test_everything_is_read_once_with_places_that_differ(self, bench: Bench) -> None:
        _fill(bench, 5)
        pages = list(bench.connect().read(None))
        assert sorted(keys(pages)) == ["k0", "k1", "k2", "k3", "k4"]
        places = [row.position for page in pages for row in page.rows]
        assert len(set(places)) == 5
        assert all(places)
        assert all(len(place) <= LONGEST_PLACE for place in places)

    def test_values_are_never_binary_fractions(self, bench: Bench) -> None:
        bench.add("k", "10:00")
        rows = [row for page in bench.connect().read(None) for row in page.rows]
        assert all(isinstance(row, RawRow) for row in rows)
        assert _exact(rows)

    def test_the_watermark_resumes(self, bench: Bench) -> None:
        bench.add("old", "10:00")
        mark = list(bench.connect().read(None))[-1].watermark
        assert isinstance(mark, str)
        bench.add("new", "11:00")
        assert keys(list(bench.connect().read(mark))).count("new") == 1

    def test_reading_the_same_watermark_again_gives_the_same(self, bench: Bench) -> None:
        _fill(bench, 3)
        assert _told(bench.connect().read(None)) == _told(bench.connect().read(None))

    def test_a_quiet_source_keeps_its_watermark(self, bench: Bench) -> None:
        bench.add("k", "10:00")
        mark = list(bench.connect().read(None))[-1].watermark
        assert {page.watermark for page in bench.connect().read(mark)} <= {mark}

    def test_all_keys_may_be_unknown_but_is_never_an_error(self, bench: Bench) -> None:
        bench.add("k", "10:00")
        listed = bench.connect().all_keys()
        assert listed is None or [row.values["key"] for row in listed] == ["k"]

    def test_acknowledge_and_close_are_safe_to_repeat_and_in_the_middle_of_a_read(self, bench: Bench) -> None:
        _fill(bench, 5)
        source = bench.connect()
        next(source.read(None))
        for _ in range(2):
            source.acknowledge()
            source.close()
        bench.connect().close()

    def test_what_a_run_read_is_read_again_where_it_can_be(self, bench: Bench) -> None:
        _fill(bench, 3)
        mark = list(bench.connect().read(None))[-1].watermark
        bench.add("later", "12:00")
        source = bench.connect()
        if not isinstance(source, ReadsAgain):
            return
        again = Again(before=None, after=mark)
        cannot = failure_of(lambda: list(source.read_again(again)))
        if cannot is not None:
            assert isinstance(cannot, CannotReadAgainError), cannot
            assert str(cannot)
        else:
            assert {"k0", "k1", "k2"} <= set(keys(list(bench.connect().read_again(again))))  # type: ignore[attr-defined]

    def test_errors_say_where_and_come_after_what_could_be_read(self, bench: Bench) -> None:
        bench.add("k", "10:00")
        bench.breaks()
        broken = failure_of(lambda: list(bench.connect().read(None)))
        assert isinstance(broken, TransportError | FeedContentError), broken
        assert broken.where
        assert broken.message
        assert broken.where in str(broken)


class FileFormatContract:
    """What a file format promises. A subclass gives the fixtures `file_format`, `good` and `garbage` (bytes of a file
    with at least two rows, and of one that is none), and `given` where the format needs `format_options`.
    """

    def given(self) -> dict[str, Any]:
        """The feed's `format_options`."""
        return {}

    def test_every_row_has_a_place_of_its_own(self, file_format: FileFormat, good: bytes) -> None:
        rows = self._rows(file_format, good)
        assert len({row.position for row in rows}) == len(rows) >= 2
        assert all(0 < len(row.position) <= LONGEST_PLACE for row in rows)

    def test_numbers_stay_exact(self, file_format: FileFormat, good: bytes) -> None:
        assert _exact([row for row in self._rows(file_format, good) if isinstance(row, RawRow)])

    def test_a_file_can_be_read_twice(self, file_format: FileFormat, good: bytes) -> None:
        content = content_of("sample", good)
        options = self._options(file_format)
        assert list(file_format.read(content, options)) == list(file_format.read(content, options))

    def test_what_is_no_such_file_is_refused(self, file_format: FileFormat, garbage: bytes) -> None:
        broken = failure_of(lambda: self._rows(file_format, garbage))
        if broken is None:
            rows = self._rows(file_format, garbage)
            assert rows, "garbage was read as a file without rows"
            assert all(isinstance(row, RowProblem) for row in rows)
        else:
            assert isinstance(broken, FeedContentError | ValueError), broken

    def test_its_options_refuse_what_they_do_not_know(self, file_format: FileFormat) -> None:
        if file_format.options is not None:
            model = file_format.options
            assert failure_of(lambda: model.model_validate({**self.given(), "nonsense": 1})) is not None

    def _rows(self, file_format: FileFormat, data: bytes) -> list[RawRow | RowProblem]:
        return list(file_format.read(content_of("sample", data), self._options(file_format)))

    def _options(self, file_format: FileFormat) -> Any:
        return None if file_format.options is None else file_format.options.model_validate(self.given())


def check_type(connector: ConnectorType) -> None:
    """Its option models refuse what they do not know, and say what they are for."""
    for model in connector.models:
        assert issubclass(model, Shape), model
        assert model.__doc__, model
        refused = failure_of(lambda model=model: model.model_validate({"nonsense": 1}))  # type: ignore[misc]
        assert refused is not None, model
        assert "nonsense" in str(refused), model


def content_of(name: str, data: bytes) -> Content:
    """A file as a format gets it."""
    return fetch(io.BytesIO(data), name, "none")


def keys(pages: list[Page]) -> list[str]:
    """The field `key` of every row."""
    return [row.values["key"] for page in pages for row in page.rows]


def failure_of(act: Callable[[], object]) -> Exception | None:
    """What it raises, if it does."""
    try:
        act()
    except Exception as error:
        return error
    return None


def _fill(bench: Bench, count: int) -> None:
    for number in range(count):
        bench.add(f"k{number}", f"10:0{number}")


def _told(pages: Iterator[Page]) -> list[tuple[object, ...]]:
    return [(list(page.rows), page.problems, page.watermark) for page in pages]


def _exact(rows: list[RawRow]) -> bool:
    return not any(isinstance(value, float | dict | list) for row in rows for value in row.values.values())
