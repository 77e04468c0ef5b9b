"""Batches of retries: asked for from the queue, what they would do first, their progress, and steering them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.domain.money import to_e4
from exceptions_app.domain.public_id import encode
from exceptions_app.domain.retry import Outcome
from exceptions_app.models import RetryBatch, Task
from tests.web.conftest import EVIDENCE
from tests.web.retrying import TOKEN, Retrying

SignIn = Callable[..., FlaskClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def jobs(app: Flask, session: Session) -> Retrying:
    return Retrying(session, app)


@pytest.fixture
def cases(session: Session, make_case: Callable[..., Any]) -> list[Any]:
    """Three price variances of the first hospital, each with its own order."""
    made = [make_case(evidence=EVIDENCE.replace("PO-1", f"PO-{number}")) for number in range(3)]
    session.commit()
    return made


def _start(client: FlaskClient, *cases: Any, **form: Any) -> Any:
    data = {"token": TOKEN, "case": [case.id for case in cases], **form}
    return client.post("/retries", data=data)


def _text(page: str, path: str = "//main") -> str:
    return " ".join(" ".join(html.fromstring(page).xpath(f"{path}//text()")).split())


def _parts(page: str) -> dict[str, str]:
    found = html.fromstring(page).xpath("//dl[@class='parts']/div")
    return {part.xpath("dt/text()")[0]: part.xpath("dd/text()")[0] for part in found}


def _batches(session: Session) -> int:
    found = session.scalar(select(func.count()).select_from(RetryBatch)) or 0
    session.commit()
    return found


def test_ticked_rows_lead_to_what_a_retry_of_them_would_do(
    session: Session, cases: list[Any], sign_in: SignIn
) -> None:
    client = sign_in()
    answer = client.post("/queue/retry", data={"pick": [f"{case.id}:1" for case in cases[:2]]})
    assert answer.location == f"/retries/new?case={cases[0].id}&case={cases[1].id}"
    said = _text(client.get(answer.location).text)
    assert "Retry 2 exceptions worth $200.00?" in said
    assert "Amend the order's price Order desk 2 $200.00" in said
    assert _batches(session) == 0


def test_ticking_nothing_says_so_and_a_tick_that_is_none_is_refused(sign_in: SignIn) -> None:
    client = sign_in()
    assert "Nothing was ticked." in client.get(client.post("/queue/retry").location).text
    assert client.post("/queue/retry", data={"pick": "x"}).status_code == 400
    assert client.get("/retries/new?case=x").status_code == 400


def test_the_queue_offers_all_that_match_once_they_are_more_than_a_page(
    session: Session, make_case: Callable[..., Any], sign_in: SignIn
) -> None:
    for _ in range(51):
        make_case()
    session.commit()
    client = sign_in()
    link = html.fromstring(client.get("/queue?severity=medium").text).xpath("//a[contains(., 'Retry all')]")[
        0
    ]
    assert link.text_content().strip() == "Retry all 51 that match"
    assert "Retry 51 exceptions worth $5,100.00?" in _text(client.get(link.get("href")).text)
    assert "Retry all" not in sign_in("auditor").get("/queue").text


def test_what_cannot_be_sent_is_said_before(
    session: Session, cases: list[Any], make_case: Callable[..., Any], sign_in: SignIn
) -> None:
    make_case(status="awaiting_confirmation", evidence=EVIDENCE)
    make_case(retry_state="waiting", evidence=EVIDENCE)
    make_case(category="bank_differs")
    make_case(reporting_amount_e4=to_e4(Decimal(-50)), evidence=EVIDENCE)
    session.commit()
    said = _text(sign_in().get("/retries/new").text)
    for words in (
        "Retry 7 exceptions worth $650.00?",
        "Order desk 4 $350.00",
        "not open any more 1",
        "on its way already 1",
        "nothing is configured that could be sent 1",
    ):
        assert words in said, words


def test_trying_without_sending_is_what_happens_unless_sending_is_asked_for(
    session: Session, cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    first = html.fromstring(client.get(f"/retries/new?case={cases[0].id}").text).xpath(
        "//main//form//button"
    )[0]
    assert (first.get("name"), first.get("value")) == ("mode", "dry")
    answer = _start(client, *cases)
    assert answer.location == f"/retries/{jobs.batch.id}"
    assert jobs.batch.dry_run is True
    assert jobs.prepare(agree=(cases[0],)).status == "ready"
    page = client.get(answer.location).text
    assert _parts(page) == {"Would be sent": "2", "Skipped": "1"}
    assert "1 skipped: It agrees by the records of 24 Nov 2026, 15:00 UTC." in _text(page)
    assert "Send 2 exceptions" in page
    assert jobs.answer(Outcome.ACCEPTED) == 0


def test_a_tried_batch_is_sent_after_comparing_once_more(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    _start(client, *cases)
    batch = jobs.prepare()
    answer = client.post(f"/retries/{batch.id}/send")
    assert answer.location == f"/retries/{batch.id}"
    assert "Being prepared" in client.get(answer.location).text
    jobs.prepare(agree=(cases[2],))
    assert jobs.answer(Outcome.ACCEPTED) == 2
    parts = _parts(client.get(answer.location).text)
    assert (parts["Accepted"], parts["Skipped"], parts["Waiting"]) == ("2", "1", "0")


def test_all_that_match_is_a_batch_named_after_its_filter(
    session: Session, cases: list[Any], make_case: Callable[..., Any], jobs: Retrying, sign_in: SignIn
) -> None:
    make_case(severity="high", evidence=EVIDENCE)
    session.commit()
    client = sign_in()
    form = html.fromstring(client.get("/retries/new?severity=medium").text).xpath(
        "//form[@action='/retries']"
    )[0]
    given = {each.get("name"): each.get("value") for each in form.xpath(".//input[@type='hidden']")}
    client.post("/retries", data=given | {"mode": "send"})
    assert jobs.batch.title == "3 exceptions: Severity: Medium"
    jobs.prepare()
    assert jobs.answer(Outcome.ACCEPTED) == 3


def test_the_same_form_is_one_batch(session: Session, cases: list[Any], sign_in: SignIn) -> None:
    client = sign_in()
    places = {_start(client, *cases, mode="send").location for _ in range(2)}
    assert len(places) == 1
    assert _batches(session) == 1


def test_what_has_nothing_to_send_is_refused_with_the_reason(
    session: Session, make_case: Callable[..., Any], sign_in: SignIn
) -> None:
    made = make_case(category="bank_differs")
    session.commit()
    answer = _start(sign_in(), made, mode="send", reason="kept text")
    assert (answer.status_code, _batches(session)) == (422, 0)
    assert "Nothing of this can be sent." in answer.text


def test_more_than_can_be_sent_at_once_says_to_narrow_it_down(
    cases: list[Any], session: Session, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exceptions_app.queries.retry_selection.MOST", 2)
    client = sign_in()
    assert "Narrow the filter down first" in client.get("/retries/new").text
    assert client.post("/retries", data={"token": TOKEN, "mode": "send"}).status_code == 422
    assert _batches(session) == 0


def test_a_batch_holds_only_what_its_asker_sees(
    session: Session, cases: list[Any], make_case: Callable[..., Any], jobs: Retrying, sign_in: SignIn
) -> None:
    other = make_case(entity="H02", evidence=EVIDENCE)
    session.commit()
    client = sign_in(entities=("H01",))
    chosen = "&".join(f"case={case.id}" for case in (*cases, other))
    assert "Retry 3 exceptions" in client.get(f"/retries/new?{chosen}").text
    _start(client, *cases, other, mode="send")
    jobs.prepare()
    assert jobs.answer(Outcome.ACCEPTED) == 3


def test_progress_asks_again_while_there_is_some_then_slower_then_not_at_all(
    session: Session, cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    place = _start(client, *cases, mode="send").location

    def part() -> str:
        answer = client.get(place, headers=HTMX)
        assert "<html" not in answer.text and "HX-Request" in answer.headers["Vary"]
        return answer.text

    assert 'hx-trigger="every 1s"' in part() and "Being prepared" in part()
    jobs.prepare()
    assert 'hx-trigger="every 1s"' in part()
    assert _parts(part())["Waiting"] == "3"
    jobs.answer(Outcome.ACCEPTED)
    assert 'hx-trigger="every 5s"' in part() and "the next runs confirm" in part()
    for case in cases:
        jobs.delivery(case).status = "confirmed"
    session.commit()
    assert "hx-trigger" not in part()
    assert _parts(part())["Confirmed"] == "3"


def test_a_batch_that_could_not_be_prepared_says_why(
    session: Session, cases: list[Any], sign_in: SignIn
) -> None:
    client = sign_in()
    place = _start(client, *cases, mode="send").location
    task = session.scalars(select(Task)).one()
    task.status, task.error = "failed", "the record store is full"
    session.commit()
    page = client.get(place, headers=HTMX).text
    assert "Could not be prepared" in page and "the record store is full" in page
    assert "hx-trigger" not in page


def test_pausing_resuming_and_cancelling(cases: list[Any], jobs: Retrying, sign_in: SignIn) -> None:
    client = sign_in()
    place = _start(client, *cases, mode="send").location
    jobs.prepare()
    assert "Paused: what waits is not sent" in client.get(client.post(f"{place}/pause").location).text
    assert jobs.answer(Outcome.ACCEPTED) == 0
    page = client.get(place).text
    assert "Resume</button>" in page and "Pause</button>" not in page
    client.post(f"{place}/resume")
    assert jobs.batch.status == "sending"
    client.post(f"{place}/cancel")
    assert jobs.answer(Outcome.ACCEPTED) == 0
    page = client.get(place).text
    assert _parts(page)["Skipped"] == "3" and "Cancelled." in page
    assert not html.fromstring(page).xpath("//form[contains(@action, '/retries/')]")
    assert "It has ended already." not in client.get(client.post(f"{place}/cancel").location).text
    assert (
        "Only a batch that is being sent can be paused."
        in client.get(client.post(f"{place}/pause").location).text
    )


def test_only_its_asker_or_a_manager_steers_a_batch(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    place = _start(sign_in(), *cases, mode="send").location
    jobs.prepare()
    other = sign_in()
    assert not html.fromstring(other.get(place).text).xpath("//form[contains(@action, '/pause')]")
    assert "Only who asked for it, or their manager" in other.get(other.post(f"{place}/pause").location).text
    assert jobs.batch.status == "sending"
    manager = sign_in("manager")
    assert html.fromstring(manager.get(place).text).xpath("//form[contains(@action, '/pause')]")
    manager.post(f"{place}/pause")
    assert jobs.batch.status == "paused"


def test_resuming_has_the_jobs_look_at_once(
    session: Session, cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    place = _start(client, *cases, mode="send").location
    jobs.prepare()
    client.post(f"{place}/pause")
    client.post(f"{place}/resume")
    assert session.scalars(select(Task.scope).where(Task.kind == "deliver")).all() == ["deliver:DESK"]


def test_a_batch_of_which_nothing_is_yours_does_not_exist_and_of_others_you_see_your_part(
    session: Session, cases: list[Any], make_case: Callable[..., Any], jobs: Retrying, sign_in: SignIn
) -> None:
    mine = make_case(entity="H02", evidence=EVIDENCE, reference="SECOND-HOSPITAL")
    session.commit()
    place = _start(sign_in(), *cases, mine, mode="send").location
    jobs.prepare()
    nobody = sign_in(queues=("stores",))
    assert nobody.get(place).status_code == 404
    assert nobody.post(f"{place}/pause").status_code == 404
    assert "Nothing has been retried yet" in nobody.get("/retries").text
    part = sign_in(entities=("H02",))
    page = part.get(place).text
    assert _parts(page)["Waiting"] == "1"
    assert "SECOND-HOSPITAL" in page and cases[0].reference not in page
    assert f'href="{place}"' in part.get("/retries").text


def test_items_say_what_became_of_each_and_can_be_narrowed_to_one_kind(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    place = _start(client, *cases, mode="send").location
    jobs.prepare(agree=(cases[0],))
    jobs.answer(Outcome.PERMANENT, error="The order was cancelled meanwhile.")
    page = client.get(place).text
    assert page.count("Gave up after 1 try: The order was cancelled meanwhile.") == 2
    only = html.fromstring(client.get(f"{place}?kind=skipped").text).xpath(
        "//table[contains(@class, 'items')]//a"
    )
    assert [link.get("href") for link in only] == [f"/exceptions/{encode(cases[0].id)}"]
    assert "None of them" in client.get(f"{place}?kind=unsure").text


def test_items_go_on_where_the_page_before_ended(
    session: Session, make_case: Callable[..., Any], jobs: Retrying, sign_in: SignIn
) -> None:
    made = [make_case(evidence=EVIDENCE.replace("PO-1", f"PO-{number}")) for number in range(53)]
    session.commit()
    client = sign_in()
    place = _start(client, *made, mode="send").location
    jobs.prepare()
    first = html.fromstring(client.get(place).text)
    second = html.fromstring(client.get(first.xpath("//a[@rel='next']/@href")[0]).text)
    ids = [row for page in (first, second) for row in page.xpath("//tr[starts-with(@id, 'delivery-')]/@id")]
    assert len(ids) == len(set(ids)) == 53
    assert not second.xpath("//a[@rel='next']")


def test_the_list_of_batches_is_paged_and_costs_the_same(
    app: Flask, session: Session, cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    from sqlalchemy import event

    from exceptions_app.extensions import db

    client = sign_in()
    with app.app_context():
        engine = db.engine
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    spent = []
    for number in range(22):
        _start(client, cases[0], mode="send", token=f"{number:032}")
        if number in (0, 21):
            statements.clear()
            page = html.fromstring(client.get("/retries").text)
            counted = (
                each for each in statements if "catalog_addition" not in each
            )  # looked for once a second
            spent.append(len(list(counted)))
    assert spent[0] == spent[1]
    older = html.fromstring(client.get(page.xpath("//a[@rel='next']/@href")[0]).text)
    count = [len(each.xpath("//section[contains(@class, 'batch')]")) for each in (page, older)]
    assert count == [20, 2]


@pytest.mark.parametrize(
    ("choice", "state"),
    [
        ("on_its_way", "waiting"), ("on_its_way", "sending"), ("awaiting_approval", "awaiting_approval"),
        ("unsure", "unsure"), ("accepted", "accepted"), ("not_confirmed", "not_confirmed"), ("failed", "failed"),
        ("confirmed", "confirmed"), ("never", None),
    ],
)  # fmt: skip
def test_the_queue_filters_by_how_the_retry_stands_and_shows_it(
    choice: str, state: str | None, session: Session, make_case: Callable[..., Any], sign_in: SignIn
) -> None:
    made = make_case(retry_state=state, retry_count=2 if state else 0)
    other = make_case(retry_state="skipped")
    session.commit()
    page = html.fromstring(sign_in().get(f"/queue?retry={choice}").text)
    assert page.xpath("//tr[starts-with(@id, 'case-')]/@id") == [f"case-{made.id}"]
    assert f"case-{other.id}" not in page.text_content()
    row = page.xpath(f"//tr[@id='case-{made.id}']")[0].text_content()
    assert ("2×" in row) == (state is not None)
    assert len(page.find_class("filter-chip")) == 1


def test_systems_say_how_they_stand_how_fast_they_are_sent_to_and_what_waits(
    session: Session, cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    from datetime import timedelta

    from exceptions_app.models import SystemGate
    from tests.conftest import NOW

    client = sign_in()
    _start(client, *cases, mode="send")
    jobs.prepare()
    said = _text(client.get("/retries/systems").text, "//*[@id='system-DESK']")
    for words in ("Order desk", "Sending", "at most 20 a second, 4 at once", "recognised", "Waiting 3"):
        assert words in said, words
    gate = SystemGate(system="DESK", changed_at=NOW)
    session.add(gate)
    minute = timedelta(minutes=1)
    for state, retry_at, allowance, words in (
        ("open", NOW + 30 * minute, 0, "Resting until 09:30"), ("open", NOW - minute, 0, "Being tried"),
        ("half_open", None, 0, "Being tried"), ("draining", None, 2, "Recovering: 2 of 4 at once"),
        ("closed", NOW + minute, 0, "Resting until 09:01"), ("closed", None, 0, "Sending"),
    ):  # fmt: skip
        gate.state, gate.retry_at, gate.allowance, gate.last_error = state, retry_at, allowance, "503 from it"
        session.commit()
        said = _text(client.get("/retries/systems").text, "//*[@id='system-DESK']")
        assert words in said
        assert ("503 from it" in said) == (words != "Sending")
    assert "Waiting 0" in _text(
        sign_in(entities=("H02",)).get("/retries/systems").text, "//*[@id='system-DESK']"
    )
