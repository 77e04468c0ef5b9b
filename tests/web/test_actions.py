"""Every action on an exception, as a form: it works, it fits state and person, nobody's text is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.models import AuditEvent, CaseComment, ExceptionCase

FORMS: dict[str, dict[str, str]] = {
    "claim": {},
    "hold": {"reason": "Waiting for the packing slip", "ball": "supplier", "until": "2026-11-30"},
    "resolve": {"reason": "price_accepted", "note": "Agreed by phone."},
    "waive": {"reason": "Below what it costs to chase", "expires": "2026-12-31"},
    "comment": {"text": "Called them <b>twice</b>."},
}


def _post(client: FlaskClient, case: Any, action: str, version: int = 1, **form: str) -> Any:
    return client.post(f"/exceptions/{encode(case.id)}/{action}", data={"version": version, **form})


def _row(session: Session, case: Any) -> ExceptionCase:
    found = session.get_one(ExceptionCase, case.id, populate_existing=True)
    session.commit()
    return found


def _tags(session: Session, case: Any) -> list[str]:
    of_case = select(AuditEvent.tag).where(AuditEvent.case_id == case.id).order_by(AuditEvent.id)
    found = list(session.scalars(of_case))
    session.commit()
    return found


@pytest.mark.parametrize("action", FORMS)
def test_an_action_changes_the_exception_leaves_its_line_and_shows_the_page_again(
    action: str, session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    answer = _post(client, case, action, **FORMS[action])
    assert (answer.status_code, answer.location) == (303, f"/exceptions/{encode(case.id)}")
    assert len(_tags(session, case)) == 1
    page = client.get(answer.location).text
    assert client.person.name in page  # type: ignore[attr-defined]
    assert 'data-tone="green"' in page


def test_hold_says_whose_move_until_when_and_stops_the_clock(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    _post(client, case, "hold", **FORMS["hold"])
    row = _row(session, case)
    assert (row.on_hold, row.ball_in_court, row.hold_reason) == (
        True,
        "supplier",
        "Waiting for the packing slip",
    )
    assert row.hold_until == datetime(2026, 12, 1, 6, 0, tzinfo=UTC)  # the end of that day in Chicago
    page = client.get(f"/exceptions/{encode(case.id)}").text
    assert 'Whose move</dt><dd class="strong">Supplier' in page
    assert _post(client, case, "resume", row.version).status_code == 303
    assert _row(session, case).on_hold is False


def test_resolving_is_a_claim_that_can_be_taken_back(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    _post(client, case, "resolve", **FORMS["resolve"])
    row = _row(session, case)
    assert (row.status, row.end_reason) == ("awaiting_confirmation", "price_accepted")
    page = client.get(f"/exceptions/{encode(case.id)}").text
    assert "Price accepted" in page and "Agreed by phone." in page
    assert _post(client, case, "reopen", row.version, reason="Not agreed after all").status_code == 303
    assert _row(session, case).status == "open"


@pytest.mark.parametrize(
    ("action", "form", "said"),
    [
        ("hold", {"reason": " ", "ball": "supplier"}, "Say why it is on hold."),
        ("hold", {"reason": "x", "ball": ""}, "Say whose move it is."),
        ("hold", {"reason": "kept text", "ball": "supplier", "until": "31/12/2026"}, "is not a date"),
        ("hold", {"reason": "kept text", "ball": "supplier", "until": "2026-01-01"}, "not over yet"),
        ("hold", {"reason": "kept text", "ball": "nobody"}, "one of us"),
        ("resolve", {"reason": "", "note": "kept text"}, "Choose how it was resolved."),
        ("resolve", {"reason": "made_up", "note": "kept text"}, "Choose one of the reasons"),
        ("waive", {"reason": "kept text", "expires": ""}, "until when"),
        ("comment", {"text": ""}, "Write something first."),
        ("reopen", {"reason": "kept text"}, "Cannot reopen what is open."),
        ("resume", {}, "It is not on hold."),
    ],
)
def test_a_form_that_cannot_be_used_comes_back_with_the_reason_and_the_text(
    action: str,
    form: dict[str, str],
    said: str,
    session: Session,
    case: Any,
    sign_in: Callable[..., FlaskClient],
) -> None:
    answer = _post(sign_in(), case, action, **form)
    assert answer.status_code == 422
    assert said in answer.text
    if "kept text" in form.values() and action != "reopen":
        assert "kept text" in answer.text
    assert answer.headers["HX-Push-Url"] == "false"
    assert _tags(session, case) == []


@pytest.mark.parametrize("action", ["claim", "hold", "resolve", "waive"])
def test_the_second_of_two_people_is_told_who_did_what_and_loses_no_text(
    action: str, session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    first, second = sign_in(name="Dana First"), sign_in(name="Lee Second")
    _post(first, case, "hold", ball="buyer", reason="First words")
    answer = _post(second, case, action, **FORMS[action])
    assert answer.status_code == 409
    assert "Dana First put it on hold on 24 Nov 2026, 09:00." in answer.text
    assert 'name="version" value="2"' in answer.text
    assert "First words" in answer.text
    row = _row(session, case)
    assert (row.version, row.hold_reason, row.owner_id) == (2, "First words", None)
    if action == "waive":
        assert "Below what it costs to chase" in answer.text
        assert 'value="2026-12-31"' in answer.text
    assert answer.headers["HX-Push-Url"] == "false"


def test_a_comment_that_is_sent_twice_is_there_once(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    first, second = sign_in(), sign_in()
    for client in (first, first, second, first):
        assert _post(client, case, "comment", text=" Called them. ", pin="yes").status_code == 303
    texts = session.scalars(select(CaseComment.text).where(CaseComment.case_id == case.id)).all()
    assert texts == ["Called them."] * 3
    assert [tag for tag in _tags(session, case) if tag == "case:commented"] == ["case:commented"] * 3


def test_a_comment_never_conflicts(session: Session, case: Any, sign_in: Callable[..., FlaskClient]) -> None:
    first, second = sign_in(), sign_in()
    _post(first, case, "claim")
    assert _post(second, case, "comment", text="Still true").status_code == 303
    assert "Called" not in second.get(f"/exceptions/{encode(case.id)}").text


def test_what_a_person_writes_is_text_and_never_markup(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    _post(client, case, "comment", **FORMS["comment"])
    page = client.get(f"/exceptions/{encode(case.id)}").text
    assert "&lt;b&gt;twice&lt;/b&gt;" in page
    assert "<b>twice</b>" not in page


@pytest.mark.parametrize("action", [*FORMS, "reopen", "resume", "release"])
def test_another_entitys_or_queues_exception_does_not_exist(
    action: str, session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    for scope in ({"entities": ("H02",)}, {"queues": ("stores",)}):
        client = sign_in(**scope)
        assert _post(client, case, action, **FORMS.get(action, {})).status_code == 404
        assert client.get(f"/exceptions/{encode(case.id)}").status_code == 404
    assert _tags(session, case) == []


@pytest.mark.parametrize("version", ["", "x", "-1", "1.5"])
def test_a_form_without_a_version_is_refused(
    version: str, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    answer = sign_in().post(f"/exceptions/{encode(case.id)}/claim", data={"version": version})
    assert answer.status_code == 400


def test_assigning_is_for_managers_and_only_to_people_who_can_work_on_it(
    session: Session, case: Any, user: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    able, unable = user(name="Able Person"), user(name="Elsewhere", entities=("H02",))
    session.commit()
    manager = sign_in("manager")
    refused = _post(manager, case, "assign", owner=str(unable.id))
    assert refused.status_code == 422
    assert "Elsewhere does not work on this queue and entity." in refused.text
    assert _post(manager, case, "assign", owner=str(able.id)).status_code == 303
    assert _row(session, case).owner_id == able.id
    assert _post(manager, case, "assign", 2, owner="").status_code == 422


def test_a_category_that_is_never_waived_offers_no_waiver(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    case = make_case(category="bank_differs", severity="critical")
    session.commit()
    client = sign_in("manager")
    assert 'id="waive"' not in client.get(f"/exceptions/{encode(case.id)}").text
    assert _post(client, case, "waive", **FORMS["waive"]).status_code == 422
