"""The pinned comment, the raw record and the parts of the timeline, on the page of one exception."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.models import AuditEvent, CaseComment, CaseEvidence, CheckRun, SyncRun
from tests.conftest import NOW


def now_of(session: Session, case: Any) -> Any:
    """The row as it stands, without keeping a transaction open."""
    session.refresh(case)
    session.commit()
    return case


def path(case: Any, rest: str = "") -> str:
    return f"/exceptions/{encode(case.id)}{rest}"


def test_a_comment_is_pinned_as_it_is_written_and_stands_above_all(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    answer = client.post(
        path(case, "/comment"), data={"version": "1", "text": "Call <b>Ann</b>.", "pin": "yes"}
    )
    page = client.get(answer.location).text
    assert 'id="pinned"' in page and "Call &lt;b&gt;Ann&lt;/b&gt;." in page
    now = now_of(session, case)
    assert (now.note, now.version) == ("Call <b>Ann</b>.", 2)


def test_another_comment_is_pinned_in_its_place_and_taken_down_again(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    for text in ("first", "second"):
        client.post(path(case, "/comment"), data={"version": "1", "text": text})
    chosen = session.scalar(select(CaseComment.id).where(CaseComment.text == "second"))
    session.commit()
    answer = client.post(path(case, f"/comments/{chosen}/pin"), data={"version": "1"})
    assert answer.status_code == 303
    assert now_of(session, case).note == "second"
    assert client.post(path(case, "/unpin"), data={"version": "2"}).status_code == 303
    assert now_of(session, case).note is None
    assert client.post(path(case, "/unpin"), data={"version": "3"}).status_code == 422


def test_pinning_what_somebody_changed_meanwhile_is_a_conflict(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    client.post(path(case, "/comment"), data={"version": "1", "text": "first"})
    number = session.scalar(select(CaseComment.id))
    session.commit()
    client.post(path(case, "/claim"), data={"version": "1"})
    answer = client.post(path(case, f"/comments/{number}/pin"), data={"version": "1"})
    assert answer.status_code == 409 and "Somebody was faster" in answer.text


def test_the_raw_record_is_shown_as_far_as_the_role_reads_and_each_look_is_noted(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    assert "Show the raw record" in sign_in("auditor").get(path(case)).text
    assert "Show the raw record" not in sign_in("specialist").get(path(case)).text
    whole = sign_in("auditor").post(path(case, "/record"))
    assert whole.status_code == 200 and "<td>222</td>" in whole.text
    assert (whole.headers["Cache-Control"], whole.headers["HX-Push-Url"]) == ("no-store", "false")
    masked = sign_in("integration_analyst").post(path(case, "/record")).text
    assert "222" not in masked and "Hidden from your role" in masked and "43.75" in masked
    assert sign_in("specialist").post(path(case, "/record")).status_code == 403
    looks = select(AuditEvent.actor).where(AuditEvent.tag == "case:record_viewed")
    assert len(list(session.scalars(looks))) == 2


def test_looking_by_address_shows_nothing(case: Any, sign_in: Callable[..., FlaskClient]) -> None:
    assert sign_in("auditor").get(path(case, "/record")).status_code == 405


@pytest.fixture
def ran(session: Session, case: Any) -> Any:
    """Its evidence is of a run that compared one read of each feed; another check ran under the same id."""
    common = {"started_at": NOW, "correlation_id": "c1", "config_snapshot_id": case.config_snapshot_id}
    read = SyncRun(feed="erp_orders", status="complete", read_started_at=NOW, finished_at=NOW, **common)
    stray = SyncRun(feed="ap_invoices", status="partial", read_started_at=NOW, finished_at=NOW, **common)
    stray.correlation_id = "other"
    session.add_all([read, stray])
    session.flush()
    sides = f'{{"erp_orders": {{"run_id": {read.id}}}}}'
    runs = [
        CheckRun(check_code=code, scope="H01", status="complete", finished_at=NOW, sides=sides, **common)
        for code in ("p2p.order_match", "p2p.other")
    ]
    session.add_all(runs)
    session.flush()
    evidence = session.scalars(select(CaseEvidence).where(CaseEvidence.case_id == case.id)).one()
    evidence.check_run_id = runs[0].id
    session.commit()
    return case


def test_the_timeline_tells_what_every_system_did_and_can_be_read_in_parts(
    ran: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    client.post(path(ran, "/claim"), data={"version": "1"})
    whole, people, systems = (
        client.get(path(ran, part)).text for part in ("", "?show=people", "?show=systems")
    )
    delivered, compared, claimed = (
        "delivered “Orders of the ERP”",
        "ran: “Orders and invoices”",
        "claimed this",
    )
    assert all(said in whole for said in (delivered, compared, claimed))
    assert claimed in people and delivered not in people
    assert claimed not in systems and delivered in systems and compared in systems
    assert "ap_invoices" not in whole and "p2p.other" not in whole
    assert '<h3 class="day">Today</h3>' in whole


def test_days_have_heads_in_the_persons_zone(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    number = client.person.id  # type: ignore[attr-defined]
    for hours in (1, 16, 60):
        at = NOW - timedelta(hours=hours)
        session.add(CaseComment(case_id=case.id, author_id=number, text="x", created_at=at))
    session.commit()
    page = client.get(path(case)).text
    heads = [part.partition("<")[0] for part in page.split('<h3 class="day">')[1:]]
    assert heads == ["Today", "Yesterday", "21 Nov 2026"]


def test_how_similar_ones_were_resolved_is_told(
    session: Session, case: Any, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    for _ in range(3):
        make_case(
            status="resolved",
            end_reason="price_accepted",
            resolved_at=NOW,
            opened_at=NOW - timedelta(hours=2),
        )
    session.commit()
    page = sign_in().get(path(case)).text
    assert (
        "Resolved before" in page
        and "Price accepted" in page
        and "2 h" not in page.split("Resolved before")[0]
    )
