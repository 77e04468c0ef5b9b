"""An install with something on every page: causes, storms, retries in every state, dead letters, tasks, notices.

Planted once for all that look at it; nothing here may depend on what a job would do meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.catalog.schema import Category, CausedBy, ChainStep, Draft
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.money import SCALE
from exceptions_app.domain.public_id import decode, encode
from exceptions_app.domain.retry import Outcome
from exceptions_app.extensions import db
from exceptions_app.models import (
    BulkAction,
    BulkItem,
    CaseComment,
    CaseEvidence,
    CatalogAddition,
    Delivery,
    ExceptionCase,
    InboxEvent,
    Mail,
    Notice,
    Storm,
    SystemGate,
    Task,
    User,
)
from exceptions_app.runtime import runtime
from exceptions_app.services import retry_asking
from tests.conftest import _case_columns
from tests.web.conftest import EVIDENCE
from tests.web.retrying import Retrying
from tests.web.test_causes import RESULT
from tests.web.test_feed_preview import FOUND
from tests.web.test_try_out import TOLD

HOUR = timedelta(hours=1)
NOTHING = {"count": 0, "worth_e4": 0, "by_category": {}, "ids": []}


def configure(app: Flask) -> None:
    """The page network, where blocked orders follow from an alias, with a chain of documents and a letter."""
    found = runtime(app)
    catalog = found.catalog
    about: dict[str, Any] = {
        "sentence": "{alias} is unknown.", "cause": "Nobody mapped it.", "guidance": ["Find the tax ID."],
        "owner": "Stewards", "queue": "ap", "target": "1 business day",
    }  # fmt: skip
    follows = CausedBy(category="unmapped", crosswalk="supplier", key={"alias": "alias"})
    letter = Draft(to="supplier", subject="{reference}", body="Please look at {reference}: {sentence}")
    categories = {
        **catalog.categories,
        "unmapped": Category(code="unmapped", title="Unmapped alias", **about),
        "blocked": Category(code="blocked", title="Blocked", caused_by=[follows], **about),
        "price_variance": catalog.categories["price_variance"].model_copy(update={"draft": letter}),
    }
    steps = [
        ChainStep(label="Order", side="ordered", reference="order_number", amount="price"),
        ChainStep(label="Receipt", side="invoiced", reference="unit"),
    ]
    check = catalog.checks["p2p.order_match"].model_copy(update={"chain": steps})
    own = replace(
        catalog, categories=categories, checks={**catalog.checks, check.code: check},
        crosswalks={"supplier": {(None, "V1-OLD"): "V1"}}, crosswalk_titles={"supplier": "Suppliers"},
    )  # fmt: skip
    app.extensions["tieout"] = replace(found, catalog=own)


def plant(references: list[str]) -> dict[str, str]:
    """Add all of it to what every browser test has; the names of addresses -> what stands for them."""
    session, now = db.session(), utc_now()
    ids = [decode(reference) or 0 for reference in references]
    snapshot = session.get_one(ExceptionCase, ids[0]).config_snapshot_id
    person = {one.role: one for one in session.query(User)}
    named = {f"case{number}": reference for number, reference in enumerate(references)}
    named |= _causes(session, now, snapshot, person["manager"])
    _storms(session, now, snapshot)
    named |= _tasks(session, now, person)
    named |= _events(session, now)
    _told(session, now, ids, person)
    named |= _many(session, now, ids, snapshot, person["manager"])
    session.commit()
    return named


def _case(number: int, snapshot: int, **columns: Any) -> ExceptionCase:
    case = ExceptionCase(**_case_columns(number, snapshot) | columns)
    db.session.add(case)
    db.session.flush()
    db.session.add(CaseEvidence(case_id=case.id, version=1, evidence=EVIDENCE, taken_at=case.opened_at))
    return case


def _causes(session: Session, now: datetime, snapshot: int, manager: User) -> dict[str, str]:
    """A cause with what follows from it, a cluster, previews in each state, and an addition that is in force."""
    cause = _case(
        50, snapshot, category="unmapped", check_code="causes", scope="unmapped", entity="*", fingerprint=b"c" * 16,
        reporting_amount_e4=None, amount_e4=None, counterparty=None, opened_at=now,
        business_key='{"alias":"MEDLN-02","crosswalk":"supplier","system":"ERP1"}',
        facts='{"alias":"MEDLN-02","crosswalk":"Suppliers","system":"ERP","exceptions":"2","worth":"300"}',
    )  # fmt: skip
    children = [
        _case(60 + n, snapshot, category="blocked", parent_id=cause.id, opened_at=now) for n in (1, 2)
    ]
    for number in range(6):
        _case(70 + number, snapshot, counterparty="Cardinal", opened_at=now)
    ids = [case.id for case in children]
    addition = {
        "kind": "crosswalk",
        "crosswalk": "supplier",
        "system": "ERP1",
        "local": "M",
        "canonical": "V1",
    }
    asked = {
        "addition": addition,
        "case": cause.id,
        "category": "unmapped",
        "reason": "Same tax ID",
        "back": "/causes",
    }
    clear = {"count": 2, "worth_e4": 300 * SCALE, "by_category": {"blocked": 2}, "ids": ids}
    shown = {
        "previewing": _task(session, now, "preview", manager, asked, status="running", progress_total=4),
        "previewed": _task(session, now, "preview", manager, asked, status="done", finished_at=now,
                           result=json.dumps(RESULT | {"clear": clear, "open": TOLD["open"]})),
        "vain": _task(session, now, "preview", manager, asked, status="done", finished_at=now,
                      result=json.dumps(RESULT | {"clear": NOTHING})),
        "lost": _task(session, now, "preview", manager, asked, status="failed", finished_at=now, error="A full disk"),
    }  # fmt: skip
    session.add(CatalogAddition(
        kind="crosswalk", payload=json.dumps(addition), summary="M is V1", reason="Same tax ID", case_id=cause.id,
        asked_by_id=manager.id, approved_by_id=manager.id, created_at=now, expires_at=now + 90 * 24 * HOUR,
    ))  # fmt: skip
    return {"cause": encode(cause.id), **shown}


def _task(session: Session, now: datetime, kind: str, person: User, asked: Any, **columns: Any) -> str:
    row: dict[str, Any] = {"scope": f"{kind}:{len(session.new)}", "correlation_id": "c"}
    task = Task(
        kind=kind, payload=json.dumps(asked), not_before=now, created_at=now, requested_by_id=person.id, **row | columns
    )  # fmt: skip
    session.add(task)
    session.flush()
    return str(task.id)


def _tasks(session: Session, now: datetime, person: dict[str, User]) -> dict[str, str]:
    """What a person can ask the jobs for, as it waits, ends well and ends badly."""
    analyst, manager, done = (
        person["integration_analyst"],
        person["manager"],
        {"status": "done", "finished_at": now},
    )
    typed = {"text": "overrides: {}", "days": 2}
    feed, export = {"feed": "ap_invoices"}, {"filter": {}, "user_id": manager.id}
    wrong = json.dumps({"refused": ["(tried):4: no such field"]})
    _task(
        session,
        now,
        "feed_preview",
        analyst,
        feed,
        scope="feed_preview:ap_invoices",
        result=json.dumps(FOUND),
        **done,
    )
    workbook = json.dumps({"file": "1.xlsx", "rows": 3})
    return {
        "tried": _task(session, now, "try", analyst, typed, result=json.dumps(TOLD), **done),
        "refused": _task(session, now, "try", analyst, typed, result=wrong, **done),
        "trying": _task(session, now, "try", analyst, typed, status="running", progress_done=1, progress_total=3),
        "exported": _task(session, now, "export", manager, export, result=workbook, **done),
        "broken": _task(session, now, "export", manager, export, status="failed",
                        finished_at=now, error="The disk is full"),
    }  # fmt: skip


def _storms(session: Session, now: datetime, snapshot: int) -> None:
    """One that is held, one that was let through."""
    row = {
        "category": "price_variance",
        "entity": "H01",
        "queue": "ap",
        "reference": "PO-7",
        "worth_e4": 12 * SCALE,
    }
    causes = [
        {"kind": "feed", "feed": "erp_orders", "run": 7, "read": 12, "before": 900, "deleted": 0, "odd": True},
        {"kind": "shared", "attribute": "counterparty", "value": "Medline", "count": 300, "of": 310},
        {"kind": "configuration"},
    ]  # fmt: skip
    about: dict[str, Any] = {
        "check_code": "p2p.order_match", "first_at": now, "last_at": now, "would_open": 310, "found": 400, "most": 200,
        "largest": 9, "sketch": "[]", "sample": json.dumps([row | {"sentence": "Medline overcharged."}]),
        "causes": json.dumps(causes), "config_snapshot_id": snapshot,
    }  # fmt: skip
    session.add(Storm(scope="H01", state="held", round=1, **about))
    session.add(Storm(scope="H02", state="released", round=2, why="A new hospital", decided_at=now, decided_by_id=2,
                      ended_at=now, ended_how="taken_in", **about))  # fmt: skip
    session.flush()


def _events(session: Session, now: datetime) -> dict[str, str]:
    body = {
        "id": "E1",
        "type": "order.changed",
        "data": {"order_number": "PO-00001", "price": "many", "account": "9"},
    }
    event = InboxEvent(
        feed="erp_orders", source="/erp", event_id="E1", type="order.changed", received_at=now, correlation_id="TX-1",
        state="dead", body=json.dumps(body), reason="price: expected an amount, found 'many'",
    )  # fmt: skip
    session.add(event)
    session.flush()
    return {"event": str(event.id)}


def _told(session: Session, now: datetime, ids: list[int], person: dict[str, User]) -> None:
    """Notices, mail that came back, and a comment that is pinned."""
    for each in person.values():
        for number, about in enumerate(ids[:2]):
            session.add(Notice(
                user_id=each.id, case_id=about, kind="assigned", text=f"PO-0000{number + 1}/1 is yours now.", link="/",
                dedupe=f"{each.id}:{number}", created_at=now, read_at=now if number else None,
            ))  # fmt: skip
        session.add(Mail(
            user_id=each.id, recipient=each.email, subject="x", body="x", message_id=f"m{each.id}", status="failed",
            not_before=now, created_at=now, error="No such mailbox", correlation_id="c",
        ))  # fmt: skip
    case = session.get_one(ExceptionCase, ids[0])
    said = "They sent a credit note."
    session.add(CaseComment(case_id=case.id, author_id=2, text=said, created_at=now, pinned_at=now))
    case.note = said
    session.get_one(ExceptionCase, ids[1]).owner_id = person["specialist"].id


def _many(session: Session, now: datetime, ids: list[int], snapshot: int, manager: User) -> dict[str, str]:
    """Bulk actions: one that is under way, one that can be undone."""
    about: dict[str, Any] = {
        "asked": json.dumps({"reason": "price_accepted", "text": ""}), "amount_e4": 400 * SCALE, "correlation_id": "c",
        "requested_by_id": manager.id, "created_at": now, "config_snapshot_id": snapshot,
    }  # fmt: skip
    moving = BulkAction(
        token="m", action="resolve", title="Resolve 4 exceptions", status="running", total=4, **about
    )
    done = BulkAction(token="d", action="claim", title="Claim 2 exceptions", status="done", total=2, finished_at=now,
                      undo_until=now + HOUR, **about)  # fmt: skip
    session.add_all([moving, done])
    session.flush()
    for bulk, states in ((moving, ("done", "refused", "waiting", "waiting")), (done, ("done", "refused"))):
        for case, status in zip(ids, states, strict=False):
            note = "It was changed meanwhile." if status == "refused" else None
            session.add(
                BulkItem(bulk_id=bulk.id, case_id=case, seen=1, status=status, note=note, before="{}")
            )
    return {"moving": str(moving.id), "done": str(done.id)}


def retry(app: Flask, references: list[str]) -> None:
    """One retry that gave up, one that waits for approval, one that needs a decision, one that waits at a system that
    rests; and a batch that is being prepared.
    """
    session, jobs = db.session(), Retrying(db.session(), app, utc_now())
    asker = session.query(User).filter_by(role="specialist").one()
    ids = [decode(reference) or 0 for reference in references]

    def ask(number: int, **edits: str) -> None:
        retry_asking.start(
            session, jobs.ctx, viewer_for(asker, jobs.catalog), token=f"{number:032}", case_ids=[ids[number]],
            title=f"Batch of {number}", reason="Agreed", edits={ids[number]: edits} if edits else None,
        )  # fmt: skip
        session.commit()

    ask(0)
    jobs.prepare()
    jobs.answer(Outcome.TRANSIENT, error="503 Service Unavailable", status_code=503)
    jobs.answer(Outcome.PERMANENT, later=HOUR, error="No such order.", error_class="cancelled")
    ask(1, price="4150")
    jobs.prepare()
    ask(2)
    jobs.prepare()
    ask(3)
    session.query(Delivery).filter_by(case_id=ids[2]).update({"status": "unsure", "last_error": "No answer."})
    session.query(ExceptionCase).filter_by(id=ids[2]).update({"retry_state": "unsure"})
    session.add(
        SystemGate(
            system="DESK", state="open", opened_at=jobs.now, retry_at=jobs.now + HOUR, changed_at=jobs.now
        )
    )
    session.commit()
