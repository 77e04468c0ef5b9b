"""Search knows what is written in the transaction that writes it, and catches up with what was there before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.search_terms import document
from exceptions_app.models import CaseComment, ExceptionCase, Task
from exceptions_app.services import actions, schema, search_index
from tests.conftest import NOW, Database
from tests.services.story import Story, discrepancy


@pytest.fixture
def story(session: Session, catalog: Any, user: Callable[..., Any]) -> Story:
    return Story(session, catalog, user("manager", name="Mina Park"))


def words_as_they_should_be(session: Session) -> dict[int, set[str]]:
    said: dict[int, list[str]] = {}
    for comment in session.scalars(select(CaseComment)):
        said.setdefault(comment.case_id, []).append(comment.text)
    return {
        case.id: {
            word
            for run in document(case.reference, case.counterparty, case.sentence, *said.get(case.id, ()))
            for word in run
        }
        for case in session.scalars(select(ExceptionCase).execution_options(populate_existing=True))
    }


def words_as_they_are(session: Session) -> dict[int, set[str]]:
    kept = {number: search_index.words_of(session, number) for number in words_as_they_should_be(session)}
    postgres = session.get_bind().dialect.name == "postgresql"
    return {
        number: {
            word.partition(":")[0].strip("'") if postgres else word
            for word in (text or "").split()
            if not word.startswith(("·", "'·"))
        }
        for number, text in kept.items()
    }


def test_intake_and_comments_keep_the_words(story: Story) -> None:
    story.run([discrepancy(number) for number in range(1, 6)])
    changed = discrepancy(2)._replace(counterparty="Quite another", evidence_hash=bytes(15) + b"2")
    story.later(hours=1)
    story.run([discrepancy(1), changed, *(discrepancy(number) for number in range(3, 7))])
    actions.comment(story.session, story.by_person, story.viewer, story.case(3), text="Called Jolanda")
    assert words_as_they_are(story.session) == words_as_they_should_be(story.session)
    assert {"another"} <= words_as_they_are(story.session)[story.case(2).id]
    assert {"jolanda"} <= words_as_they_are(story.session)[story.case(3).id]


def test_a_large_intake_is_noted_and_its_indexing_asked_for(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "AT_ONCE", 3)
    monkeypatch.setattr(search_index, "PORTION", 2)
    story.run([discrepancy(number) for number in range(1, 6)])
    story.run([discrepancy(number) for number in range(1, 9)])
    known = [number for number in range(1, 9) if search_index.words_of(story.session, story.case(number).id)]
    assert known == [6, 7, 8]
    assert [task.kind for task in story.session.scalars(select(Task))] == [search_index.KIND]
    assert [search_index.catch_up(story.session, story.catalog) for _ in range(4)] == [2, 2, 1, 0]
    assert words_as_they_are(story.session) == words_as_they_should_be(story.session)


def test_what_was_there_before_search_is_noted_by_the_migration(database: Database, story: Story) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    story.session.expunge_all()
    with database.engine.begin() as connection:
        command.downgrade(schema.alembic_config(connection), "0004")
    schema.upgrade(database.engine)
    assert search_index.ask_if_behind(story.session, NOW) is not None
    assert search_index.catch_up(story.session, story.catalog) == 2
    assert words_as_they_are(story.session) == words_as_they_should_be(story.session)


def test_nothing_is_asked_for_where_search_knows_all(session: Session, make_case: Callable[..., Any]) -> None:
    make_case()
    assert search_index.ask_if_behind(session, NOW) is None
