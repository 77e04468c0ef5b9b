"""Mail really leaves: over SMTP, to a server that this test runs, once under one Message-ID."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from exceptions_app.models import Mail, Notice, Role, User
from exceptions_app.runtime import Runtime
from exceptions_app.services import noticing, people
from jobs.install import Install

from .conftest import Hospital, order


class Postman:
    """An SMTP server that keeps what it is given, and refuses as it is told."""

    def __init__(self) -> None:
        self.refuses: str | None = None
        self.kept: list[EmailMessage] = []

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.kept.append(message)
        return "250 kept"


@pytest.fixture
def postman() -> Iterator[tuple[Postman, int]]:
    handler = Postman()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()


@pytest.fixture
def overdue(hospital: Hospital, postman: tuple[Postman, int]) -> Hospital:
    """An exception that is overdue, a manager who is told, and a mail server."""
    settings = replace(
        hospital.runtime.settings, smtp_host="127.0.0.1", smtp_port=postman[1], smtp_tls="none",
        public_url="https://tieout.example.org",
    )  # fmt: skip
    runtime = Runtime(settings, hospital.runtime.catalog, hospital.runtime.store)
    hospital.install = Install(runtime, hospital.engine)
    with hospital.install.transaction() as session:
        people.create_user(
            session, email="mina@example.org", name="Mina Park", password="correct horse battery", by="system:test",
            role=Role.MANAGER, queues=("*",), entities=("*",), now=hospital.clock_now(),
            time_zone="America/Chicago", cheap=True,
        )  # fmt: skip
    hospital.source("orders", [order("0001")])
    hospital.source("receipts", [])
    hospital.tick()
    due_at = hospital.cases()[0].due_at
    hospital.clock.forward(seconds=(due_at - hospital.clock_now()).total_seconds())
    hospital.request("sweep", "")
    hospital.runner("sweep").drain()
    return hospital


def run(hospital: Hospital, kind: str) -> dict[str, Any]:
    task_id = hospital.request(kind, "")
    hospital.runner(kind).drain()
    return hospital.result(task_id)


def tell_and_wait(hospital: Hospital) -> None:
    assert run(hospital, "tell")["told"] >= 1
    local(hospital, 10)  # past the quiet hours of whatever evening it is


def test_a_breach_reaches_its_manager_as_one_message(overdue: Hospital, postman: tuple[Postman, int]) -> None:
    tell_and_wait(overdue)
    assert run(overdue, "mail") == {"composed": 1, "sent": 1, "failed": 0}
    [message] = postman[0].kept
    assert (message["To"], message["Auto-Submitted"]) == ("mina@example.org", "auto-generated")
    assert "is overdue" in message.get_content()
    assert "https://tieout.example.org/exceptions/EX-" in message.get_content()
    assert run(overdue, "mail") == {"composed": 0, "sent": 0, "failed": 0}


def test_no_value_of_a_record_begins_a_line_of_its_own(
    overdue: Hospital, postman: tuple[Postman, int]
) -> None:
    tell_and_wait(overdue)
    with overdue.install.transaction() as session:
        for notice in session.query(Notice):
            notice.text += "\r\n\nAna Reyes,\n\n- Your password ends today\n  https://elsewhere.example"
    run(overdue, "mail")
    lines = postman[0].kept[0].get_content().splitlines()
    assert [line for line in lines if line.strip().startswith(("Ana", "- Your", "https://else"))] == []


def test_telling_again_tells_nothing_twice(overdue: Hospital) -> None:
    first = run(overdue, "tell")["told"]
    assert first == len(overdue.all(Notice)) > 0
    assert run(overdue, "tell")["told"] == 0


def test_a_server_that_is_busy_gets_the_same_message_later(
    overdue: Hospital, postman: tuple[Postman, int]
) -> None:
    tell_and_wait(overdue)
    postman[0].refuses = "450 busy"
    assert run(overdue, "mail")["failed"] == 1
    [mail] = overdue.all(Mail)
    assert (mail.status, mail.error) == ("waiting", "mina@example.org was refused: 450 busy")
    postman[0].refuses = None
    overdue.clock.forward(minutes=5)
    assert run(overdue, "mail")["sent"] == 1
    assert [message["Message-ID"] for message in postman[0].kept] == [mail.message_id]


def test_a_password_that_cannot_be_read_is_told_as_what_keeps_a_message(
    overdue: Hospital, postman: tuple[Postman, int]
) -> None:
    settings = replace(
        overdue.runtime.settings, smtp_user="tieout", smtp_password="env:TIEOUT_TEST_NOT_SET"
    )  # fmt: skip
    overdue.install = Install(
        Runtime(settings, overdue.runtime.catalog, overdue.runtime.store), overdue.engine
    )
    tell_and_wait(overdue)
    assert run(overdue, "mail")["failed"] == 1
    [mail] = overdue.all(Mail)
    assert mail.status == "waiting"
    assert "TIEOUT_TEST_NOT_SET" in (mail.error or "")


def local(hospital: Hospital, hour: int) -> None:
    """Forward to the next time that it is so late in Chicago."""
    now = hospital.clock_now().astimezone(ZoneInfo("America/Chicago"))
    then = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    hospital.clock.forward(seconds=(then - now).total_seconds() % 86_400)


def test_nothing_is_composed_or_tried_again_in_quiet_hours(
    overdue: Hospital, postman: tuple[Postman, int]
) -> None:
    tell_and_wait(overdue)
    local(overdue, 23)  # the jobs were down until now
    assert run(overdue, "mail") == {"composed": 0, "sent": 0, "failed": 0}
    local(overdue, 18)
    postman[0].refuses = "450 busy"
    assert run(overdue, "mail")["failed"] == 1
    postman[0].refuses = None
    for hour in (19, 22, 2, 6):
        local(overdue, hour)
        assert run(overdue, "mail")["sent"] == 0
    local(overdue, 7)
    assert run(overdue, "mail")["sent"] == 1


def test_changed_quiet_hours_hold_for_what_waits(overdue: Hospital, postman: tuple[Postman, int]) -> None:
    local(overdue, 20)
    assert run(overdue, "tell")["told"] >= 1
    with overdue.install.transaction() as session:
        user = session.scalars(select(User).where(User.email == "mina@example.org")).one()
        noticing.set_mail(
            session, user, wanted=True, quiet_from=time(1), quiet_to=time(2), now=overdue.clock_now()
        )
    overdue.clock.forward(minutes=20)
    assert run(overdue, "mail")["sent"] == 1


def test_an_address_that_is_refused_for_good_is_not_tried_again(
    overdue: Hospital, postman: tuple[Postman, int]
) -> None:
    tell_and_wait(overdue)
    postman[0].refuses = "550 no such user"
    assert run(overdue, "mail")["failed"] == 1
    overdue.clock.forward(days=2)
    assert run(overdue, "mail") == {"composed": 0, "sent": 0, "failed": 0}
    assert overdue.all(Mail)[0].status == "failed"


def test_a_process_killed_while_sending_leaves_the_message_to_be_sent_again(
    overdue: Hospital, postman: tuple[Postman, int]
) -> None:
    tell_and_wait(overdue)
    postman[0].refuses = "450 busy"
    run(overdue, "mail")
    with overdue.install.transaction() as session:
        mail = session.scalars(select(Mail)).one()
        mail.status = "sending"  # as it is found after a kill
    postman[0].refuses = None
    overdue.clock.forward(minutes=15)
    assert run(overdue, "mail")["sent"] == 1


def test_without_a_mail_server_people_are_told_on_screen_only(
    overdue: Hospital, postman: tuple[Postman, int]
) -> None:
    settings = replace(overdue.runtime.settings, smtp_host="")
    overdue.install = Install(
        Runtime(settings, overdue.runtime.catalog, overdue.runtime.store), overdue.engine
    )
    tell_and_wait(overdue)
    assert run(overdue, "mail") == {"composed": 0, "sent": 0, "failed": 0}
    assert [notice.mail_after for notice in overdue.all(Notice)] != []
    assert not any(notice.mail_after for notice in overdue.all(Notice))
