"""The story that tests of the services tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.services.story import Story


@pytest.fixture
def story(session: Session, catalog: Any, user: Callable[..., Any]) -> Story:
    """One check in one scope, a manager who acts, a clock that stands still."""
    return Story(session, catalog, user("manager", name="Mina Park"))
