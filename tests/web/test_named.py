"""What is named in a question or a form, not in the address of a page about it: another's does not exist."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.models import Delivery, ExceptionCase, RetryBatch, Task
from exceptions_app.runtime import runtime
from exceptions_app.services import tasks
from tests.conftest import NOW

from .foreign import MARK, OWN, SCOPES
from .retrying import TOKEN
from .test_roles import EVERYBODY

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
