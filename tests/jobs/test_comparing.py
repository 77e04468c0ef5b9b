"""One comparison, its entities side by side: the same whatever the threads, and one broken check stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.domain.instant import utc_now
from exceptions_app.duck import closing_session
from exceptions_app.reconcile.engine import begin_check, run_together
from exceptions_app.services import runs
from jobs import comparing, grouping
from jobs.comparing import Comparing
from jobs.findings import Findings
from jobs.flows import feeds_of, standing

from .conftest import Hospital, order, receipt

ENTITIES = ["H01", "H02"]


@pytest.fixture
def read(hospital: Hospital) -> Hospital:
    """Both entities ordered what never came, and what came short."""
    lines = [(number, entity) for number in ("PO-1", "PO-2") for entity in ENTITIES]
    hospital.source("orders", [order(number, entity=entity) for number, entity in lines])
    hospital.source("receipts", [receipt("PO-2", "9", entity=entity) for entity in ENTITIES])
    hospital.poll()
    return hospital


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two entities are compared together."""
    monkeypatch.setattr(grouping, "LEAST", 0)
    monkeypatch.setattr(grouping, "MOST", 0)


@pytest.fixture
def large(apart: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every entity is too large to be compared beside another."""
    monkeypatch.setattr(grouping, "LARGE", -1)


@contextmanager
def opened(
    hospital: Hospital, threads: int, go_on: Callable[[], None] = lambda: None
) -> Iterator[tuple[Comparing, Callable[[], Findings]]]:
    """A comparison of two checks with the same rules, and what runs it over both entities."""
    catalog = hospital.runtime.catalog
    [first] = catalog.checks_in("goods")
    checks = [first, first.model_copy(update={"code": "goods.again"})]
    with hospital.install.transaction() as session:
        unfinished = runs.unfinished(session)
        facts = runs.facts_of(session, feeds_of(catalog, checks))
    with closing_session("500MB", threads) as con:
        one = Comparing(con, hospital.runtime.store, catalog, checks, unfinished, utc_now(), go_on)
        scopes = {check.code: ENTITIES for check in checks}
        standings = {check.code: standing(catalog, check, facts) for check in checks}
        yield one, lambda: one.compare(scopes, standings)


def told(findings: Findings) -> Any:
    return (
        findings.errors,
        {place: (result.compared, result.matched) for place, result in findings.counts.items()},
        dict(sorted(findings.primary.items())),
        findings.superseded,
    )


def test_what_is_found_depends_neither_on_the_threads_nor_on_what_is_compared_together(
    read: Hospital, request: pytest.FixtureRequest
) -> None:
    with opened(read, 1) as (_, alone), opened(read, 3) as (_, together):
        expected = told(alone())
        assert told(together()) == expected
    request.getfixturevalue("apart")
    with opened(read, 1) as (_, alone), opened(read, 2) as (_, side_by_side):
        assert told(alone()) == told(side_by_side()) == expected
    request.getfixturevalue("large")
    with opened(read, 2) as (_, one_after_another):
        assert told(one_after_another()) == expected
    assert {place: len(rows) for place, rows in expected[2].items()} == {
        ("goods.received", entity): 2 for entity in ENTITIES
    } | {("goods.again", entity): 2 for entity in ENTITIES}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("group", ["together", "apart", "large"])
def test_a_check_that_breaks_in_one_entity_says_nothing_anywhere_and_stops_no_other(
    read: Hospital,
    threads: int,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if group != "together":
        request.getfixturevalue(group)

    def broken(con: DuckDBPyConnection, check: Any, catalog: Any, entity: str | None, *rest: Any) -> Any:
        if (check.code, entity) == ("goods.received", "H02"):
            raise ArithmeticError("DECIMAL(18,4) overflow")
        return begin_check(con, check, catalog, entity, *rest)

    def one_is_broken(con: DuckDBPyConnection, check: Any, *rest: Any) -> Any:
        if check.code == "goods.received":
            raise ArithmeticError("DECIMAL(18,4) overflow")
        return run_together(con, check, *rest)

    monkeypatch.setattr(comparing, "begin_check", broken)
    monkeypatch.setattr(comparing, "run_together", one_is_broken)
    with opened(read, threads) as (_, compare):
        findings = compare()
    assert findings.errors == {"goods.received": "ArithmeticError in H02: DECIMAL(18,4) overflow"}
    assert set(findings.primary) == {("goods.again", entity) for entity in ENTITIES}


@pytest.mark.usefixtures("apart")
def test_a_comparison_that_must_stop_leaves_its_session_usable(read: Hospital) -> None:
    asked: list[int] = []

    def go_on() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise InterruptedError

    with opened(read, 2, go_on) as (one, compare):
        with pytest.raises(InterruptedError):
            compare()
        [check, _] = one.checks
        [found] = one.probe(check, "H01", [{"order_number": "PO-1"}]).values()
        assert found.present
