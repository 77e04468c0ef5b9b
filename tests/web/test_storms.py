"""Runs that are held: who sees what of them, and deciding."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import AuditEvent, Storm, Task
from exceptions_app.services.engine import reading
from tests.conftest import NOW

ANALYST = "integration_analyst"
CHECK = "p2p.order_match"


@pytest.fixture
def storm(session: Session, snapshot_id: int) -> Callable[..., int]:
    def make(scope: str = "H01", **columns: Any) -> Storm:
        row = {
            "category": "price_variance", "entity": scope, "queue": "ap", "reference": f"PO-{scope}",
            "sentence": f"Medline overcharged {scope}.", "worth_e4": 12_0000,
        }  # fmt: skip
        causes = [
            {"kind": "feed", "feed": "orders", "run": 7, "read": 12, "before": 900, "deleted": 0, "odd": True},
            {"kind": "shared", "attribute": "counterparty", "value": "Medline", "count": 300, "of": 310},
            {"kind": "configuration"},
        ]  # fmt: skip
        made = Storm(
            check_code=CHECK, scope=scope, state="held", round=1, first_at=NOW, last_at=NOW, would_open=310,
            found=400, most=200, largest=9, sketch="[]", sample=json.dumps([row]), causes=json.dumps(causes),
            config_snapshot_id=snapshot_id, **columns,
        )  # fmt: skip
        session.add(made)
        session.commit()
        return made.id

    return make


def now(session: Session, storm: int) -> Storm:
    session.rollback()
    session.expire_all()
    found = reading(session).get_one(Storm, storm)
    session.expunge(found)
    session.rollback()
    return found


def path(storm: int, step: str = "") -> str:
    return f"/integration/storms/{storm}{step}"


def test_the_page_says_how_many_why_and_what(storm: Callable[..., int], sign_in: Any) -> None:
    made, client = storm(), sign_in(ANALYST)
    assert "310" in client.get("/integration/storms").text
    page = client.get(path(made)).text
    for said in (
        "It would open 310 exceptions", "200 at most", "run 7 read 12 rows, the run before 900",
        "300 of 310 are with Medline", "was changed since", "PO-H01", "Medline overcharged H01.", "$12.00",
    ):  # fmt: skip
        assert said in page, said


def test_released_it_is_asked_to_be_compared_now(
    storm: Callable[..., int], sign_in: Any, session: Session
) -> None:
    made = storm()
    client = sign_in(ANALYST)
    answer = client.post(path(made, "/release"), data={"why": "a new hospital"})
    assert answer.status_code == 303
    found = now(session, made)
    assert (found.state, found.why, found.decided_by_id) == ("released", "a new hospital", client.person.id)
    trail = reading(session).scalars(select(AuditEvent.tag).where(AuditEvent.subject == f"check:{CHECK}"))
    assert list(trail) == ["storm:released"]
    session.rollback()
    page = client.get(path(made)).text
    assert "a new hospital" in page
    assert 'name="why"' not in page
    assert client.post(path(made, "/release"), data={"why": "again"}).status_code == 409
    scopes = [task.scope for task in session.scalars(select(Task))]
    assert scopes in ([], ["reconcile:procure_to_pay"])


def test_discarded_it_may_still_be_released(
    storm: Callable[..., int], sign_in: Any, session: Session
) -> None:
    made, client = storm(), sign_in("manager", entities=("H01",), queues=("ap",))
    assert client.post(path(made, "/discard"), data={"why": "half a file"}).status_code == 303
    assert now(session, made).state == "discarded"
    assert client.post(path(made, "/discard"), data={"why": "again"}).status_code == 409
    assert client.post(path(made, "/release"), data={"why": "it was whole"}).status_code == 303
    assert now(session, made).state == "released"


@pytest.mark.parametrize("step", ["/release", "/discard"])
def test_no_reason_no_decision(step: str, storm: Callable[..., int], sign_in: Any, session: Session) -> None:
    made = storm()
    answer = sign_in(ANALYST).post(path(made, step), data={"why": " "})
    assert (answer.status_code, "Say why" in answer.text) == (422, True)
    assert now(session, made).state == "held"


def test_a_storm_elsewhere_does_not_exist(storm: Callable[..., int], sign_in: Any) -> None:
    other, network = storm("H02"), storm("*")
    client = sign_in("manager", entities=("H01",))
    assert "No run is held" in client.get("/integration/storms").text
    for made in (other, network):
        assert client.get(path(made)).status_code == 404
        assert client.post(path(made, "/release"), data={"why": "x"}).status_code == 404


def test_who_works_in_other_queues_neither_reads_the_sample_nor_decides(
    storm: Callable[..., int], sign_in: Any
) -> None:
    made, client = storm(), sign_in("manager", entities=("H01",), queues=("stores",))
    page = client.get(path(made)).text
    assert "overcharged" not in page
    assert "Release" not in page
    assert client.post(path(made, "/release"), data={"why": "x"}).status_code == 409


def test_what_is_over_is_told_and_not_decided(storm: Callable[..., int], sign_in: Any) -> None:
    made, client = storm(ended_at=NOW, ended_how="over"), sign_in(ANALYST)
    assert "within its limits again" in client.get("/integration/storms").text
    assert "Release" not in client.get(path(made)).text
    assert client.post(path(made, "/release"), data={"why": "x"}).status_code == 409


def test_a_manager_finds_storms_and_nothing_else_of_integration(
    storm: Callable[..., int], sign_in: Any
) -> None:
    storm()
    page = sign_in("manager").get("/integration/storms").text
    assert 'href="/integration/storms"' in page
    assert 'href="/integration"' not in page
