"""Bank and pay data of an exception show to nobody whose role does not read them, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
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
from exceptions_app.extensions import db
from exceptions_app.models import Task
from exceptions_app.runtime import runtime
from exceptions_app.services import api_keys
from jobs.handlers import HANDLERS
from jobs.runner import Runner
from tests.conftest import NOW

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
