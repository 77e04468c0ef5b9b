"""Carries on a bulk action that was too large for the request that asked for it, or its undo, chunk by chunk.

Each chunk is committed with its results; killed in between, the next runner goes on after the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from exceptions_app.models import BulkAction, User
from exceptions_app.services import bulk_actions
from exceptions_app.services.context import Actor

from .work import Work


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `bulk` tasks; payload `{"bulk": id}`. The trail names the person who asked."""
    number, more = work.payload["bulk"], True
    while more:
        context = work.context()
        with work.transaction() as session:
            made = session.get_one(BulkAction, number)
            asker = session.get_one(User, made.requested_by_id)
            context = replace(context, actor=Actor("user", asker.name, asker.id))
            more = bulk_actions.step(session, context, made)
            done, total = bulk_actions.progress(session, made), made.total
        work.progress(done, total)
    return {"bulk": number, "status": made.status}
