"""Collects the events of many exceptions and stores them at once, in the order in which they happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.models import AuditEvent, AuditPayload, ExceptionCase

from . import bulk
from .audit import AuditTag, Link, case_chain, payload_text, stamp
from .context import ActionContext

_EVENT = (
    "id", "case_id", "tag", "actor", "at", "correlation_id", "config_snapshot_id", "payload_hash",
    "prev_hash", "hash",
)  # fmt: skip


class Trail:
    """Events not yet stored. `record` moves the row's head; `store` must follow in the same transaction."""

    def __init__(self, ctx: ActionContext) -> None:
        self._ctx = ctx
        self._links: list[tuple[int, Link]] = []

    def record(
        self, case: ExceptionCase, tag: AuditTag, *, before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None, why: str | None = None,
    ) -> None:  # fmt: skip
        """Add an event to an exception's chain."""
        same = stamp(self._ctx, tag, payload_text(before, after, why))
        made = same.link(case_chain(case.id), case.audit_head)
        case.audit_head = made.hash
        self.add(case.id, made)

    def add(self, case_id: int, made: Link) -> None:
        self._links.append((case_id, made))

    def store(self, session: Session) -> None:
        """Write what was collected. The rows of the exceptions must be there already."""
        if not self._links:
            return
        ids = bulk.reserve_ids(session, AuditEvent, len(self._links))
        at = bulk.time_writer(session)
        events, payloads = [], []
        for event_id, (case_id, made) in zip(ids, self._links, strict=True):
            events.append((
                event_id, case_id, made.tag, made.actor, at(made.at), made.correlation_id,
                made.config_snapshot_id, made.payload_hash, made.prev_hash, made.hash,
            ))  # fmt: skip
            payloads.append((event_id, made.payload))
        bulk.insert(session, AuditEvent, _EVENT, events)
        bulk.insert(session, AuditPayload, ("event_id", "payload"), payloads)
        self._links.clear()
