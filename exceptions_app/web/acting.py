"""What every view that changes something needs: the context of the action, and the exception it is about.

Fetching and authorising are one call: an exception that the person may not see does not exist for them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import abort, g
from sqlalchemy import select

from exceptions_app.access import visible
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.models import ExceptionCase, Task
from exceptions_app.runtime import runtime
from exceptions_app.services import tasks
from exceptions_app.services.audit import AuditTag, record_subject
from exceptions_app.services.context import ActionContext, Actor

from . import gate


def correlate() -> None:
    """Before every request: an id that follows what it causes."""
    g.correlation_id = uuid.uuid4().hex


def context() -> ActionContext:
    """Who acts, when, under which configuration."""
    person = gate.user()
    return ActionContext(
        catalog=runtime().catalog,
        now=utc_now(),
        actor=Actor("user", person.name, person.id),
        snapshot_id=runtime().snapshot_id(db.session(), "system:web", utc_now()),
        correlation_id=g.correlation_id,
    )


def ask_task(
    kind: str, scope: str, payload: Mapping[str, Any], *,
    always: bool = False, tag: AuditTag = AuditTag.TASK_ASKED, told: Mapping[str, Any] | None = None,
) -> Task:  # fmt: skip
    """Ask for work on the person's behalf and put it into their trail, with what `told` adds.

    One queued task of a kind and scope is enough, unless `always`.
    """
    by, person = context(), gate.viewer().user_id
    task = tasks.request(
        db.session(), kind, scope, payload, person, by.now, correlation_id=by.correlation_id, always=always
    )
    record_subject(
        db.session(), f"person:{person}", tag, actor=str(by.actor), at=by.now, correlation_id=by.correlation_id,
        config_snapshot_id=by.snapshot_id, after={"scope": scope, "task": task.id, **(told or {})},
    )  # fmt: skip
    return task


def feed_or_404(code: str) -> Feed:
    """The feed of this code, if the configuration has it."""
    return runtime().catalog.feeds.get(code) or abort(404)


def case_or_404(reference: str) -> ExceptionCase:
    """The exception behind a public reference, if the person may see it."""
    number = public_id.decode(reference)
    if number is None:
        abort(404)
    found = db.session.scalar(
        select(ExceptionCase).where(ExceptionCase.id == number, *visible(gate.viewer()))
    )
    return found if found is not None else abort(404)
