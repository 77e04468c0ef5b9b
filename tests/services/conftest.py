"""The story that tests of the services tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.services.retry_story import RetryStory
from tests.services.story import Story


@pytest.fixture
def story(session: Session, catalog: Any, user: Callable[..., Any]) -> Story:
    """One check in one scope, a manager who acts, a clock that stands still."""
    return Story(session, catalog, user("manager", name="Mina Park"))


@pytest.fixture
def retry(session: Session, catalog: Any, user: Callable[..., Any]) -> Callable[..., RetryStory]:
    """`retry(system="KEYED", numbers=(1,), …)`: exceptions, and people who send them again."""

    def begin(system: str = "KEYED", *, numbers: tuple[int, ...] = (1,), **changed: Any) -> RetryStory:
        story = RetryStory(session, catalog, user("manager", name="Mina Park"), system, **changed)
        story.begin(user, *numbers)
        return story

    return begin
