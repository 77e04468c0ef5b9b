"""A large file that is read by the engine gives what the careful reader gives, whatever stands in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exceptions_app.connectors.base import FeedContentError, RawRow, RowProblem
from exceptions_app.connectors.columnar import ColumnRows
from exceptions_app.connectors.files import formats, stretches
from exceptions_app.connectors.files.content import fetch
from exceptions_app.connectors.files.options import FilesRead

FIELD = st.sampled_from(
    ["1", "two", "", " x ", '"q"', '"a,b"', '"two\nlines"', '"say ""so"""', '5" pipe', '"open', '"x" y', "ü", ' "z"',
     "TRL", "a\tb", "\t"]
)  # fmt: skip
LINE = st.lists(FIELD, min_size=0, max_size=4).map(",".join)


def read(data: bytes, place: Path, **options: Any) -> list[tuple[Any, ...]]:
    path = place / "r.csv"
    path.write_bytes(data)
    with path.open("rb") as stream:
        content = fetch(stream, "r.csv", "none")
    found: list[tuple[Any, ...]] = []
    try:
        for item in formats.read_csv(content, FilesRead.model_validate({"pattern": "*", **options})):
            for one in item if isinstance(item, ColumnRows) else [item]:
                found.append(_plain(one))
    except FeedContentError as error:
        found.append(("refused", str(error)))
    content.close()
    return found


def _plain(item: RawRow | RowProblem) -> tuple[Any, ...]:
    if isinstance(item, RowProblem):
        return item.position, item.reason, item.raw_text
    return item.position, {name: (value or "").strip() for name, value in item.values.items()}


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    lines=st.lists(LINE, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    size=st.integers(1, 60),
    trailer=st.booleans(),
)
def test_stretches_give_what_the_careful_reader_gives(
    lines: list[str], end: str, last: bool, size: int, trailer: bool, tmp_path: Path
) -> None:
    data = (end.join(["a,b,c", *lines]) + (end if last else "")).encode()
    options: dict[str, Any] = {"trailer": {"first_field": "TRL"}} if trailer else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "STRETCH", size)
        patch.setattr(formats, "LARGE", 0)
        by_stretches = read(data, tmp_path, **options)
        patch.setattr(formats, "LARGE", 1 << 40)
        assert by_stretches == read(data, tmp_path, **options)


def test_a_bad_line_costs_the_engine_its_own_stretch_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "STRETCH", 1000)
    monkeypatch.setattr(formats, "LARGE", 0)
    good = "".join(f"{number},x\n" for number in range(1, 2001))
    path = tmp_path / "r.csv"
    path.write_text("a,b\n" + good + "only one\n" + good)
    with path.open("rb") as stream:
        items = list(formats.read_csv(fetch(stream, "r.csv", "none"), FilesRead(pattern="*")))
    blocks = [item for item in items if isinstance(item, ColumnRows)]
    problems = [item for item in items if isinstance(item, RowProblem)]
    assert [(p.position, p.reason) for p in problems] == [("r.csv:2002", "1 fields, expected 2")]
    assert sum(map(len, blocks)) > 3500
    assert sum(map(len, blocks)) + sum(isinstance(item, RawRow) for item in items) == 4000


def test_columns_behave_as_the_list_of_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LARGE", 0)
    path = tmp_path / "r.csv"
    path.write_text(f"a,b{os.linesep}1,x{os.linesep}2,y{os.linesep}")
    with path.open("rb") as stream:
        (block,) = formats.read_csv(fetch(stream, "r.csv", "none"), FilesRead(pattern="*"))
    assert isinstance(block, ColumnRows)
    assert (len(block), block[1], block[-1].position) == (
        2,
        RawRow("r.csv:3", {"a": "2", "b": "y"}),
        "r.csv:3",
    )
    assert block[0:2] == list(block) == block
    with pytest.raises(IndexError):
        block[2]
