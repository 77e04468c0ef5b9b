"""A small world of one entity and queue, to see what of it shows to others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import product
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.models import (
    ApiToken,
    BulkAction,
    BulkItem,
    CaseComment,
    CatalogAddition,
    Delivery,
    ExceptionCase,
    InboxEvent,
    Notice,
    RetryBatch,
    SavedView,
    Storm,
    Task,
)
from tests.conftest import NOW

MARK = "Quagga charged too much."
"""The sentence of every exception here: wherever it stands, an exception is shown."""
OWN = ("H01", "ap")
FORM = {"why": "because", "reason": "because", "found": "arrived", "name": "mine now", "from": "approvals"}
"""What forms say, so that an action gets as far as it may."""


def asked_of(world: dict[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    """What an address or a form may name beside what its path names: these exceptions, retries, views, a person."""
    numbers = [str(case.id) for case in world["cases"].values()]
    writes = [str(number) for number in world["deliveries"].values()]
    return FORM | {
        "pick": [f"{number}:1" for number in numbers] + writes, "case": numbers, "id": writes, "view": ids["view_id"],
        "update": ids["view_id"], "f-view": ids["view_id"], "task": ids["task_id"], "owner": ids["user_id"],
        "version": "1", "token": "0" * 32, "q": "REF-open", "f-q": "REF-open", "action": "claim", "do": "discard",
        "text": "Look", "ball": "supplier", "mode": "send", "category": "price_variance", "by": "entity",
        "value": OWN[0], "move": "own", "note": "Look",
    }  # fmt: skip


SCOPES = [pair for pair in product(("H01", "H02"), ("ap", "stores")) if pair != OWN]


def world_of(
    session: Session, make_case: Callable[..., Any], user: Callable[..., Any], evidence: str
) -> dict[str, Any]:
    """Exceptions of one entity and queue: open, and with a retry in each state that has a page of its own."""
    asker = user("manager")
    cases = {
        name: make_case(
            entity=OWN[0], queue=OWN[1], sentence=MARK, evidence=evidence, reference=f"REF-{name}",
            fingerprint=name.encode().ljust(16), line_key=None, id=number,
        )
        for number, name in enumerate(("open", "failed", "awaiting_approval", "unsure"), 710_000)
    }  # fmt: skip
    batch = _batch(asker, "t", cases["open"].config_snapshot_id)
    session.add(batch)
    session.flush()
    deliveries = {
        name: _delivery(session, case, batch, asker) for name, case in cases.items() if name != "open"
    }
    session.commit()
    return {"cases": cases, "batch": batch.id, "deliveries": deliveries, "asker": asker}


def _batch(asker: Any, token: str, snapshot_id: int) -> RetryBatch:
    return RetryBatch(
        token=token, title="Prices", status="sending", selection=json.dumps({"cases": []}), total=3,
        requested_by_id=asker.id, created_at=NOW, correlation_id="c", config_snapshot_id=snapshot_id,
    )  # fmt: skip


def _delivery(session: Session, case: Any, batch: RetryBatch, asker: Any) -> int:
    status = case.reference.removeprefix("REF-")
    made = Delivery(
        id=case.id + 100_000, batch_id=batch.id, case_id=case.id, operation="amend_price", system="DESK",
        idempotency_key=status, order_key=status, fields='{"order":"PO-1","price":"31"}', status=status,
        max_tries=8, not_before=NOW,
        requested_by_id=asker.id, created_at=NOW, first_error="no", last_error="no", error_class="cancelled",
        correlation_id="c", config_snapshot_id=case.config_snapshot_id,
    )  # fmt: skip
    session.add(made)
    case.retry_state = status
    session.flush()
    return int(made.id)


def belongings(session: Session, person: Any, world: dict[str, Any]) -> dict[str, int]:
    """What one person has, by the name of its id in an address: each about the open exception of the world."""
    case, snapshot = world["cases"]["open"], world["cases"]["open"].config_snapshot_id
    about: dict[str, Any] = {"requested_by_id": person.id, "correlation_id": "c", "created_at": NOW}
    opened = {"category": case.category, "entity": OWN[0], "queue": OWN[1], "reference": "REF-new", "sentence": MARK,
              "worth_e4": 1}  # fmt: skip
    preview = {
        "addition": {"kind": "crosswalk", "crosswalk": "unit", "local": "XX-local", "canonical": "EA"},
        "case": case.id, "category": case.category, "reason": "because", "expires_at": None, "back": "/causes",
    }  # fmt: skip
    sum_ = {"count": 1, "worth_e4": 1, "by_category": {}}
    told = {
        "clear": {**sum_, "ids": [case.id]}, "open": {**sum_, "sample": [opened]}, "change": sum_, "days": [],
        "partial": {},
    }  # fmt: skip
    tasks = {
        kind: Task(
            kind=kind, scope=f"{kind}:{person.id}", status=status, payload=json.dumps(payload), not_before=NOW,
            result=json.dumps(result), **about,
        )
        for kind, status, payload, result in (
            ("export", "done", {"filter": {"entity": [OWN[0]]}, "user_id": person.id},
             {"file": f"{person.id}.xlsx", "rows": 1, "scope": {"entities": [OWN[0]], "queues": [OWN[1]]}}),
            ("index", "queued", {}, {}),
            ("preview", "done", preview, told),
            ("try", "done", {"text": "overrides: {}", "days": 0}, told),
        )
    }  # fmt: skip
    bulk = BulkAction(
        token=f"bulk-{person.id}", action="claim", asked="{}", title="Claim one", status="done", total=1,
        amount_e4=1, undo_until=NOW + timedelta(minutes=5), finished_at=NOW, config_snapshot_id=snapshot, **about,
    )  # fmt: skip
    batch = _batch(person, f"own-{person.id}", snapshot)
    comment = CaseComment(case_id=case.id, author_id=person.id, text=MARK, created_at=NOW)
    view = SavedView(
        owner_id=person.id, name=f"{MARK} {person.id}", asked="{}", created_at=NOW, updated_at=NOW
    )
    notice = Notice(
        user_id=person.id, case_id=case.id, kind="breached", text=MARK, link=f"/exceptions/{encode(case.id)}",
        dedupe=f"own:{person.id}", created_at=NOW,
    )  # fmt: skip
    key = ApiToken(user_id=person.id, name="nightly", digest=f"{person.id:032}".encode(), created_at=NOW)
    session.add_all([*tasks.values(), bulk, batch, comment, view, notice, key])
    session.flush()
    session.add(
        BulkItem(
            bulk_id=bulk.id, case_id=case.id, seen=1, status="done", before='{"owner_id":null}', left_at=1
        )
    )
    session.commit()
    return {
        "export": tasks["export"].id, "task_id": tasks["index"].id, "preview": tasks["preview"].id,
        "try": tasks["try"].id, "bulk_id": bulk.id, "batch_id": batch.id, "comment_id": comment.id,
        "view_id": view.id, "notice_id": notice.id, "key_id": key.id, "user_id": person.id,
    }  # fmt: skip


def surroundings(session: Session, world: dict[str, Any]) -> dict[str, int]:
    """What belongs to no person: a run that is held, an event that became no record, what was added to the
    configuration for the open exception.
    """
    case, asker = world["cases"]["open"], world["asker"]
    row = {"category": case.category, "entity": OWN[0], "queue": OWN[1], "reference": "REF-storm", "sentence": MARK,
           "worth_e4": 1}  # fmt: skip
    storm = Storm(
        check_code="p2p.order_match", scope=OWN[0], state="held", first_at=NOW, last_at=NOW, would_open=310,
        found=400, most=200, largest=9, sketch="[]", sample=json.dumps([row]), causes="[]",
        config_snapshot_id=case.config_snapshot_id,
    )  # fmt: skip
    event = InboxEvent(
        feed="erp_orders", event_id="REF-event", type="order", received_at=NOW, correlation_id="c", state="dead",
        body=json.dumps({"order_number": "REF-event"}), reason="It has no price.",
    )  # fmt: skip
    addition = CatalogAddition(
        kind="crosswalk", summary=MARK, reason=MARK, case_id=case.id, asked_by_id=asker.id,
        approved_by_id=asker.id, created_at=NOW,
        payload=json.dumps({"kind": "crosswalk", "crosswalk": "unit", "local": "REF-local", "canonical": "EA"}),
    )  # fmt: skip
    session.add_all([storm, event, addition])
    session.commit()
    return {"storm_id": storm.id, "event_id": event.id, "addition_id": addition.id}


_TASKS = {"exports.download": "export", "cause_fixes.fix": "preview", "cause_fixes.apply": "preview",
          "try_out.show": "try"}  # fmt: skip
_DELIVERIES = {"retry_decisions.judge": "awaiting_approval", "retry_decisions.decide": "unsure"}


def path_of(app: Flask, endpoint: str, world: dict[str, Any], ids: Mapping[str, int]) -> str:
    """The address of an endpoint; every id in it is of something that is there."""
    known = {
        **ids, "reference": encode(world["cases"]["open"].id), "feed": "erp_orders", "flow": "procure_to_pay",
        "filename": "css/app.css", "step": "pause", "verdict": "approve", "record_type": "page_order",
        "batch_id": world["batch"], "task_id": ids[_TASKS.get(endpoint, "task_id")],
        "delivery_id": world["deliveries"][_DELIVERIES.get(endpoint, "failed")],
    }  # fmt: skip
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    with app.test_request_context():
        return app.url_for(endpoint, **{name: known[name] for name in rule.arguments})


def state_of(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that an action on somebody else's things would change."""
    session.commit()
    tables = (
        ExceptionCase, Delivery, RetryBatch, BulkAction, BulkItem, SavedView, ApiToken, Storm, InboxEvent,
        CatalogAddition, CaseComment, Task,
    )  # fmt: skip
    found = {
        table.__tablename__: [tuple(row) for row in session.execute(select(*table.__table__.columns))]
        for table in tables
    }
    session.commit()
    return found
