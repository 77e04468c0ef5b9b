"""Retrying from the page of an exception: what is offered, what is refused and why, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.domain.retry import Outcome
from exceptions_app.models import (
    AuditEvent,
    CaseEvidence,
    Delivery,
    ExceptionCase,
    RetryBatch,
    SystemGate,
    Task,
)
from exceptions_app.services import audit
from exceptions_app.services.audit import AuditTag
from tests.conftest import NOW
from tests.web.conftest import EVIDENCE
from tests.web.retrying import TOKEN, Retrying

SignIn = Callable[..., FlaskClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
EDIT = {"field-price": "41.50", "field-unit": "EA", "reason": "Agreed by phone"}


@pytest.fixture
def jobs(app: Flask, session: Session) -> Retrying:
    return Retrying(session, app)


def _post(client: FlaskClient, case: Any, step: str = "", **form: str) -> Any:
    data = {"version": "1", "token": TOKEN, **form}
    return client.post(f"/exceptions/{encode(case.id)}/retry{step}", data=data)


def _page(client: FlaskClient, case: Any) -> str:
    return client.get(f"/exceptions/{encode(case.id)}").text


def _text(page: str, path: str) -> str:
    return " ".join(" ".join(html.fromstring(page).xpath(f"{path}//text()")).split())


def _count(session: Session, model: Any) -> int:
    found = session.scalar(select(func.count()).select_from(model)) or 0
    session.commit()
    return found


def test_the_page_shows_what_would_be_sent_before_it_is(case: Any, sign_in: SignIn) -> None:
    offered = _text(_page(sign_in(), case), "//details[@id='retry']")
    for words in ("Amend the order's price", "Order desk", "Order PO-1", "Unit price $43.75", "Unit EA"):
        assert words in offered, words


def test_a_value_that_the_role_may_not_see_is_hidden_and_not_offered_for_editing(
    case: Any, sign_in: SignIn
) -> None:
    hidden = html.fromstring(_page(sign_in(), case))
    assert "222" not in hidden.text_content()
    assert hidden.xpath("//input[@name='field-price']") and not hidden.xpath("//input[@name='field-account']")
    shown = html.fromstring(_page(sign_in("manager"), case))
    assert shown.xpath("//input[@name='field-account']/@value") == ["222"]


def test_fields_are_typed_and_only_the_released_ones_are_there(case: Any, sign_in: SignIn) -> None:
    form = html.fromstring(_page(sign_in(), case)).xpath("//details[@id='edit']//form")[0]
    assert form.xpath(".//select[@name='field-unit']/option/text()") == ["EA", "CS"]
    assert form.xpath(".//input[@name='field-price']/@inputmode") == ["decimal"]
    assert not form.xpath(".//*[@name='field-order']")
    assert form.xpath(".//textarea[@name='reason']/@required")


def test_sending_again_asks_for_a_batch_and_the_page_follows_it(
    session: Session, case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in(name="Dana First")
    answer = _post(client, case, mode="send")
    assert (answer.status_code, answer.location) == (303, f"/exceptions/{encode(case.id)}")
    page = _page(client, case)
    assert "Dana First asked for it to be sent again" in _text(page, "//*[@id='retry-state']")
    assert html.fromstring(page).xpath("//*[@id='retry-state']/@hx-trigger") == ["every 1s"]
    task = session.scalars(select(Task)).one()
    assert (task.kind, task.scope) == ("retry_prepare", f"retry_prepare:{jobs.batch.id}")
    jobs.prepare()
    assert "Waiting to be sent to Order desk." in _text(_page(client, case), "//*[@id='retry-state']")


def test_a_form_that_is_sent_twice_is_one_batch(session: Session, case: Any, sign_in: SignIn) -> None:
    client = sign_in()
    assert [_post(client, case, mode="send").status_code for _ in range(2)] == [303, 303]
    assert _count(session, RetryBatch) == 1


def test_trying_without_sending_leads_to_the_batch(case: Any, jobs: Retrying, sign_in: SignIn) -> None:
    client = sign_in()
    answer = _post(client, case, mode="dry")
    batch = jobs.prepare()
    assert answer.location == f"/retries/{batch.id}"
    page = client.get(answer.location).text
    assert "Nothing has been sent. 1 exception would be." in _text(page, "//*[@id='batch-1']")
    assert "Waiting" not in _text(_page(client, case), "//*[@id='retry-state']")


def test_the_second_of_two_people_is_told_who_asked_before_them(
    session: Session, case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    first, second = sign_in(name="Dana First"), sign_in()
    _post(first, case, mode="send")
    other = TOKEN[::-1]
    assert "Dana First asked for it 09:00" in _post(second, case, mode="send", token=other).text
    jobs.prepare()
    answer = _post(second, case, mode="send", token=other)
    assert answer.status_code == 422
    assert "A retry is on its way already." in answer.text
    assert _count(session, RetryBatch) == 1


def test_whoever_saw_an_older_version_is_told_who_changed_it_and_keeps_their_words(
    case: Any, session: Session, sign_in: SignIn
) -> None:
    first, second = sign_in(name="Dana First"), sign_in()
    first.post(f"/exceptions/{encode(case.id)}/claim", data={"version": "1"})
    for step in ("", "/review"):
        answer = _post(second, case, step, **EDIT)
        assert answer.status_code == 409
        assert "Dana First claimed it on 24 Nov 2026, 09:00." in answer.text
        assert "Agreed by phone" in answer.text and 'value="41.50"' in answer.text
        assert answer.headers["HX-Push-Url"] == "false"
    assert _count(session, RetryBatch) == 0


@pytest.mark.parametrize("step", ["", "/review"])
@pytest.mark.parametrize("scope", [{"entities": ("H02",)}, {"queues": ("stores",)}])
def test_another_entitys_or_queues_exception_does_not_exist(
    scope: dict[str, Any], step: str, session: Session, case: Any, sign_in: SignIn
) -> None:
    client = sign_in(**scope)
    assert _post(client, case, step, **EDIT).status_code == 404
    assert client.get(f"/exceptions/{encode(case.id)}/retry", headers=HTMX).status_code == 404
    assert client.post(f"/exceptions/{encode(case.id)}/reread").status_code == 404
    assert _count(session, RetryBatch) + _count(session, Task) == 0


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_who_may_not_retry_sees_how_it_stands_and_is_offered_nothing(
    role: str, case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    _post(sign_in(), case, mode="send")
    jobs.prepare()
    client = sign_in(role)
    page = html.fromstring(_page(client, case))
    assert "Waiting to be sent to Order desk." in page.text_content()
    assert not page.xpath("//aside//form[contains(@action, 'retry') or contains(@action, 'reread')]")
    assert _post(client, case).status_code == 403


@pytest.mark.parametrize("form", [{"token": ""}, {"token": "short"}, {"token": "x" * 65}, {"version": "x"}])
def test_a_form_that_is_none_of_ours_is_refused(form: dict[str, str], case: Any, sign_in: SignIn) -> None:
    assert _post(sign_in(), case, **form).status_code == 400


def test_where_a_value_is_missing_the_reason_stands_in_place_of_the_button_and_it_can_be_typed_in(
    session: Session, make_case: Callable[..., Any], jobs: Retrying, sign_in: SignIn
) -> None:
    made = make_case(evidence=EVIDENCE.replace('"price":"43.75",', ""))
    session.commit()
    client = sign_in()
    page = html.fromstring(_page(client, made))
    assert "No value for Unit price" in page.xpath("//*[@id='why-no-retry']")[0].text_content()
    assert not page.xpath("//details[@id='retry']")
    assert "No value for Unit price" in _post(client, made, mode="send").text
    assert "A value is required." in _post(client, made, "/review", **(EDIT | {"field-price": ""})).text
    assert _post(client, made, mode="send", **EDIT).status_code == 303
    jobs.prepare()
    assert jobs.delivery().status == "waiting"


def test_what_nothing_is_configured_for_can_be_read_again_but_not_sent(
    session: Session, make_case: Callable[..., Any], sign_in: SignIn
) -> None:
    made = make_case(category="bank_differs")
    session.commit()
    page = _page(sign_in(), made)
    assert "it can be read again, but not sent again" in page
    assert "/reread" in page and 'id="retry"' not in page


def test_what_was_refused_for_good_is_sent_again_only_with_a_reason(
    case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _post(client, case, mode="send")
    jobs.prepare()
    jobs.answer(Outcome.PERMANENT, error="The order was cancelled meanwhile.", error_class="cancelled")
    page = _page(client, case)
    assert "Gave up after 1 try: The order was cancelled meanwhile." in _text(page, "//*[@id='retry-state']")
    assert "The system refused exactly these values for good" in _text(page, "//details[@id='retry']")
    again = {"mode": "send", "token": TOKEN[::-1]}
    refused = _post(client, case, **again)
    assert refused.status_code == 422 and "refused exactly these values" in refused.text
    assert _post(client, case, reason="The order is open again", **again).status_code == 303


def test_before_and_after_are_shown_and_nothing_is_asked_for_yet(
    session: Session, case: Any, sign_in: SignIn
) -> None:
    client = sign_in()
    answer = _post(client, case, "/review", **EDIT)
    assert (answer.status_code, answer.headers["HX-Push-Url"]) == (200, "false")
    page = html.fromstring(answer.text)
    rows = {
        row.xpath("th")[0].text_content(): [cell.text_content().strip() for cell in row.xpath("td")]
        for row in page.xpath("//table[contains(@class, 'diff')]/tbody/tr")
    }
    assert rows["Unit price"] == ["$43.75", "$41.50 (changed)"]
    assert rows["Unit"] == ["EA", "the same"]
    assert "222" not in answer.text
    assert _count(session, RetryBatch) == 0
    form = page.xpath("//form[contains(@action, '/retry')]")[0]
    given = {each.get("name"): each.get("value") for each in form.xpath(".//input[@type='hidden']")}
    assert client.post(form.get("action"), data=given | {"mode": "send"}).status_code == 303
    assert _count(session, RetryBatch) == 1


def test_an_edit_is_sent_with_its_reason_and_told_in_the_timeline(
    case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _post(client, case, mode="send", **EDIT)
    jobs.prepare()
    delivery = jobs.delivery()
    assert (delivery.status, delivery.reason) == ("waiting", "Agreed by phone")
    assert '"price":"41.5"' in delivery.fields
    timeline = _text(_page(client, case), "//ol[@class='timeline']")
    assert "asked to send it again" in timeline and "Agreed by phone" in timeline
    assert "Unit price: 43.75 → 41.5" in timeline


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"field-price": "abc"}, "A number, such as 12.50."),
        ({"field-price": ""}, "A value is required."),
        ({"field-unit": "BOX"}, "Choose one of: EA, CS."),
        ({"field-order": "PO-2"}, "Some values cannot be sent like this."),
        ({"field-account": "333"}, "Some values cannot be sent like this."),
        ({"field-nonsense": "1"}, "Some values cannot be sent like this."),
        ({"field-price": "43.7500"}, "Nothing differs from what would be sent anyway"),
        ({"reason": " "}, "Say why: an edit needs words."),
    ],
)
def test_an_edit_that_cannot_be_sent_comes_back_with_the_reason_and_what_was_typed(
    change: dict[str, str], said: str, session: Session, case: Any, sign_in: SignIn
) -> None:
    client, form = sign_in(), EDIT | {"field-unit": "EA"} | change
    for step in ("/review", ""):
        answer = _post(client, case, step, mode="send", **form)
        assert answer.status_code == 422
        assert said in answer.text or step == ""
        shown = html.fromstring(answer.text).xpath("//details[@id='edit' and @open]")[0]
        assert shown.xpath(".//input[@name='field-price']/@value") == [form["field-price"]]
        if form["reason"].strip():
            assert shown.xpath(".//textarea[@name='reason']/text()") == [form["reason"]]
    assert _count(session, RetryBatch) == 0


def test_going_back_from_before_and_after_keeps_what_was_typed(case: Any, sign_in: SignIn) -> None:
    answer = _post(sign_in(), case, "/review", go="back", **EDIT)
    assert answer.status_code == 200
    shown = html.fromstring(answer.text).xpath("//details[@id='edit' and @open]")[0]
    assert shown.xpath(".//input[@name='field-price']/@value") == ["41.50"]
    assert shown.xpath(".//textarea[@name='reason']/text()") == ["Agreed by phone"]


def test_an_edit_above_the_limit_says_that_a_second_person_must_agree(
    case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    asker = sign_in(name="Dana First")
    large = EDIT | {"field-price": "4150"}
    shown = _post(asker, case, "/review", **large).text
    assert "A second person must approve this" in shown and "The edit comes to more than $1,000.00." in shown
    assert "A second person must approve this" not in _post(asker, case, "/review", **EDIT).text
    _post(asker, case, mode="send", **large)
    jobs.prepare()
    own = _page(asker, case)
    assert "Waits for a second person: Dana First asked 09:00." in own
    assert "Somebody else approves what you asked for." in own and "Approve</button>" not in own
    manager = _page(sign_in("manager"), case)
    assert "Approve</button>" in manager and "$4,150.00" in manager


def _waiting(client: FlaskClient, case: Any, jobs: Retrying) -> None:
    _post(client, case, mode="send")
    jobs.prepare()


def test_a_resting_system_says_since_when_why_and_when_it_is_tried_next(
    session: Session, case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _waiting(client, case, jobs)
    half = timedelta(minutes=30)
    session.add(
        SystemGate(system="DESK", state="open", opened_at=NOW + half, retry_at=NOW + half * 2, changed_at=NOW)
    )
    session.commit()
    state = _text(_page(client, case), "//*[@id='retry-state']")
    assert "Resting since 09:30: Order desk does not answer; next try 10:00." in state


def test_a_try_that_did_not_work_says_what_was_said_and_when_the_next_one_is(
    case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _waiting(client, case, jobs)
    jobs.answer(
        Outcome.TRANSIENT, error="503 Service Unavailable", error_class="unavailable", retry_after=600
    )
    state = _text(_page(client, case), "//*[@id='retry-state']")
    assert "Try 1 did not work: 503 Service Unavailable; next try 09:10." in state


def test_the_first_error_stays_beside_the_last(case: Any, jobs: Retrying, sign_in: SignIn) -> None:
    client = sign_in()
    _waiting(client, case, jobs)
    jobs.answer(Outcome.TRANSIENT, error="503 Service Unavailable")
    jobs.answer(Outcome.PERMANENT, later=timedelta(minutes=20), error="No such order")
    state = _text(_page(client, case), "//*[@id='retry-state']")
    assert "First error 503 Service Unavailable" in state and "Last error No such order" in state


def test_every_try_is_in_the_timeline_with_request_answer_and_duration(
    case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _waiting(client, case, jobs)
    jobs.answer(Outcome.TRANSIENT, status_code=503, error="Not now", answer="<b>busy</b>")
    jobs.answer(Outcome.ACCEPTED, later=timedelta(minutes=20), status_code=202)
    page = _page(client, case)
    timeline = _text(page, "//ol[@class='timeline']")
    assert "sent it to Order desk (try 1): did not work, and may work later, HTTP 503, 143 ms" in timeline
    assert "sent it to Order desk (try 2): accepted, HTTP 202, 143 ms" in timeline
    assert "POST /prices" in timeline and "Not now" in timeline
    assert "&lt;b&gt;busy&lt;/b&gt;" in page and "<b>busy</b>" not in page


def test_accepted_says_by_when_the_next_run_should_confirm_it_and_then_that_it_did_not(
    session: Session, case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _waiting(client, case, jobs)
    jobs.answer(Outcome.ACCEPTED)
    state = _text(_page(client, case), "//*[@id='retry-state']")
    assert "Accepted 09:00, awaiting confirmation by the next run (expected by 09:10)." in state
    delivery = jobs.delivery()
    delivery.accepted_at = NOW - timedelta(minutes=30)
    row = session.get_one(ExceptionCase, case.id, populate_existing=True)
    row.resolved_at = delivery.accepted_at
    session.commit()
    late = _text(_page(client, case), "//*[@id='retry-state']")
    assert "Accepted 08:30, and not confirmed within 5 min, the lag of its feeds" in late
    assert "Still to be read beyond 24 Nov 2026, 08:35 : Orders of the ERP of Page ERP (never read)" in late


def test_what_a_person_resolved_says_by_when_it_should_be_confirmed_too(case: Any, sign_in: SignIn) -> None:
    client = sign_in()
    form = {"version": "1", "reason": "price_accepted"}
    client.post(f"/exceptions/{encode(case.id)}/resolve", data=form)
    state = _text(_page(client, case), "//*[@id='retry-state']")
    assert "The next complete run confirms it: expected by 24 Nov 2026, 09:10" in state


def test_not_confirmed_says_what_still_differs_and_that_the_old_clock_runs(
    session: Session, case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _waiting(client, case, jobs)
    jobs.answer(Outcome.ACCEPTED)
    assert "not-confirmed" not in _page(client, case)
    row = session.get_one(ExceptionCase, case.id, populate_existing=True)
    row.status, row.end_reason, row.resolved_at, row.retry_state = "open", None, None, "not_confirmed"
    audit.record(session, jobs.ctx, row, AuditTag.CASE_NOT_CONFIRMED, after={"status": "open"})
    session.commit()
    banner = _text(_page(client, case), "//*[@id='not-confirmed']")
    assert "Order desk accepted what was sent, and the records read afterwards still differ." in banner
    assert "Unit price: Order $31.00, Invoice $43.75" in banner
    assert "It is on its old clock" in banner and "due 27 Nov 2026, 09:00" in banner
    assert "111" not in banner


def test_a_person_who_was_refuted_is_told_what_is_still_missing(
    session: Session, make_case: Callable[..., Any], jobs: Retrying, sign_in: SignIn
) -> None:
    made = make_case(evidence='{"key":{},"sides":{"ordered":{"price":"31.00"},"invoiced":{}}}')
    audit.record(session, jobs.ctx, made, AuditTag.CASE_NOT_CONFIRMED, after={"status": "open"})
    session.commit()
    banner = _text(_page(sign_in(), made), "//*[@id='not-confirmed']")
    assert "It was called resolved, and the records read afterwards still differ." in banner
    assert "Invoice: not found in Page payables" in banner


def test_the_part_that_asks_again_stops_when_there_is_nothing_to_follow_and_says_what_is_new(
    case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _waiting(client, case, jobs)
    address = html.fromstring(_page(client, case)).xpath("//*[@id='retry-state']/@hx-get")[0]
    part = client.get(address, headers=HTMX)
    assert "<html" not in part.text and "hx-trigger" in part.text and "something new" not in part.text
    assert "HX-Request" in part.headers["Vary"]
    assert client.get(address).location == f"/exceptions/{encode(case.id)}"
    jobs.answer(Outcome.PERMANENT)
    after = client.get(address, headers=HTMX).text
    assert "hx-trigger" not in after and "Show the newest version" in after


def test_reading_again_is_asked_for_once_followed_and_told(
    session: Session, case: Any, sign_in: SignIn
) -> None:
    client = sign_in()
    places = [client.post(f"/exceptions/{encode(case.id)}/reread").location for _ in range(2)]
    task = session.scalars(select(Task)).one()
    assert places == [f"/exceptions/{encode(case.id)}?task={task.id}"] * 2
    page = client.get(places[0]).text
    assert "Being read again" in _text(page, "//*[@id='retry-state']")
    assert "/reread" not in page
    task.status, task.result = "done", '{"compared":"done","before":"open","status":"open","changed":false}'
    session.commit()
    done = _text(client.get(places[0]).text, "//*[@id='retry-state']")
    assert "Read again and compared: nothing has changed." in done
    tags = session.scalars(select(AuditEvent.tag).where(AuditEvent.case_id == case.id)).all()
    session.commit()
    assert list(tags) == ["case:reread_asked"]


def test_what_is_resolved_is_neither_sent_nor_read_again(
    session: Session, make_case: Callable[..., Any], sign_in: SignIn
) -> None:
    made = make_case(status="resolved", evidence=EVIDENCE)
    session.commit()
    client = sign_in()
    assert "/reread" not in _page(client, made)
    assert client.post(f"/exceptions/{encode(made.id)}/reread").status_code == 422
    assert "It is no longer open." in _post(client, made, mode="send").text


def test_the_trail_of_a_retry_costs_the_same_however_long_it_is(
    app: Flask, session: Session, case: Any, jobs: Retrying, sign_in: SignIn
) -> None:
    from sqlalchemy import event

    from exceptions_app.extensions import db

    client = sign_in()
    _waiting(client, case, jobs)
    with app.app_context():
        engine = db.engine
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    _page(client, case)
    few = len(statements)
    for minutes in (20, 40, 60):
        jobs.answer(Outcome.TRANSIENT, later=timedelta(minutes=minutes))
    statements.clear()
    _page(client, case)
    assert len(statements) == few
    assert _count(session, CaseEvidence) == 1 and _count(session, Delivery) == 1
