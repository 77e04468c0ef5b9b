"""Search finds an exception by any of its words and by nothing else, and shows nobody what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.domain.public_id import encode
from exceptions_app.domain.search_terms import phrases, words
from exceptions_app.models import CaseComment, ExceptionCase
from exceptions_app.models.search import mentioned, referred, said
from exceptions_app.models.views import listed
from exceptions_app.queries import steering
from exceptions_app.queries.cases import count_up_to, page
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.services import search_index
from tests.conftest import NOW

Found = Callable[..., list[int]]


@pytest.fixture
def made(make_case: Callable[..., Any]) -> Callable[..., int]:
    """Adds an exception and gives its id."""
    return lambda **columns: int(make_case(**columns).id)


@pytest.fixture(params=["by the index", "row by row"])
def found(
    session: Session, catalog: Any, viewer_of: Callable[..., Viewer], request: Any, monkeypatch: Any
) -> Found:
    """Either way in which words are found, on few rows; it is chosen by how many there are."""
    if request.param == "row by row":
        monkeypatch.setattr(steering, "FEW", 0)
        monkeypatch.setattr(steering, "_DENSE", 0)
        monkeypatch.setattr(steering, "_OFTEN", 0)

    def ask(typed: str, **scope: Any) -> list[int]:
        wanted = QueueFilter.from_args({"q": typed, "status": scope.pop("status", "live")})
        viewer = viewer_of(**scope)
        rows = page(session, viewer, catalog, wanted, now=NOW).rows
        counted = count_up_to(session, viewer, catalog, wanted, NOW, limit=1)
        assert counted in [(len(rows), False), (1, len(rows) > 1)]
        return sorted(row.id for row in rows)

    return ask


@pytest.mark.parametrize(
    "typed",
    [
        "PO-4500012", "po-4500012", "PO-4500012/1", "PO-45", "4500012", "45000", "po 4500012", "PO 45", "p",
        "4500012/1", "INV/2026-77", "inv/2026", "2026-77", "2026", "77", "INV 77", "0000815", "815", "A-815",
        "A-0000815", "Böhm", "BOHM", "medline böh", "sentence with", '"charged"', "charged*",
    ],
)  # fmt: skip
def test_an_identifier_is_found_whole_by_its_beginning_and_by_its_parts(
    typed: str, made: Callable[..., int], found: Found
) -> None:
    wanted = made(
        reference="PO-4500012/1", counterparty="Medline Böhm",
        sentence="A sentence with INV/2026-77 and A-0000815, charged twice.",
    )  # fmt: skip
    made(reference="XX-99/3", counterparty="Cardinal", sentence="Nothing was received.")
    assert found(typed) == [wanted]


@pytest.mark.parametrize(
    "typed",
    ["500012", "PO-12", "2026-4500012", "77-2026", "Medline-charged", "PO-4500012-77", "4500012 nothing"],
)
def test_what_is_not_there_is_not_found(typed: str, made: Callable[..., int], found: Found) -> None:
    made(reference="PO-4500012/1", counterparty="Medline", sentence="Charged 77 twice in 2026, INV/2026-77.")
    assert found(typed) == []


def test_a_phrase_does_not_reach_from_one_field_into_the_next(made: Callable[..., int], found: Found) -> None:
    made(reference="PO-1", counterparty="Medline", sentence="Charged twice.")
    assert found("1-medline") == found("medline/charged") == []


@pytest.mark.parametrize("typed", ['"', "*", "-", "( ", "' OR 1=1 --", "%", "\\", ":*", "&|!", "<->", "'"])
def test_signs_alone_find_nothing_and_break_nothing(
    typed: str, made: Callable[..., int], found: Found
) -> None:
    made(sentence="Anything.")
    assert found(typed) == []


@pytest.mark.parametrize(
    "typed",
    ["NEAR(anything else)", "anything NOT else", "anything OR nothing", "sentence: anything", "words:else"],
)
def test_operators_are_words_like_any_other(typed: str, made: Callable[..., int], found: Found) -> None:
    made(sentence="Anything else.")
    assert found(typed) == []


def test_a_public_reference_means_its_exception(made: Callable[..., int], found: Found) -> None:
    first, second = made(sentence="Alike."), made(sentence="Alike.")
    assert found(encode(first).lower()) == [first]
    assert found(f"alike {encode(second)}") == [second]
    assert found(f"different {encode(second)}") == []


def test_comments_are_found_while_they_are_there(
    session: Session, made: Callable[..., int], found: Found, user: Callable[..., Any], catalog: Any
) -> None:
    case_id = made()
    said = CaseComment(case_id=case_id, author_id=user().id, text="Called Jolanda about it", created_at=NOW)
    session.add(said)
    search_index.refresh(session, catalog, [case_id])
    assert found("jolanda") == [case_id]
    session.delete(said)
    search_index.refresh(session, catalog, [case_id])
    assert found("jolanda") == []


def test_search_shows_nothing_that_is_not_the_viewers(made: Callable[..., int], found: Found) -> None:
    mine = made(sentence="Shared word.")
    made(sentence="Shared word.", queue="stores")
    made(sentence="Shared word.", entity="H02")
    assert found("shared", queues=("ap",), entities=("H01",)) == [mine]


def test_what_only_the_evidence_says_is_not_found(made: Callable[..., int], found: Found) -> None:
    """It may hold what not everybody reads: the side by side masks it, search does not know it."""
    made(evidence='{"sides":{"worker":{"birth_name":"Kowalska"}}}', facts='{"birth_name":"Kowalska"}')
    assert found("kowalska") == []


def test_an_ended_exception_is_found_where_it_is_asked_for(made: Callable[..., int], found: Found) -> None:
    ended = made(sentence="Long gone.", status="resolved")
    assert found("gone") == []
    assert found("gone", status="any") == [ended]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(max_size=30), min_size=3, max_size=3),
    typed=st.one_of(
        st.text(max_size=20), st.text(alphabet="ab0 \"'*-():&|!<>\\^~NEARORT", max_size=16), st.none()
    ),
    start=st.integers(0, 20),
)
def test_both_databases_find_what_the_words_say_whatever_is_typed(
    texts: list[str], typed: str | None, start: int, session: Session, made: Callable[..., int], found: Found
) -> None:
    """The oracle: each phrase is somewhere in one of the texts, its last word as a beginning."""
    texts = [text.replace("\0", "") for text in texts]
    typed = texts[2][start : start + 8] if typed is None else typed
    with session.begin_nested() as attempt:
        case_id = made(reference=texts[0] or "-", counterparty=texts[1] or None, sentence=texts[2])
        asked = phrases(" ".join(QueueFilter.from_args({"q": typed}).q.split()))
        runs = [words(text) for text in texts]
        expected = bool(asked) and all(any(_has(run, phrase) for run in runs) for phrase in asked)
        if typed.strip():
            assert (case_id in found(typed)) == expected
        attempt.rollback()


def _has(run: list[str], phrase: tuple[str, ...]) -> bool:
    length = len(phrase)
    return any(
        tuple(run[at : at + length - 1]) == phrase[:-1] and run[at + length - 1].startswith(phrase[-1])
        for at in range(len(run) - length + 1)
    )


def test_no_condition_on_words_or_references_keeps_sqlite_off_the_ids() -> None:
    for condition in (mentioned((("po", "7"),)), said((("po",),)), referred(["PO-7"], []), listed("k")):
        asked = select(ExceptionCase.id).where(condition).compile(dialect=sqlite.dialect())
        assert "= 1" not in str(asked).replace("+ 1, 1)", ""), asked
