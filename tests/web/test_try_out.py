"""The page on which a check is tried: it asks for a task, and shows to who asked what came of it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import Task
from exceptions_app.services.engine import reading
from tests.conftest import NOW

ANALYST = "integration_analyst"
NOTHING = {"count": 0, "worth_e4": 0, "by_category": {}, "ids": []}
TOLD = {
    "flows": ["procure_to_pay"], "partial": {}, "clear": NOTHING, "change": NOTHING,
    "open": {
        "count": 3, "worth_e4": 120_0000, "by_category": {"price_variance": 3},
        "sample": [
            {"category": "price_variance", "entity": "H01", "queue": "ap", "reference": "PO-7", "sentence": "Too dear.",
             "worth_e4": 40_0000}
        ],
    },
    "days": [
        {"at": "2026-11-23T15:00:00Z", "missing": "", "found": 9, "fewer": 0, "fewer_e4": 0, "more": 4, "more_e4": 1},
        {"at": "2026-11-22T15:00:00Z", "missing": "nothing was kept before"},
    ],
}  # fmt: skip


def looked(session: Session, person: int, **values: Any) -> str:
    task = Task(
        kind="try", scope=f"try:{person}", payload=json.dumps({"text": "overrides: {}", "days": 2}), not_before=NOW,
        created_at=NOW, finished_at=NOW, correlation_id="c", requested_by_id=person, **values,
    )  # fmt: skip
    session.add(task)
    session.commit()
    return f"/integration/try/{task.id}"


def test_what_was_typed_is_asked_for_as_a_task(sign_in: Any, session: Session) -> None:
    client = sign_in(ANALYST)
    assert "What is to be tried" in client.get("/integration/try").text
    answer = client.post("/integration/try", data={"text": "checks: []\r\n", "days": "3"})
    assert answer.status_code == 303
    [task] = reading(session).scalars(select(Task).where(Task.kind == "try"))
    assert json.loads(task.payload) == {"text": "checks: []\n", "days": 3}
    assert "Waiting" in client.get(answer.location).text


def test_nothing_typed_is_refused_on_the_page(sign_in: Any) -> None:
    client = sign_in(ANALYST)
    for data in ({"text": " ", "days": "0"}, {"text": "checks: []", "days": "many"}, {"text": "x" * 100_001}):
        assert client.post("/integration/try", data=data).status_code == 422


def test_who_sees_some_facilities_only_cannot_try_what_reaches_all(sign_in: Any) -> None:
    answer = sign_in(ANALYST, entities=("H01",)).post("/integration/try", data={"text": "x", "days": "0"})
    assert (answer.status_code, "every facility" in answer.text) == (403, True)


def test_the_limits_of_a_check_are_there_to_begin_with(sign_in: Any, app: Any) -> None:
    from exceptions_app.runtime import runtime

    client = sign_in(ANALYST)
    for code in runtime(app).catalog.checks:
        page = client.get(f"/integration/try?check={code}").text
        assert "overrides:" in page
        assert code in page
    assert client.get("/integration/try?check=none").status_code == 200


def test_what_it_would_do_is_told_by_count_amount_and_day(sign_in: Any, session: Session) -> None:
    client = sign_in(ANALYST)
    page = client.get(looked(session, client.person.id, status="done", result=json.dumps(TOLD))).text
    for said in ("Would open", "$120.00", "PO-7", "Too dear.", "2026-11-23", "Nothing was kept before"):
        assert said in page, said


def test_what_is_wrong_with_it_is_told(sign_in: Any, session: Session) -> None:
    client = sign_in(ANALYST)
    result = json.dumps({"refused": ["(tried):4: no such field"]})
    assert "(tried):4" in client.get(looked(session, client.person.id, status="done", result=result)).text


def test_it_is_for_who_asked_and_for_their_queues(sign_in: Any, session: Session) -> None:
    client = sign_in(ANALYST, queues=("stores",))
    path = looked(session, client.person.id, status="done", result=json.dumps(TOLD))
    assert "PO-7" not in client.get(path).text
    assert sign_in(ANALYST).get(path).status_code == 404
