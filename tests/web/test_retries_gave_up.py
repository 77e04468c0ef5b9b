"""What gave up: by system and reason, sent again one or many, edited first, discarded with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.domain.retry import Outcome
from tests.web.conftest import EVIDENCE
from tests.web.retrying import TOKEN, Retrying

SignIn = Callable[..., FlaskClient]
OTHER = TOKEN[::-1]
EDIT = {"field-price": "41.50", "field-unit": "EA", "reason": "Agreed by phone"}


@pytest.fixture
def jobs(app: Flask, session: Session) -> Retrying:
    return Retrying(session, app)


@pytest.fixture
def cases(session: Session, make_case: Callable[..., Any], jobs: Retrying, sign_in: SignIn) -> list[Any]:
    """Three exceptions whose retries gave up: two because the order was cancelled, one as it was not found."""
    made = [make_case(evidence=EVIDENCE.replace("PO-1", f"PO-{number}")) for number in range(3)]
    session.commit()
    client = sign_in(name="Dana First")
    for some, token, error_class, said in (
        (made[:2], TOKEN, "cancelled", "The order was cancelled meanwhile."),
        (made[2:], OTHER, "not_found", "No such order."),
    ):
        client.post("/retries", data={"token": token, "case": [each.id for each in some], "mode": "send"})
        jobs.prepare()
        jobs.answer(Outcome.PERMANENT, error=said, error_class=error_class, status_code=422)
    return made


def _ids(client: FlaskClient, query: str = "") -> list[int]:
    rows = html.fromstring(client.get(f"/retries/gave-up{query}").text).xpath(
        "//tr[starts-with(@id, 'delivery-')]/@id"
    )
    return [int(row.removeprefix("delivery-")) for row in rows]


def _again(client: FlaskClient, **form: Any) -> Any:
    return client.post(
        "/retries/gave-up/again", data={"token": "f" * 32, "reason": "It is open again.", **form}
    )


def test_they_are_grouped_by_system_and_reason_and_each_group_leads_to_its_own(
    cases: list[Any], sign_in: SignIn
) -> None:
    client = sign_in()
    page = html.fromstring(client.get("/retries/gave-up").text)
    rows = page.xpath("//section[@aria-labelledby='groups-title']//tbody/tr")
    found = [[" ".join(cell.text_content().split()) for cell in row.xpath("td")][:4] for row in rows]
    assert found == [
        ["Order desk", "Cancelled", "2", "The order was cancelled meanwhile."],
        ["Order desk", "Not known there", "1", "No such order."],
    ]
    link = rows[1].xpath(".//a/@href")[0]
    assert _ids(client, link.removeprefix("/retries/gave-up")) == [3]
    assert sorted(_ids(client)) == [1, 2, 3]


def test_what_is_ticked_is_sent_again_after_saying_what_that_does(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    answer = client.post("/retries/gave-up/choose", data={"pick": ["1", "3"], "do": "again"})
    assert answer.location == "/retries/gave-up/confirm?do=again&id=1&id=3"
    page = html.fromstring(client.get(answer.location).text)
    assert "Send 2 retries again (exceptions worth $200.00)?" in " ".join(page.text_content().split())
    form = page.xpath("//form[@action='/retries/gave-up/again']")[0]
    given = {"token": form.xpath(".//input[@name='token']/@value")[0], "reason": "It is open again."}
    answer = client.post(form.get("action"), data={**given, "id": form.xpath(".//input[@name='id']/@value")})
    assert answer.location == f"/retries/{jobs.batch.id}"
    assert jobs.answer(Outcome.ACCEPTED) == 2
    assert _ids(client) == [2]


def test_all_of_one_reason_are_sent_again_and_only_those_that_were_shown(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    page = html.fromstring(client.get("/retries/gave-up?system=DESK&class=cancelled").text)
    place = page.xpath("//a[contains(., 'Send all 2 again')]/@href")[0]
    form = html.fromstring(client.get(place).text).xpath("//form[contains(@action, 'again')]")[0]
    given = {each.get("name"): each.get("value") for each in form.xpath(".//input[@type='hidden']")}
    assert given["upto"] == "2"
    client.post("/retries/gave-up/again", data=given | {"reason": "It is open again."})
    assert jobs.answer(Outcome.ACCEPTED) == 2
    assert _ids(client) == [3]


def test_the_same_form_sends_again_once(cases: list[Any], jobs: Retrying, sign_in: SignIn) -> None:
    client = sign_in()
    first = _again(client, id=["1"])
    assert first.status_code == 303
    second = _again(client, id=["1"])
    assert (second.status_code, jobs.answer(Outcome.ACCEPTED)) == (422, 1)
    assert "Somebody has taken care of them already" in second.text


def test_what_somebody_sent_again_meanwhile_is_gone_for_the_second(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    first, second = sign_in(name="Sam Ortiz"), sign_in()
    _again(first, id=["1"])
    answer = second.get("/retries/gave-up/confirm?do=again&id=1")
    assert answer.location == "/retries/gave-up"
    assert "Somebody has taken care of them already" in second.get(answer.location).text
    refused = second.post("/retries/gave-up/1/review", data=EDIT)
    assert refused.status_code == 422
    assert "Somebody has taken care of it already. Sam Ortiz asked for a retry" in refused.text
    gone = second.post("/retries/gave-up/discard", data={"id": ["1"], "reason": "kept words"})
    assert gone.status_code == 422 and "kept words" in gone.text


def test_discarding_takes_words_and_leaves_the_exception_where_it_is(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in(name="Sam Ortiz")
    place = client.post("/retries/gave-up/choose", data={"pick": "1", "do": "discard"}).location
    assert "They are not sent again." in client.get(place).text
    refused = client.post("/retries/gave-up/discard", data={"id": ["1"], "reason": " "})
    assert refused.status_code == 422 and "Say why: discarding needs words." in refused.text
    done = client.post("/retries/gave-up/discard", data={"id": ["1"], "reason": "Paid by card"})
    assert "1 retry discarded" in client.get(done.location).text
    assert sorted(_ids(client)) == [2, 3]
    page = client.get(f"/exceptions/{encode(cases[0].id)}").text
    assert "Discarded by Sam Ortiz: Paid by card" in page and 'id="resolve"' in page


def test_one_shows_every_try_and_can_be_edited_with_before_and_after(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    page = client.get("/retries/gave-up/1").text
    for words in ("The order was cancelled meanwhile.", "POST /prices", "HTTP 422", "$43.75", "Dana First"):
        assert words in page, words
    answer = client.post("/retries/gave-up/1/review", data=EDIT)
    shown = html.fromstring(answer.text)
    assert shown.xpath("//td[@class='differs']")[0].text_content().startswith("$41.50")
    form = shown.xpath("//form[@action='/retries/gave-up/again']")[0]
    given = {each.get("name"): each.get("value") for each in form.xpath(".//input[@type='hidden']")}
    assert client.post(form.get("action"), data=given).status_code == 303
    assert '"price":"41.5"' in jobs.delivery(cases[0]).fields
    back = client.post("/retries/gave-up/2/review", data=EDIT | {"go": "back"})
    assert back.status_code == 200 and 'value="41.50"' in back.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"field-price": "abc"}, "A number, such as 12.50."),
        ({"field-unit": "BOX"}, "Choose one of: EA, CS."),
        ({"reason": ""}, "Say why: an edit needs words."),
        ({"field-price": "43.75"}, "Nothing differs from what gave up"),
    ],
)
def test_an_edit_that_cannot_be_sent_comes_back(
    change: dict[str, str], said: str, cases: list[Any], sign_in: SignIn
) -> None:
    answer = sign_in().post("/retries/gave-up/1/review", data=EDIT | change)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{(EDIT | change)["field-price"]}"' in answer.text
    assert answer.headers["HX-Push-Url"] == "false"


def test_an_edit_that_needs_a_second_person_waits_for_one(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    client = sign_in()
    answer = client.post("/retries/gave-up/1/review", data=EDIT | {"field-price": "4150"})
    assert "A second person must approve this" in answer.text
    _again(client, id=["1"], **(EDIT | {"field-price": "4150"}))
    assert jobs.delivery(cases[0]).status == "awaiting_approval"


def test_who_edited_what_gave_up_does_not_approve_what_sends_it_again(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    editor, other = sign_in("manager"), sign_in("manager")
    _again(editor, id=["1"], **(EDIT | {"field-price": "4150"}))
    other.post(f"/retries/approvals/{jobs.delivery(cases[0]).id}/approve")
    jobs.answer(Outcome.PERMANENT)
    failed = jobs.delivery(cases[0]).id
    third = sign_in()
    _again(third, id=[str(failed)], token="e" * 32)
    page = editor.get("/retries/approvals").text
    assert "somebody else decides" in page and "Approve</button>" not in page
    assert "Approve</button>" in other.get("/retries/approvals").text


def test_of_other_entities_and_queues_nothing_is_there(
    cases: list[Any], jobs: Retrying, sign_in: SignIn
) -> None:
    for scope in ({"entities": ("H02",)}, {"queues": ("stores",)}):
        client = sign_in(**scope)
        assert "Nothing gave up" in client.get("/retries/gave-up").text
        assert client.get("/retries/gave-up/1").status_code == 404
        assert client.post("/retries/gave-up/1/review", data=EDIT).status_code == 404
        assert _again(client, id=["1"]).status_code == 422
        assert client.post("/retries/gave-up/discard", data={"id": ["1"], "reason": "x"}).status_code == 422
    assert jobs.delivery(cases[0]).status == "failed"


def test_who_may_not_retry_reads_and_is_offered_nothing(cases: list[Any], sign_in: SignIn) -> None:
    client = sign_in("auditor")
    page = html.fromstring(client.get("/retries/gave-up").text)
    assert len(page.xpath("//tr[starts-with(@id, 'delivery-')]")) == 3
    assert not page.xpath("//main//button") and not page.xpath("//input[@name='pick']")
    assert not html.fromstring(client.get("/retries/gave-up/1").text).xpath("//main//form")


def test_ticking_nothing_or_nonsense(sign_in: SignIn) -> None:
    client = sign_in()
    assert "Nothing was ticked." in client.get(client.post("/retries/gave-up/choose").location).text
    assert client.post("/retries/gave-up/choose", data={"pick": "x"}).status_code == 400
    assert client.get("/retries/gave-up/confirm?do=eat&id=1").status_code == 400
    assert client.get("/retries/gave-up/confirm?do=again&id=x").status_code == 400


def test_more_than_a_page_goes_on_where_it_ended(
    session: Session, make_case: Callable[..., Any], jobs: Retrying, sign_in: SignIn
) -> None:
    made = [make_case(evidence=EVIDENCE.replace("PO-1", f"PO-{number}")) for number in range(52)]
    session.commit()
    client = sign_in()
    client.post("/retries", data={"token": TOKEN, "case": [each.id for each in made], "mode": "send"})
    jobs.prepare()
    while jobs.answer(Outcome.PERMANENT):
        pass
    first = html.fromstring(client.get("/retries/gave-up").text)
    rest = _ids(client, first.xpath("//a[@rel='next']/@href")[0].removeprefix("/retries/gave-up"))
    assert len(_ids(client)) == 50 and len(rest) == 2
    assert not {*_ids(client)} & {*rest}
