"""A path into nested values means in SQL what it means in plain Python, whatever the value is."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from exceptions_app.catalog.expression_sql import literal
from exceptions_app.catalog.json_path import Pick, Step, sql_of, steps_of

NAMES = st.sampled_from(["a", "b", "0", "x.y", "k=l"])
LEAVES = st.sampled_from(["v", "w", "it's", "", "]", "1", 7, True, False, None])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
PICKS = st.builds(
    lambda names, text: Pick(tuple(names), text),
    st.lists(NAMES, min_size=1, max_size=2),
    st.sampled_from(["v", "w", "it's", "]", "7", "true"]),
)
STEPS: st.SearchStrategy[list[Step]] = st.lists(NAMES | st.integers(0, 2) | PICKS, min_size=1, max_size=4)


def quoted(name: str) -> str:
    return f'"{name}"' if name in ("0", "x.y") else name


def written(steps: list[Step]) -> str:
    """The path that somebody would write."""
    text = ""
    for step in steps:
        match step:
            case str():
                text += f"{'.' if text else ''}{quoted(step)}"
            case int():
                text += f"[{step}]"
            case Pick():
                text += f'[{".".join(map(quoted, step.names))}="{step.equals}"]'
    return text


def plain(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def named(value: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def meant(value: Any, steps: list[Step]) -> str | None:
    for step in steps:
        if isinstance(step, str):
            value = named(value, (step,))
            continue
        items = value if isinstance(value, list) else [value]
        if isinstance(step, int):
            value = items[step] if step < len(items) else None
        else:
            value = next((item for item in items if plain(named(item, step.names)) == step.equals), None)
    return plain(value)


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@settings(max_examples=150, deadline=None)
@given(value=VALUES, steps=STEPS)
def test_a_path_means_in_sql_what_it_means_in_python(
    con: duckdb.DuckDBPyConnection, value: Any, steps: list[Step]
) -> None:
    path = written(steps)
    assert list(steps_of(path)) == steps
    text = json.dumps(value)
    row = con.execute(
        f"SELECT {sql_of('doc', steps_of(path), literal)} FROM (SELECT $1 AS doc)", [text]
    ).fetchone()
    assert row == (meant(value, steps),), (text, path)
