"""Ten thousand exceptions resolved as one action, each with its event in the trail, among a million, 200,000 live.

Timed from the confirmed action to its last row, chunk by chunk with a commit each, as the task does it. The floor is
the database alone: as many rows of the same tables updated and inserted by the same means, nothing judged.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.measure import Subject, figure, interleave
from bench.queue_data import EMAIL, NOW, application, installs
from exceptions_app.access import viewer_for
from exceptions_app.domain.lifecycle import Action
from exceptions_app.extensions import db
from exceptions_app.models import AuditEvent, AuditPayload, BulkItem, CaseComment, ExceptionCase, User
from exceptions_app.runtime import runtime
from exceptions_app.services import bulk, bulk_actions
from exceptions_app.services.bulk_apply import Asked
from exceptions_app.services.context import ActionContext, Actor

SIZE = 1_000_000
MANY = 10_000
GOAL = 4.0
_EVENT = (
    "id", "case_id", "tag", "actor", "at", "correlation_id", "config_snapshot_id", "payload_hash", "prev_hash", "hash",
)  # fmt: skip
_SAID = '{"after":{"status":"awaiting_confirmation"},"before":{"status":"open"},"why":"fixed_at_source"}'
_tokens = count(1)


def resolve(instance: str, url: str, first: int) -> Callable[[], int]:
    """A subject: another ten thousand at every call, from the `first` live one on; how many were resolved."""
    app = application(instance, url)
    app.app_context().push()
    session = db.session()
    person = session.scalars(select(User).where(User.email == EMAIL)).one()
    catalog = runtime().catalog
    snapshot = runtime().snapshot_id(session, "system:bench", NOW)
    session.commit()
    context = ActionContext(catalog, NOW, Actor("user", person.name, person.id), snapshot, "bench")
    after = [first]

    def run() -> int:
        picked = _next(session, after)
        made = bulk_actions.start(
            session, context, viewer_for(person, catalog), token=f"{instance[-8:]}-{first}-{next(_tokens)}",
            action=Action.RESOLVE, asked=Asked(reason="fixed_at_source", text="The price list was corrected."),
            title="Resolve", picked=picked,
        )  # fmt: skip
        session.commit()
        while bulk_actions.step(session, context, made):
            session.commit()
        session.commit()
        assert made.status == "done", made.status
        return _done(session, made.id)

    return run


def _next(session: Session, after: list[int]) -> list[tuple[int, int]]:
    """The next ones that are open and not on hold, as a person saw them."""
    rows = select(ExceptionCase.id, ExceptionCase.version).where(
        ExceptionCase.id > after[0], ExceptionCase.status == "open", ExceptionCase.on_hold.is_(False)
    )
    found = [
        (number, version) for number, version in session.execute(rows.order_by(ExceptionCase.id).limit(MANY))
    ]
    after[0] = found[-1][0]
    session.commit()
    return found


def _done(session: Session, bulk_id: int) -> int:
    rows = select(BulkItem.id).where(BulkItem.bulk_id == bulk_id, BulkItem.status == "done")
    return len(session.scalars(rows).all())


def floor(instance: str, url: str, first: int) -> Callable[[], int]:
    """A subject: the rows that such an action writes, and nothing judged."""
    app = application(instance, url)
    app.app_context().push()
    session = db.session()
    after, at = [first], bulk.time_writer(session)(NOW)
    snapshot = runtime().snapshot_id(session, "system:bench", NOW)
    session.commit()

    def run() -> int:
        picked = _next(session, after)
        for begin in range(0, MANY, bulk_actions.CHUNK):
            _write(
                session, [number for number, _ in picked[begin : begin + bulk_actions.CHUNK]], at, snapshot
            )
            session.commit()
        return len(picked)

    return run


def _write(session: Session, cases: list[int], at: Any, snapshot: int) -> None:
    """Of each exception its row, its event with what it says, and a comment."""
    bulk.update(session, ExceptionCase, ("status", "id"), [("awaiting_confirmation", case) for case in cases])
    events = bulk.reserve_ids(session, AuditEvent, len(cases))
    bulk.insert(session, AuditEvent, _EVENT, [
        (event, case, "case:resolved", "user:Bench", at, "bench", snapshot, bytes(32), bytes(32), _digest(event))
        for event, case in zip(events, cases, strict=True)
    ])  # fmt: skip
    bulk.insert(session, AuditPayload, ("event_id", "payload"), [(event, _SAID) for event in events])
    comments = bulk.reserve_ids(session, CaseComment, len(cases))
    columns = ("id", "case_id", "author_id", "text", "created_at")
    said = [
        (number, case, 1, "The price list was corrected.", at)
        for number, case in zip(comments, cases, strict=True)
    ]
    bulk.insert(session, CaseComment, columns, said)


def _digest(number: int) -> bytes:
    return sha256(b"%d" % number).digest()


def measure(name: str, instance: str, url: str, size: int) -> None:
    """The figure of one database: each turn takes exceptions that no other has touched."""
    share = size // 2
    subjects = {"ours": Subject(resolve, (instance, url, 0)), "floor": Subject(floor, (instance, url, share))}
    found = interleave(subjects, turns=1, calls=3, warm=0)
    assert found["ours"].result == found["floor"].result == MANY
    seconds = found["ours"].seconds
    figure(
        f"bulk resolve of {MANY:,} {name}", size, seconds, "s", against="the same rows written, nothing judged",
        ratio=seconds / found["floor"].seconds, goal=f"<= {GOAL:g} s", met=seconds <= GOAL, peak=found["ours"].peak_mb,
    )  # fmt: skip


def main() -> None:
    """`bulk_resolve.py [sqlite] [SIZE]`."""
    for install in installs("bench-bulk-", SIZE):
        measure(*install)


if __name__ == "__main__":
    main()
