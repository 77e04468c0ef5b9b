"""Bank and pay data of an exception show to nobody whose role does not read them, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.duck import closing_session
from exceptions_app.extensions import db
from exceptions_app.models import Mail, Task
from exceptions_app.records.landing import land
from exceptions_app.runtime import runtime
from exceptions_app.services import api_keys, mail_digest, notices, runs
from exceptions_app.services.context import ActionContext, Actor
from exceptions_app.services.runs import COMPLETE, RunCounts
from jobs.handlers import HANDLERS
from jobs.runner import Runner
from tests.conftest import NOW

from .conftest import EVIDENCE
from .foreign import MARK, OWN
from .retrying import TOKEN, Retrying
from .test_roles import EVERYBODY, TABLE

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


def _landed(session: Session, app: Flask, snapshot_id: int) -> None:
    """The records behind the exception, as each side's feed has read them."""
    store = runtime(app).store
    for feed, code, system, row in (
        ("erp_orders", "page_order", "ERP1", "31.00 AS price, 'EA' AS unit, '111' AS account, '444' AS rate"),
        (
            "ap_invoices",
            "page_invoice",
            "AP1",
            "43.75 AS price, 'EA' AS unit, '222' AS account, '333' AS rate",
        ),
    ):
        run = runs.begin(session, feed, now=NOW, snapshot_id=snapshot_id, correlation_id="c-run")
        with closing_session() as con:
            rows = con.sql(
                f"SELECT 'H01' AS entity, '{system}' AS source_system, 'PO-1' AS source_id, "
                "TIMESTAMPTZ '2026-11-20 14:00+00' AS source_time, TIMESTAMPTZ '2026-11-20 15:00+00' AS fetched_at, "
                f"'PO-1' AS order_number, {row}"
            )
            land(store.table_uri(code), store.layout(code), feed, run.id, 0, rows)
        runs.finish(session, run.id, status=COMPLETE, counts=RunCounts(1, 1), watermark=None, now=NOW)
    session.commit()


def _mailed(session: Session, app: Flask, client: FlaskClient, snapshot_id: int) -> str:
    """The message that the notices of this person become, and what they are told on screen."""
    catalog = runtime(app).catalog
    ctx = ActionContext(catalog, NOW, Actor("job", "tell"), snapshot_id, "c")
    notices.tell(session, ctx, NOW - timedelta(days=1), mails=True)
    session.commit()
    later = replace(ctx, now=NOW + timedelta(days=1))
    mail_digest.compose(session, later, "https://tieout.example")
    session.commit()
    person = client.person  # type: ignore[attr-defined]
    mails = session.scalars(select(Mail).where(Mail.user_id == person.id)).all()
    session.commit()
    return "".join(mail.subject + mail.body for mail in mails) + client.get("/notices").text


def _tried(app: Flask, client: FlaskClient) -> str:
    """What a check would open, if it allowed less."""
    text = "overrides: {checks: {p2p.order_match: {tolerances: {price: {absolute: 1}}, key: [order_number]}}}"
    asked = client.post("/integration/try", data={"text": text, "days": "0"})
    if asked.status_code != 303:
        return ""
    with app.app_context():
        Runner(runtime(app), db.engine, HANDLERS, ("try",)).drain()
        db.session.remove()
    return client.get(asked.location).text


@pytest.mark.parametrize("role", EVERYBODY.split())
def test_bank_and_pay_data_show_nowhere_beside_the_page_either(
    role: str, app: Flask, world: dict[str, Any], session: Session, sign_in: Callable[..., FlaskClient],
    make_case: Callable[..., Any], snapshot_id: int,
) -> None:  # fmt: skip
    """In notices, mail, letters, the raw record, traces, try-outs, what is similar or printed, batches, approvals."""
    case, reference = world["cases"]["open"], encode(world["cases"]["open"].id)
    for number in range(3):
        make_case(
            status="resolved",
            end_reason="price_accepted",
            resolved_at=NOW,
            evidence=EVIDENCE,
            entity=OWN[0],
            fingerprint=f"like{number}".encode().ljust(16),
            line_key=case.line_key,
            facts=case.facts,
        )
    _landed(session, app, snapshot_id)
    client = sign_in(role)
    case.owner_id = client.person.id  # type: ignore[attr-defined]
    session.commit()
    _edited(case, session, app, sign_in("manager"))
    sign_in("manager").post(
        f"/exceptions/{reference}/comments", data={"text": "Look", "version": str(case.version)}
    )
    whole = client.get(f"/exceptions/{reference}").text
    texts = {
        "letter": html.tostring(html.fromstring(whole).get_element_by_id("letter"), encoding="unicode"),
        "similar": whole.partition("Resolved before")[2].partition("</section>")[0],
        "record": client.post(f"/exceptions/{reference}/record").text,
        "mail": _mailed(session, app, client, snapshot_id),
        "trace": client.get("/integration/trace?q=PO-1").text,
        "tried": _tried(app, client),
        "batch": client.get(f"/retries/{Retrying(session, app).batch.id}").text,
        "approvals": client.get("/retries/approvals").text,
        "causes": client.get("/causes").text,
        "board": client.get("/sla").text,
    }
    assert MARK in texts["letter"] and "mailto:" in texts["letter"] and texts["similar"]
    assert "PO-1" in texts["trace"] and "43.75" in texts["trace"]
    assert "waits for your approval" in texts["mail"] or role != "manager"
    assert ("Would open" in texts["tried"]) == (role == "integration_analyst")
    reads = {"record", "trace", "batch", "approvals"} if role in {"manager", "auditor"} else set()
    for kind, values in SENSITIVE.items():
        shown = {name for name, text in texts.items() if re.search(rf"\b({'|'.join(values)})\b", text)}
        assert shown <= reads, kind
        assert {"record", "trace"} & reads <= shown, kind


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
    if role in str(TABLE["POST", "exports.ask"]).split():
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
