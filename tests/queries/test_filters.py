"""A filter survives the address bar and JSON, and its stages are the clock's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from exceptions_app.access import Viewer
from exceptions_app.domain.search_terms import references
from exceptions_app.domain.sla import Stage, stage
from exceptions_app.models import ExceptionCase
from exceptions_app.queries.cases import page
from exceptions_app.queries.filter_sql import stage_sql
from exceptions_app.queries.filters import SORTS, QueueFilter
from tests.conftest import NOW

CODES = st.lists(st.sampled_from(["a", "b.c", "d_1"]), unique=True, max_size=3).map(tuple)
TIMES = st.none() | st.integers(0, 10**9).map(
    lambda s: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
FILTERS = st.builds(
    QueueFilter, queue=CODES, category=CODES, entity=CODES, owner=CODES, stage=CODES,
    severity=CODES, ball=CODES, aging=CODES, refs=st.text(max_size=80).map(references),
    cause=st.none() | st.integers(1, 10**18 - 1),
    status=st.sampled_from(["live", "any", "open", "awaiting_confirmation", "resolved", "waived"]),
    hold=st.none() | st.booleans(), due=TIMES, since=TIMES, sort=st.sampled_from(SORTS),
    q=st.text(max_size=60).map(lambda text: " ".join(text.split())),
)  # fmt: skip


@given(FILTERS)
def test_a_filter_survives_json_and_the_query_string(wanted: QueueFilter) -> None:
    args = json.loads(json.dumps(wanted.to_args()))
    pairs = [(k, v) for k, values in args.items() for v in ([values] if isinstance(values, str) else values)]
    assert QueueFilter.from_args(args) == QueueFilter.from_args(MultiDict(pairs)) == wanted


@pytest.mark.parametrize(
    "args",
    [
        {"status": "nonsense"},
        {"due": "yesterday"},
        {"due": "2026-01-01"},
        {"sort": "owner; drop"},
        {"hold": "perhaps"},
        {"cause": "everything"},
        {"cause": "0"},
        {"refs": "--- ,,"},
    ],
)
def test_what_cannot_be_read_restricts_nothing(args: dict[str, str]) -> None:
    assert QueueFilter.from_args(args) == QueueFilter()


def test_a_chip_can_be_taken_off_alone() -> None:
    wanted = QueueFilter(queue=("ap", "stores"), hold=True, q="medline")
    assert wanted.without("queue", "ap").queue == ("stores",)
    assert wanted.without("hold").hold is None
    assert wanted.without("q").to_args() == {"queue": ["ap", "stores"], "hold": "yes"}


def test_one_pasted_reference_can_be_taken_off_alone() -> None:
    assert QueueFilter(refs=("PO-1", "PO-2")).without("refs", "PO-1").refs == ("PO-2",)


def test_a_cause_is_read_by_number_and_by_its_public_reference() -> None:
    from exceptions_app.domain.public_id import encode

    assert (
        QueueFilter.from_args({"cause": "12"}).cause
        == QueueFilter.from_args({"cause": encode(12)}).cause
        == 12
    )


def test_cause_and_aging_find_exactly_their_own(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    parent = make_case()
    child = make_case(parent_id=parent.id, aging=3)

    def found(**wanted: Any) -> list[int]:
        return [row.id for row in page(session, viewer_of(), catalog, QueueFilter(**wanted), now=NOW).rows]

    assert found(cause=parent.id) == [child.id]
    assert found(aging=("5-10",)) == [child.id]
    assert found(aging=("0-1", "5-10")) == [parent.id, child.id]
    assert found(aging=("nonsense",)) == []


STATES = [
    {"status": status, "on_hold": on_hold, "due_at": due, "due_soon_at": soon}
    for status in ("open", "awaiting_confirmation", "resolved", "waived")
    for on_hold in (False, True)
    for due, soon in (
        (None, None),
        (NOW, NOW - timedelta(hours=2)),
        (NOW + timedelta(microseconds=1), NOW),
        (NOW + timedelta(hours=9), NOW + timedelta(hours=4)),
    )
]


def test_the_stage_in_sql_is_the_clocks_and_each_stage_filter_finds_exactly_its_own(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    made = [make_case(**state) for state in STATES]
    expected = {c.id: stage(NOW, c.due_at, c.due_soon_at, c.on_hold, c.status) for c in made}
    found = {row.id: row.at for row in session.execute(select(ExceptionCase.id, stage_sql(NOW).label("at")))}
    assert found == {number: at.value for number, at in expected.items()}
    for at in Stage:
        wanted = QueueFilter(stage=(at.value,), status="any")
        rows = page(session, viewer_of(), catalog, wanted, now=NOW).rows
        assert {row.id for row in rows} == {number for number, each in expected.items() if each is at}


def test_words_find_reference_counterparty_sentence_and_the_public_reference(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    first = make_case(reference="PO-77/1", counterparty="Stryker", sentence="Billed 5 % too high_")
    make_case(reference="PO-78/1", counterparty="Cardinal", sentence="Nothing received.")

    def found(text: str) -> list[int]:
        return [row.id for row in page(session, viewer_of(), catalog, QueueFilter(q=text), now=NOW).rows]

    from exceptions_app.domain.public_id import encode

    for text in ("po-77", "STRYKER billed", "5 % too", "high_", encode(first.id).lower()):
        assert found(text) == [first.id], text
    assert found("stryker received") == []
    assert found("100%") == []
