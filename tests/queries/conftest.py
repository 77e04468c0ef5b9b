"""A viewer of everything, and the instant at which the queries are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exceptions_app.access import Viewer
from exceptions_app.models import Role


@pytest.fixture
def viewer_of() -> Callable[..., Viewer]:
    """`viewer_of(role=…, queues=…, entities=…, user_id=…)`: None sees all."""

    def make(role: Role = Role.MANAGER, user_id: int = 1, **scope: Any) -> Viewer:
        sets = {
            name: None if scope.get(name) is None else frozenset(scope[name])
            for name in ("queues", "entities")
        }
        return Viewer(user_id, "Somebody", role, sets["queues"], sets["entities"], "America/Chicago")

    return make
