"""Approving what somebody else edited, and saying whether a write arrived that was never answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.domain.retry import Outcome
from exceptions_app.models import ExceptionCase, Task
from tests.web.retrying import TOKEN, Retrying

SignIn = Callable[..., FlaskClient]
LARGE = {"field-price": "4150", "reason": "Agreed by phone"}


@pytest.fixture
def jobs(app: Flask, session: Session) -> Retrying:
    return Retrying(session, app)


def _ask(client: FlaskClient, case: Any, jobs: Retrying, **form: str) -> int:
    """A retry of this exception, prepared; its id."""
    data = {"version": "1", "token": TOKEN, "mode": "send", **form}
    answer = client.post(f"/exceptions/{encode(case.id)}/retry", data=data)
    assert answer.status_code == 303, answer.text
    jobs.prepare()
    return jobs.delivery(case).id


def _judge(client: FlaskClient, delivery: int, verdict: str, **form: str) -> Any:
    return client.post(f"/retries/approvals/{delivery}/{verdict}", data=form)


def _decide(client: FlaskClient, delivery: int, found: str, **form: str) -> Any:
    return client.post(f"/retries/decisions/{delivery}", data={"found": found, **form})


@pytest.fixture
def waiting(case: Any, jobs: Retrying, sign_in: SignIn) -> int:
    """A write above the limit that waits for a second person."""
    return _ask(sign_in(name="Dana First"), case, jobs, **LARGE)


@pytest.fixture
def unsure(case: Any, jobs: Retrying, sign_in: SignIn) -> int:
    """A write that may have arrived: a person decides."""
    delivery = _ask(sign_in(name="Dana First"), case, jobs)
    jobs.answer(Outcome.ACCEPTED, error=None)
    row = jobs.delivery(case)
    row.status, row.accepted_at, row.doubtful = "unsure", None, True
    row.first_error = row.last_error = "No answer within 20 s."
    found = jobs.session.get_one(ExceptionCase, case.id, populate_existing=True)
    found.status, found.retry_state, found.end_reason, found.resolved_at = "open", "unsure", None, None
    jobs.session.commit()
    return delivery


def test_a_manager_sees_before_and_after_and_lets_it_go(
    session: Session, case: Any, waiting: int, jobs: Retrying, sign_in: SignIn
) -> None:
    manager = sign_in("manager", name="Max Lee")
    page = manager.get("/retries/approvals").text
    why = "The edit comes to more than $1,000.00."
    for words in ("$43.75", "$4,150.00", "Agreed by phone", "Dana First", "Approve</button>", why):
        assert words in page, words
    assert jobs.answer(Outcome.ACCEPTED) == 0
    assert _judge(manager, waiting, "approve").location == "/retries/approvals"
    assert "Nothing waits for approval" in manager.get("/retries/approvals").text
    assert session.scalars(select(Task.scope).where(Task.kind == "deliver")).all() == ["deliver:DESK"]
    session.commit()
    assert jobs.answer(Outcome.ACCEPTED) == 1
    assert "approved by Max Lee" in manager.get(f"/exceptions/{encode(case.id)}").text


def test_declining_takes_words_keeps_them_and_sends_nothing(
    case: Any, waiting: int, jobs: Retrying, sign_in: SignIn
) -> None:
    manager = sign_in("manager", name="Max Lee")
    refused = _judge(manager, waiting, "decline", reason=" ")
    assert refused.status_code == 422 and "Say why: declining needs words." in refused.text
    assert refused.headers["HX-Push-Url"] == "false"
    _judge(manager, waiting, "decline", reason="Ask for a credit instead")
    assert jobs.delivery(case).status == "skipped"
    assert (
        "Declined by Max Lee: Ask for a credit instead" in manager.get(f"/exceptions/{encode(case.id)}").text
    )


def test_nobody_approves_what_they_asked_for_whatever_their_role(
    case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    manager = sign_in("manager")
    delivery = _ask(manager, case, jobs, **LARGE)
    page = manager.get("/retries/approvals").text
    assert "somebody else decides" in page and "Approve</button>" not in page
    answer = _judge(manager, delivery, "approve")
    assert answer.status_code == 422
    assert "Another person must approve what you asked for." in answer.text
    assert jobs.delivery(case).status == "awaiting_approval"


def test_who_may_not_approve_sees_what_waits_and_is_offered_nothing(waiting: int, sign_in: SignIn) -> None:
    for role in ("specialist", "integration_analyst", "auditor", "administrator"):
        client = sign_in(role)
        page = client.get("/retries/approvals").text
        assert "A manager decides." in page and "Approve</button>" not in page
        assert _judge(client, waiting, "approve").status_code == 403


def test_another_entitys_retry_is_not_there_to_approve(
    case: Any, waiting: int, jobs: Retrying, sign_in: SignIn
) -> None:
    manager = sign_in("manager", entities=("H02",))
    page = manager.get("/retries/approvals").text
    assert "Nothing waits for approval" in page and 'class="count"' not in page
    for verdict in ("approve", "decline"):
        assert _judge(manager, waiting, verdict, reason="x").status_code == 404
    assert jobs.delivery(case).status == "awaiting_approval"


@pytest.mark.parametrize("place", ["list", "case"])
def test_the_second_of_two_managers_is_told_who_decided_and_loses_no_words(
    place: str, waiting: int, sign_in: SignIn
) -> None:
    first, second = sign_in("manager", name="Max Lee"), sign_in("manager")
    _judge(first, waiting, "approve")
    answer = _judge(second, waiting, "decline", reason="kept words", **{"from": place})
    assert answer.status_code == 422
    assert "Somebody has decided on it already." in answer.text
    assert "Max Lee approved its retry (09:00)." in answer.text
    if place == "list":
        assert "kept words" in answer.text


def test_on_the_exceptions_page_approving_comes_back_there(case: Any, waiting: int, sign_in: SignIn) -> None:
    manager = sign_in("manager")
    path = f"/exceptions/{encode(case.id)}"
    form = html.fromstring(manager.get(path).text).xpath("//form[contains(@action, '/approve')]")[0]
    given = {each.get("name"): each.get("value") for each in form.xpath(".//input")}
    answer = manager.post(form.get("action"), data=given)
    assert answer.location == path
    assert "Approved: it is sent to Order desk." in manager.get(path).text
    refused = _judge(manager, waiting, "decline", **{"from": "case"})
    assert refused.status_code == 422 and 'id="retry-title"' in refused.text


def test_it_arrived_is_a_claim_that_the_next_run_confirms(
    session: Session, case: Any, unsure: int, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in(name="Sam Ortiz")
    page = client.get("/retries/decisions").text
    assert "No answer within 20 s." in page and "What did you find in Order desk?" in page
    answer = _decide(client, unsure, "arrived", reason="It is in the desk's list")
    assert answer.location == "/retries/decisions"
    assert jobs.delivery(case).status == "accepted"
    assert session.get_one(ExceptionCase, case.id, populate_existing=True).status == "awaiting_confirmation"


@pytest.mark.parametrize(("found", "becomes"), [("again", "waiting"), ("stop", "failed")])
def test_it_did_not_arrive_is_sent_again_or_left(
    found: str, becomes: str, case: Any, unsure: int, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _decide(client, unsure, found, reason="Nothing there")
    assert jobs.delivery(case).status == becomes
    assert "Nothing needs a decision" in client.get("/retries/decisions").text


@pytest.mark.parametrize("place", ["list", "case"])
def test_deciding_takes_words(place: str, case: Any, unsure: int, jobs: Retrying, sign_in: SignIn) -> None:
    answer = _decide(sign_in(), unsure, "arrived", **{"from": place})
    assert answer.status_code == 422
    assert "Say how you know: this needs words." in answer.text
    assert ("retry-title" in answer.text) == (place == "case")
    assert jobs.delivery(case).status == "unsure"


def test_the_second_who_decides_is_told_who_was_first(unsure: int, sign_in: SignIn) -> None:
    first, second = sign_in(name="Sam Ortiz"), sign_in()
    _decide(first, unsure, "arrived", reason="Seen there")
    answer = _decide(second, unsure, "again", reason="kept words")
    assert answer.status_code == 422
    assert "Its outcome is known by now." in answer.text
    assert "Sam Ortiz" in answer.text and "kept words" in answer.text


def test_deciding_is_for_who_may_retry_and_sees_it(
    case: Any, unsure: int, jobs: Retrying, sign_in: SignIn
) -> None:
    assert _decide(sign_in("auditor"), unsure, "arrived", reason="x").status_code == 403
    assert _decide(sign_in(queues=("stores",)), unsure, "arrived", reason="x").status_code == 404
    assert _decide(sign_in(), unsure, "perhaps", reason="x").status_code == 400
    auditor = sign_in("auditor").get("/retries/decisions").text
    assert case.reference in auditor and "It arrived</button>" not in auditor
    assert case.reference not in sign_in(queues=("stores",)).get("/retries/decisions").text
    assert jobs.delivery(case).status == "unsure"


def test_the_tabs_count_what_is_there_to_do(unsure: int, sign_in: SignIn) -> None:
    tabs = html.fromstring(sign_in().get("/retries").text).xpath("//nav[@class='tabs']/a")
    assert [" ".join(tab.text_content().split()) for tab in tabs] == [
        "Batches", "Approvals", "Decisions 1", "Gave up", "Systems",
    ]  # fmt: skip


def test_an_edit_of_bank_data_is_hidden_from_who_may_not_see_it(
    case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    asker = sign_in("manager")
    _ask(asker, case, jobs, **{"field-account": "999", "reason": "New account"})
    for path in ("/retries/approvals", f"/exceptions/{encode(case.id)}", f"/retries/{jobs.batch.id}"):
        for role in ("specialist", "integration_analyst"):
            page = sign_in(role).get(path).text
            assert "999" not in page and ">222<" not in page, (role, path)
    assert "999" in sign_in("manager").get("/retries/approvals").text
