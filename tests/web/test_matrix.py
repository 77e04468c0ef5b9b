"""Every endpoint × every role × own and other entity × own and other queue: nothing of another's exception shows.

Each endpoint of the application is listed below by what it shows of an exception; one that is not listed fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import product
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.extensions import db
from exceptions_app.models import Delivery, ExceptionCase, Notice, RetryBatch, Task
from exceptions_app.runtime import runtime
from exceptions_app.services import api_keys, tasks
from jobs.handlers import HANDLERS
from jobs.runner import Runner
from tests.conftest import NOW

from .conftest import EVIDENCE
from .retrying import TOKEN, Retrying
from .test_roles import EVERYBODY, TABLE

MARK = "Quagga charged too much."
"""The sentence of every exception here: wherever it stands, an exception is shown."""
SHOW = {
    "my_work.index", "queues.index", "api_exceptions.index", "retries.batch", "retry_decisions.approvals",
    "retry_decisions.decisions", "notices.index",
}  # fmt: skip
"""Pages that show the exceptions that one may see."""
ABOUT_ONE = {
    "queues.note",
    "cases.show", "cases.claim", "cases.release", "cases.assign", "cases.hold", "cases.resume", "cases.resolve",
    "cases.waive", "cases.reopen", "cases.comment",
    "case_notes.pin", "case_notes.unpin", "case_notes.record",
    "case_retry.state", "case_retry.retry", "case_retry.review",
    "case_retry.reread", "watching.watch", "watching.unwatch", "api_exceptions.show", "retry_gave_up.one",
    "retry_gave_up.review",
    "retry_decisions.judge", "retry_decisions.decide",
}  # fmt: skip
"""What is about one exception, which its address names: for others it does not exist."""
SILENT = {
    "causes.index", "causes.show", "causes.cluster", "cause_fixes.preview", "cause_fixes.preview_limit",
    "cause_fixes.fix", "cause_fixes.apply", "cause_fixes.withdraw",
    "static", "health.healthz", "auth.sign_in", "auth.sign_in_now", "auth.sign_out", "auth.me", "auth.set_theme",
    "auth.set_password", "auth.set_away", "keys.index", "keys.make", "keys.revoke", "notices.bell", "notices.read_all",
    "notices.open_one", "notices.set_mail", "openapi.spec", "queues.claim", "queues.rows", "queues.retry",
    "retries.index", "retries.new", "retries.start", "retries.steer", "retries.systems", "retry_gave_up.index",
    "retry_gave_up.choose", "retry_gave_up.confirm", "retry_gave_up.again", "retry_gave_up.discard",
    "dashboards.sla", "dashboards.sla_figure", "exports.index", "exports.ask", "exports.download", "tasks.show",
    "tasks.cancel", "integration.feeds", "integration.runs", "integration.rejects", "integration.checks",
    "dead_events.index", "dead_events.show", "dead_events.replay", "dead_events.discard", "trace.index",
    "storms.index", "storms.show", "storms.release", "storms.discard",
    "try_out.index", "try_out.ask", "try_out.show",
    "feed_preview.show", "feed_preview.ask", "integration_feed.show", "integration_feed.pause",
    "integration_feed.resume", "integration_feed.backfill", "integration_feed.replay", "interfaces.register",
    "interfaces.export", "interfaces.systems",
    "api_events.receive", "api_validate.validate", "integration.configuration", "integration.read_now",
    "integration.compare_now",
    "admin.people",
    "admin.new_person", "admin.add_person", "admin.edit_person", "admin.change_person", "admin.new_password",
    "admin.unlock", "views.index", "views.save", "views.rename", "views.delete", "views.default", "views.layout",
    "views.paste", "bulk.index", "bulk.choose", "bulk.new", "bulk.start", "bulk.show", "bulk.cancel", "bulk.undo",
}  # fmt: skip
"""What shows no exception at all, or at most counts them."""
OWN = ("H01", "ap")
SCOPES = [pair for pair in product(("H01", "H02"), ("ap", "stores")) if pair != OWN]


@pytest.fixture
def world(session: Session, make_case: Callable[..., Any], user: Callable[..., Any]) -> dict[str, Any]:
    """Exceptions of one entity and queue: open, and with a retry in each state that has a page of its own."""
    asker = user("manager")
    cases = {
        name: make_case(
            entity=OWN[0], queue=OWN[1], sentence=MARK, evidence=EVIDENCE, reference=f"REF-{name}",
            fingerprint=name.encode().ljust(16), line_key=None, id=number,
        )
        for number, name in enumerate(("open", "failed", "awaiting_approval", "unsure"), 710_000)
    }  # fmt: skip
    batch = RetryBatch(
        token="t", title="Prices", status="sending", selection=json.dumps({"cases": []}), total=3,
        requested_by_id=asker.id, created_at=NOW, correlation_id="c",
        config_snapshot_id=cases["open"].config_snapshot_id,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    deliveries = {
        name: _delivery(session, case, batch, asker) for name, case in cases.items() if name != "open"
    }
    session.commit()
    return {"cases": cases, "batch": batch.id, "deliveries": deliveries}


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


def _paths(app: Flask, world: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(method, endpoint, path) of every endpoint, with the ids of this world."""
    waiting = {"retry_decisions.judge": "awaiting_approval", "retry_decisions.decide": "unsure"}
    for method, endpoint in sorted(TABLE):
        known = {
            "reference": encode(world["cases"]["open"].id), "comment_id": 1, "batch_id": world["batch"], "task_id": 1,
            "feed": "erp_orders", "flow": "procure_to_pay", "user_id": 1, "key_id": 1, "notice_id": 1,
            "filename": "css/app.css", "view_id": 1, "bulk_id": 1, "addition_id": 1, "event_id": 1,
            "step": "pause", "verdict": "approve", "storm_id": 1, "record_type": "page_order",
            "delivery_id": world["deliveries"][waiting.get(endpoint, "failed")],
        }  # fmt: skip
        rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
        with app.test_request_context():
            yield method, endpoint, app.url_for(endpoint, **{name: known[name] for name in rule.arguments})


def _tell(session: Session, person: Any, case: Any) -> None:
    session.add(Notice(
        user_id=person.id, case_id=case.id, kind="breached", text=MARK, link="/", dedupe=f"event:{person.id}",
        created_at=NOW,
    ))  # fmt: skip
    session.commit()


def _may(role: str, method: str, endpoint: str) -> bool:
    roles = TABLE[method, endpoint]
    return roles is None or role in roles.split()


def test_every_endpoint_is_listed_once(app: Flask) -> None:
    listed = [*SHOW, *ABOUT_ONE, *SILENT]
    assert len(listed) == len(set(listed))
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(listed)


@pytest.mark.parametrize("role", EVERYBODY.split())
@pytest.mark.parametrize(("entity", "queue"), SCOPES)
def test_nothing_of_another_entity_or_queue_shows_anywhere(
    role: str, entity: str, queue: str, app: Flask, world: dict[str, Any], session: Session,
    sign_in: Callable[..., FlaskClient],
) -> None:  # fmt: skip
    client = sign_in(role, entities=(entity,), queues=(queue,))
    _tell(session, client.person, world["cases"]["open"])  # type: ignore[attr-defined]
    for method, endpoint, path in _paths(app, world):
        if endpoint in {"auth.sign_out", "auth.set_password"}:
            continue
        answer = client.open(path, method=method)
        assert MARK not in answer.text, endpoint
        assert "REF-" not in answer.text, endpoint
        if endpoint in ABOUT_ONE and _may(role, method, endpoint):
            assert answer.status_code == 404, (endpoint, answer.status_code)


@pytest.mark.parametrize("role", EVERYBODY.split())
def test_what_is_ones_own_shows_where_it_should(
    role: str, app: Flask, world: dict[str, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(role, entities=(OWN[0],), queues=(OWN[1],))
    _tell(session, client.person, world["cases"]["open"])  # type: ignore[attr-defined]
    for method, endpoint, path in _paths(app, world):
        if endpoint not in SHOW | ABOUT_ONE or not _may(role, method, endpoint):
            continue
        answer = client.open(path, method=method)
        assert answer.status_code not in {403, 404}, (endpoint, answer.status_code)
        if endpoint in SHOW:
            assert MARK in answer.text or "REF-" in answer.text, endpoint


NAMING: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "queues.rows"): {"ids": "{case}"},
    ("GET", "bulk.new"): {"action": "claim", "pick": "{case}:1"},
    ("GET", "retries.new"): {"case": "{case}"},
    ("GET", "retry_gave_up.confirm"): {"id": "{delivery}"},
    ("GET", "trace.index"): {"q": "{reference}"},
    ("GET", "tasks.show"): {"task_id": "{task}"},
    ("GET", "exports.download"): {"task_id": "{task}"},
    ("POST", "queues.claim"): {"pick": "{case}:1"},
    ("POST", "bulk.start"): {"action": "claim", "pick": "{case}:1", "token": TOKEN, "stamp": "{stamp}"},
    ("POST", "retries.start"): {"case": "{case}", "mode": "send", "token": TOKEN},
    ("POST", "retry_gave_up.discard"): {"id": "{delivery}", "reason": "Settled by phone"},
    ("POST", "retry_gave_up.again"): {"id": "{delivery}", "token": TOKEN},
}
"""What names an exception, a delivery or a task in the question or the form, not in the address of a page about it."""
_AT_RANDOM = re.compile(r"[0-9a-f]{32}")


def _named(
    client: FlaskClient, app: Flask, method: str, endpoint: str, of: dict[str, str]
) -> tuple[int, str]:
    """How a request that names this is answered, and read after it; what was named reads `#`."""
    stamp = re.search(r'name="stamp" value="([^"]*)"', _open(client, app, "GET", "bulk.new", of)[1])
    of = {**of, "stamp": stamp[1] if stamp else ""}
    status, text = _open(client, app, method, endpoint, of)
    for name in sorted(of, key=lambda each: -len(of[each])):
        text = text.replace(of[name], "#") if of[name] else text
    return status, _AT_RANDOM.sub("", text)


def _open(client: FlaskClient, app: Flask, method: str, endpoint: str, of: dict[str, str]) -> tuple[int, str]:
    args = {name: text.format(**{"stamp": "", **of}) for name, text in NAMING[method, endpoint].items()}
    with app.test_request_context():
        path = app.url_for(endpoint, **(args if method == "GET" else {}))
    answer = client.open(path, method=method, data=args if method == "POST" else None, follow_redirects=True)
    return answer.status_code, answer.text


@pytest.fixture
def named(world: dict[str, Any], app: Flask, session: Session) -> dict[str, str]:
    """An exception of this world, one of its deliveries, and an export of it that somebody else asked for."""
    folder = runtime(app).exports
    folder.mkdir(parents=True)
    (folder / "foreign.xlsx").write_text(MARK, encoding="utf-8")
    asker = session.get_one(RetryBatch, world["batch"]).requested_by_id
    task = tasks.request(
        session, "export", "export:1", {"filter": {}, "user_id": asker}, asker, NOW, always=True
    )
    task.status, task.result, task.finished_at = "done", json.dumps({"file": "foreign.xlsx", "rows": 4}), NOW
    task.id = 910_000
    session.commit()
    case = world["cases"]["open"]
    delivery = world["deliveries"]["failed"]
    return {
        "case": str(case.id), "delivery": str(delivery), "reference": case.reference, "task": str(task.id),
        "public": encode(case.id),
    }  # fmt: skip


NOBODY = {
    "case": "719999", "delivery": "819999", "reference": "REF-none", "task": "919999", "public": encode(719_999),
}  # fmt: skip
"""What does not exist, in as many characters."""


def _books(session: Session) -> list[Any]:
    """All that a request could have done to what it names."""
    found = [
        session.execute(select(ExceptionCase.id, ExceptionCase.owner_id, ExceptionCase.version)).all(),
        session.execute(select(Delivery.id, Delivery.status)).all(),
        session.execute(select(RetryBatch.id)).all(),
    ]
    session.commit()
    return found


@pytest.mark.parametrize(("entity", "queue"), SCOPES)
def test_what_is_named_and_is_another_s_is_answered_as_if_it_did_not_exist(
    entity: str, queue: str, app: Flask, named: dict[str, str], session: Session,
    sign_in: Callable[..., FlaskClient],
) -> None:  # fmt: skip
    before = _books(session)
    for role in EVERYBODY.split():
        client = sign_in(role, entities=(entity,), queues=(queue,))
        for method, endpoint in NAMING:
            answers = [_named(client, app, method, endpoint, of) for of in (named, NOBODY)]
            assert answers[0] == answers[1], (role, endpoint)
            assert MARK not in answers[0][1], (role, endpoint)
    assert _books(session) == before


def test_what_is_named_and_is_ones_own_is_answered_otherwise(
    app: Flask, named: dict[str, str], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in("manager", entities=(OWN[0],), queues=(OWN[1],))
    task = session.get_one(Task, int(named["task"]))
    task.requested_by_id = client.person.id  # type: ignore[attr-defined]
    session.commit()
    for method, endpoint in NAMING:
        answers = [_named(client, app, method, endpoint, of) for of in (NOBODY, named)]
        assert answers[0] != answers[1], endpoint
        delivery = session.get_one(Delivery, int(named["delivery"]), populate_existing=True)
        delivery.status = "failed"
        session.commit()


SENSITIVE = {"bank": ("111", "222", "999"), "hr": ("333", "444")}
"""What `EVIDENCE` holds in columns of each kind; and what somebody edits the account to."""


def _edited(case: Any, session: Session, app: Flask, client: FlaskClient) -> None:
    """A manager sends it again to another account: the trail keeps that it was edited."""
    form = {"version": "1", "token": TOKEN, "mode": "send", "field-account": "999", "reason": "By phone"}
    assert client.post(f"/exceptions/{encode(case.id)}/retry", data=form).status_code == 303
    Retrying(session, app).prepare()


def _exported(app: Flask, client: FlaskClient) -> str:
    """Every cell of the workbook that a person asks for and fetches."""
    assert client.post("/exports", data={"f-entity": OWN[0]}).status_code == 303
    with app.app_context():
        Runner(runtime(app), db.engine, HANDLERS, ("export",)).drain()
        [number] = db.session.scalars(select(Task.id).where(Task.kind == "export"))
        db.session.remove()
    book = openpyxl.load_workbook(BytesIO(client.get(f"/exports/{number}/download").data))
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    return " | ".join(cells)


@pytest.mark.parametrize("role", EVERYBODY.split())
def test_bank_and_pay_data_show_to_nobody_whose_role_does_not_read_them(
    role: str, app: Flask, world: dict[str, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    """On the page with its timeline and its retry, by search, through the API, in an export."""
    case = world["cases"]["open"]
    _edited(case, session, app, sign_in("manager"))
    client, reference = sign_in(role), encode(case.id)
    _, key = api_keys.make(session, client.person, "k", by="user:1", now=NOW)  # type: ignore[attr-defined]
    session.commit()
    api, keyed = f"/api/v1/exceptions/{reference}", {"Authorization": f"Bearer {key}"}
    texts = {
        "page": html.fromstring(client.get(f"/exceptions/{reference}").text).text_content(),
        "retry": html.fromstring(client.get(f"/exceptions/{reference}/retry").text).text_content(),
        "api": client.get(api, headers=keyed).text,
    }
    if _may(role, "POST", "exports.ask"):
        texts["export"] = _exported(app, client)
        assert MARK in texts["export"]
    assert "Account: edited" in texts["page"], "the timeline tells of the edit"
    reads = role in {"manager", "auditor"}
    for kind, values in SENSITIVE.items():
        shown = {name for name, text in texts.items() if re.search(rf"\b({'|'.join(values)})\b", text)}
        assert shown >= {"page", "api"} if reads else not shown, kind
        assert "export" not in shown, "an export holds no evidence, whoever asks"
    for value in [*SENSITIVE["bank"], *SENSITIVE["hr"]]:
        assert MARK not in client.get(f"/queue?q={value}").text
        assert client.get(f"/api/v1/exceptions?q={value}").json["exceptions"] == []
