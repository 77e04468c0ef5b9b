"""Which entities are compared together: those that are alike, up to a bound, each in one group."""

from __future__ import annotations

import pytest

from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import closing_session, quoted
from exceptions_app.reconcile.sides import ENTITIES
from jobs.grouping import LEAST, MOST, Group, grouped
from jobs.scope_views import lines_sql


def _grouped(rows: dict[str, int], lanes: int = 2, apart: str = "") -> list[Group]:
    return grouped(list(rows), lambda scope: scope in apart, lambda some: {s: rows[s] for s in some}, lanes)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"A": 10, "B": 0, "C": 10}, [("A", "B", "C")]),
        ({"A": LEAST // 2, "B": LEAST // 2, "C": 1}, [("A", "B"), ("C",)]),
        ({"A": MOST, "B": 1, "C": MOST + 1, "D": 1}, [("A",), ("B",), ("C",), ("D",)]),
        ({"A": 80_000, "B": 80_000, "C": 80_000, "D": 80_000}, [("A", "B"), ("C", "D")]),
    ],
    ids=["small ones", "as many as the bound", "large ones are alone", "shared out among lanes"],
)
def test_entities_are_together_up_to_a_bound(rows: dict[str, int], expected: list[Group]) -> None:
    assert _grouped(rows) == expected


def test_what_is_not_alike_is_apart_and_groups_stand_in_the_order_of_their_first() -> None:
    assert _grouped(dict.fromkeys("ABCD", 5), apart="BD") == [("A", "C"), ("B", "D")]


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["A"], [("1",), ("3",)]),
        (["A", "B"], [("A", "1"), ("A", "3"), ("B", "2"), ("B", "3")]),
        ([NETWORK_SCOPE], [("3",), ("4",)]),
    ],
)
def test_a_line_without_an_entity_is_probed_in_each(
    scopes: list[str], expected: list[tuple[str, ...]]
) -> None:
    with closing_session() as con:
        con.execute("CREATE TEMP TABLE told (entity VARCHAR, c0 VARCHAR)")
        con.execute("INSERT INTO told VALUES ('A', '1'), ('B', '2'), (NULL, '3'), ('*', '4')")
        con.execute(f"CREATE TEMP VIEW {quoted(ENTITIES)} AS SELECT UNNEST(['A', 'B']) AS entity")
        assert sorted(con.execute(lines_sql("told", scopes)).fetchall()) == expected
