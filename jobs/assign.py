"""Gives exceptions that nobody has to people, by the rules of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exceptions_app.services.assignment import assign_waiting

from .work import Work


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `assign` tasks: in portions, each committed, until all that wait were looked at."""
    given, last_id = 0, 0
    while True:
        context = work.context()
        with work.transaction() as session:
            portion = assign_waiting(session, context, last_id)
        given, last_id = given + portion.given, portion.last_id
        if not portion.more:
            return {"given": given}
        work.go_on()
