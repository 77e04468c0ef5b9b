"""One comment of an exception is pinned at a time, and stands on its row; whoever saw an older version is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from exceptions_app.access import viewer_for
from exceptions_app.models import CaseComment
from exceptions_app.services import actions, comments, record_views
from exceptions_app.services.acting import ConflictError, NotAllowedError
from exceptions_app.services.audit_verify import verify
from tests.services.story import Story, discrepancy


@pytest.fixture
def told(story: Story) -> Story:
    story.run([discrepancy(1), discrepancy(2)])
    return story


def comment(story: Story, number: int, text: str) -> CaseComment:
    return actions.comment(story.session, story.by_person, story.viewer, story.case(number), text=text)


def pin(story: Story, number: int, made: CaseComment, version: int | None = None) -> None:
    case = story.case(number)
    comments.pin(
        story.session, story.by_person, story.viewer, case, comment_id=made.id,
        expected_version=case.version if version is None else version,
    )  # fmt: skip


def pinned(story: Story, number: int) -> list[str]:
    rows = select(CaseComment.text).where(
        CaseComment.case_id == story.case(number).id, CaseComment.pinned_at.is_not(None)
    )
    return list(story.session.scalars(rows))


def test_pinning_puts_the_note_on_the_row_and_takes_the_one_before_down(told: Story) -> None:
    first, second = comment(told, 1, "Asked\n\nthem. "), comment(told, 1, "They credit it.")
    pin(told, 1, first)
    assert (told.case(1).note, pinned(told, 1)) == ("Asked them.", ["Asked\n\nthem."])
    pin(told, 1, second)
    assert (told.case(1).note, pinned(told, 1)) == ("They credit it.", ["They credit it."])
    assert told.tags(1)[-2:] == ["case:pinned", "case:pinned"]
    assert verify(told.session) == []


def test_unpinning_keeps_the_comment(told: Story) -> None:
    pin(told, 1, comment(told, 1, "Asked."))
    case = told.case(1)
    comments.unpin(told.session, told.by_person, told.viewer, case, expected_version=case.version)
    assert (told.case(1).note, pinned(told, 1)) == (None, [])
    assert told.session.scalar(select(CaseComment.text)) == "Asked."
    assert told.tags(1)[-1] == "case:unpinned"
    with pytest.raises(NotAllowedError, match="No comment is pinned"):
        comments.unpin(told.session, told.by_person, told.viewer, case, expected_version=case.version)


def test_whoever_saw_an_older_version_pins_nothing(told: Story) -> None:
    made = comment(told, 1, "Asked.")
    seen = told.case(1).version
    told.claim(1)
    with pytest.raises(ConflictError, match="claimed it"):
        pin(told, 1, made, seen)
    assert told.case(1).note is None


def test_the_comment_of_another_exception_and_a_pinned_one_are_refused(told: Story) -> None:
    other = comment(told, 2, "Elsewhere.")
    with pytest.raises(NotAllowedError, match="not here any more"):
        pin(told, 1, other)
    pin(told, 2, other)
    with pytest.raises(NotAllowedError, match="pinned already"):
        pin(told, 2, other)


def test_whoever_may_not_work_on_it_pins_nothing(told: Story, user: Callable[..., Any]) -> None:
    made, case = comment(told, 1, "Asked."), told.case(1)
    auditor = viewer_for(user("auditor"), told.catalog)
    with pytest.raises(NotAllowedError):
        comments.pin(
            told.session, told.by_person, auditor, case, comment_id=made.id, expected_version=case.version
        )


@pytest.mark.parametrize(
    ("text", "note"),
    [("short", "short"), ("word " * 100, "word " * 58 + "word…"), ("x" * 400, "x" * 299 + "…")],
)
def test_a_long_comment_is_cut_at_a_word(text: str, note: str) -> None:
    assert comments.note_of(text) == note
    assert len(comments.note_of(text)) <= comments.NOTE_LIMIT


def test_each_look_at_the_raw_record_is_in_the_trail_and_changes_nothing_else(
    told: Story, user: Callable[..., Any]
) -> None:
    case = told.case(1)
    version = case.version
    auditor = viewer_for(user("auditor"), told.catalog)
    for _ in range(2):
        record_views.viewed(told.session, told.by_person, auditor, case)
    assert told.tags(1)[-2:] == ["case:record_viewed"] * 2
    assert told.case(1).version == version
    assert verify(told.session) == []
    with pytest.raises(NotAllowedError):
        record_views.viewed(told.session, told.by_person, viewer_for(user("specialist"), told.catalog), case)
