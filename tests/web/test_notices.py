"""The bell and its page: one's own, in scope, read by a click, and when mail may come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.models import Mail, Notice, User
from tests.conftest import NOW

SignIn = Callable[..., FlaskClient]


@pytest.fixture
def tell(session: Session) -> Callable[..., Notice]:
    def add(person: Any, case: Any, number: int = 1) -> Notice:
        made = Notice(
            user_id=person.id, case_id=case.id, kind="breached", text=f"Number {number} is overdue.",
            link=f"/exceptions/{encode(case.id)}", dedupe=f"event:{number}", created_at=NOW,
        )  # fmt: skip
        session.add(made)
        session.commit()
        return made

    return add


def test_the_bell_counts_what_is_unread_up_to_99(
    case: Any, sign_in: SignIn, tell: Callable[..., Notice]
) -> None:
    client = sign_in()
    assert "Notices, none unread" in client.get("/").text
    for number in range(101):
        tell(client.person, case, number)  # type: ignore[attr-defined]
    assert ">99+<" in client.get("/notices/unread").text


def test_a_click_reads_one_and_leads_to_its_exception(
    case: Any, sign_in: SignIn, tell: Callable[..., Notice]
) -> None:
    client = sign_in()
    notice = tell(client.person, case)  # type: ignore[attr-defined]
    assert "Number 1 is overdue." in client.get("/notices").text
    answer = client.post(f"/notices/{notice.id}/open")
    assert (answer.status_code, answer.location) == (303, f"/exceptions/{encode(case.id)}")
    assert "none unread" in client.get("/notices/unread").text


def test_all_are_read_at_once(case: Any, sign_in: SignIn, tell: Callable[..., Notice]) -> None:
    client = sign_in()
    for number in range(3):
        tell(client.person, case, number)  # type: ignore[attr-defined]
    client.post("/notices/read")
    assert "none unread" in client.get("/notices/unread").text


def test_a_notice_of_somebody_else_is_neither_shown_nor_opened(
    case: Any, sign_in: SignIn, tell: Callable[..., Notice]
) -> None:
    other, client = sign_in(), sign_in()
    notice = tell(other.person, case)  # type: ignore[attr-defined]
    assert "is overdue" not in client.get("/notices").text
    assert client.post(f"/notices/{notice.id}/open").location == "/notices"
    assert "1 unread" in other.get("/notices/unread").text


def test_what_is_no_longer_in_scope_is_not_shown(
    case: Any, sign_in: SignIn, tell: Callable[..., Notice], session: Session
) -> None:
    client = sign_in(queues=("ap",))
    tell(client.person, case)  # type: ignore[attr-defined]
    case.queue = "stores"
    session.commit()
    assert "is overdue" not in client.get("/notices").text


def test_pages_of_notices_follow_each_other(case: Any, sign_in: SignIn, tell: Callable[..., Notice]) -> None:
    client = sign_in()
    notices = [tell(client.person, case, number) for number in range(60)]  # type: ignore[attr-defined]
    page = client.get("/notices").text
    assert (page.count("is overdue"), f"before={notices[10].id}" in page) == (50, True)
    assert client.get(f"/notices?before={notices[10].id}").text.count("is overdue") == 10


def test_quiet_hours_are_kept_and_wrong_ones_refused(sign_in: SignIn, session: Session) -> None:
    client = sign_in()
    client.post("/notices/mail", data={"mail": "yes", "quiet_from": "22:15", "quiet_to": "06:00"})
    person = session.get_one(User, client.person.id, populate_existing=True)  # type: ignore[attr-defined]
    assert (person.mail_notices, person.quiet_from, person.quiet_to) == (True, "22:15", "06:00")
    session.rollback()
    answer = client.post(
        "/notices/mail", data={"quiet_from": "late", "quiet_to": "06:00"}, follow_redirects=True
    )
    assert "is no time of day" in answer.text


def test_mail_that_could_not_be_delivered_is_shown_to_the_person_and_the_administrator(
    sign_in: SignIn, session: Session
) -> None:
    client = sign_in()
    person = client.person  # type: ignore[attr-defined]
    session.add(Mail(
        user_id=person.id, recipient=person.email, subject="s", body="b", message_id="<1@t>", status="failed",
        not_before=NOW, created_at=NOW, error="550 no such user", correlation_id="c",
    ))  # fmt: skip
    session.commit()
    assert "could not be delivered" in client.get("/notices").text
    assert "Mail undeliverable" in sign_in("administrator").get("/admin/people").text


def test_an_administrator_gives_a_function(sign_in: SignIn, session: Session, user: Any) -> None:
    other = user("manager")
    session.commit()
    sign_in("administrator").post(
        f"/admin/people/{other.id}",
        data={"role": "manager", "queues": "*", "entities": "*", "active": "yes", "function": " Controller "},
    )
    session.refresh(other)
    assert other.function == "Controller"
