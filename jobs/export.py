"""Writes a person's export: the rows of a queue filter, as that person may see them, as a workbook.

The rows come from `queries.cases`, which scopes them; the file format is `workbook`'s. The file waits under
the instance's exports directory until it expires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, scope_of, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import User
from exceptions_app.queries import cases, words
from exceptions_app.queries.cases import CaseRow
from exceptions_app.queries.filters import LIVE, QueueFilter
from exceptions_app.queries.people import colleagues
from exceptions_app.queries.restrictions import SORTED, restrictions

from .work import Work
from .workbook import Column, Cover, write

COUNT_LIMIT = 1_000_000


def _ball(row: CaseRow) -> str | None:
    return words.said(words.BALL, row.ball_in_court) if row.ball_in_court else None


def _ended(row: CaseRow) -> str | None:
    return words.said(words.END, row.end_reason) if row.end_reason else None


COLUMNS: tuple[Column[CaseRow], ...] = (
    Column("Exception", "text", lambda row: row.reference, 13),
    Column("Reference", "text", lambda row: row.business_reference, 22),
    Column("Category", "text", lambda row: row.category_title, 24),
    Column("What is wrong", "long_text", lambda row: row.sentence, 70),
    Column("Supplier or counterparty", "text", lambda row: row.counterparty, 30),
    Column("Amount", "money", lambda row: row.amount, 14),
    Column("Currency", "text", lambda row: row.currency, 9),
    Column("Amount in reporting currency", "money", lambda row: row.reporting_amount, 16),
    Column("Entity code", "text", lambda row: row.entity, 12),
    Column("Entity", "text", lambda row: row.entity_name, 26),
    Column("Queue", "text", lambda row: row.queue_name, 22),
    Column("Severity", "text", lambda row: words.said(words.SEVERITY, row.severity), 10),
    Column("Status", "text", lambda row: words.said(words.STATUS, row.status), 20),
    Column("SLA", "text", lambda row: words.said(words.STAGE, row.stage), 12),
    Column("Due", "instant", lambda row: row.due_at, 18),
    Column("Opened", "instant", lambda row: row.opened_at, 18),
    Column("Wrong since", "instant", lambda row: row.since_at, 18),
    Column("Age in business days", "number", lambda row: float(row.age_business_days), 12),
    Column("Owner", "text", lambda row: row.owner, 20),
    Column("On hold", "boolean", lambda row: row.on_hold, 9),
    Column("Waiting on", "text", _ball, 14),
    Column("Hold until", "instant", lambda row: row.hold_until, 18),
    Column("Recurring", "boolean", lambda row: row.recurring, 10),
    Column("Ended", "instant", lambda row: row.resolved_at, 18),
    Column("Why it ended", "text", _ended, 26),
)


class ExportError(Exception):
    """An export cannot be written; the message is for the person who asked."""


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `export` tasks; payload `{"filter": …, "user_id": id}`. The result names the file."""
    catalog, asked = work.runtime.catalog, utc_now()
    wanted = QueueFilter.from_args(work.payload.get("filter") or {})
    path = work.runtime.exports / f"{work.task_id}.xlsx"
    with work.reading() as session:
        viewer = _viewer(session, catalog, work.payload["user_id"])
        total, more = cases.count_up_to(session, viewer, catalog, wanted, asked, COUNT_LIMIT)
        lines: list[tuple[str, str | datetime]] = [
            ("Site", catalog.site.name),
            ("Filter", "; ".join(describe(session, catalog, wanted, viewer))),
            ("Sorted by", SORTED[wanted.sort]),
            ("As of", asked),
            ("Asked by", viewer.name),
            ("Scope", _scope(viewer)),
        ]
        work.progress(0, None if more else total, "writing rows")
        written = write(
            path, Cover(f"{catalog.site.name}: exceptions", lines), COLUMNS,
            cases.iterate(session, viewer, catalog, wanted, asked), words.zone_of(viewer.time_zone),
            lambda rows: work.progress(rows, None if more else max(total, rows)),
        )  # fmt: skip
    work.progress(written.rows, written.rows, "ready")
    told = {"file": path.name, "rows": written.rows, "bytes": path.stat().st_size, "notes": written.notes}
    return {**told, "scope": scope_of(viewer)}


def _viewer(session: Session, catalog: Catalog, user_id: int) -> Viewer:
    """The person as access sees them now: rights lost since asking are lost here, too."""
    user = session.get(User, user_id)
    if user is None or not user.active:
        raise ExportError("the person who asked has no active account any more")
    viewer = viewer_for(user, catalog)
    if not can(viewer, Permission.EXPORT):
        raise ExportError("the person who asked may not export any more")
    return viewer


def describe(session: Session, catalog: Catalog, wanted: QueueFilter, viewer: Viewer) -> Iterator[str]:
    """The filter in words: one part each, what is chosen of one kind joined by "or"."""
    chosen: dict[str, list[str]] = {}
    for each in restrictions(catalog, wanted, colleagues(session), viewer, me=viewer.name):
        chosen.setdefault(each.label, []).append(each.said)
    if wanted.status == LIVE:
        chosen["Status"] = [words.said(words.STATUS, LIVE)]
    if wanted.refs:
        chosen["References"] = [" or ".join(wanted.refs)]
    for label, said in chosen.items():
        yield f"{label}: {' or '.join(said)}"


def _scope(viewer: Viewer) -> str:
    queues = "all queues" if viewer.queues is None else ", ".join(sorted(viewer.queues)) or "no queue"
    entities = (
        "all entities" if viewer.entities is None else ", ".join(sorted(viewer.entities)) or "no entity"
    )
    return f"{queues}; {entities}"
