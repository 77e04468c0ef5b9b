"""The queue: the page and its fragment, chips, paging, and claiming or assigning many at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.extensions import db
from exceptions_app.models import ExceptionCase
from exceptions_app.queries import steering
from tests.conftest import NOW

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#queue"}


def _owners(session: Session) -> dict[int, int | None]:
    found = {
        row.id: row.owner_id for row in session.execute(select(ExceptionCase.id, ExceptionCase.owner_id))
    }
    session.commit()
    return found


def test_a_fragment_is_the_queue_alone_and_the_page_holds_the_same_fragment(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    page, fragment = client.get("/queue").text, client.get("/queue", headers=HTMX).text
    assert "<html" in page and "<html" not in fragment
    assert fragment.strip().startswith('<div id="queue"')
    for text in (page, fragment):
        assert f"case-{case.id}" in text


@pytest.mark.parametrize(
    "headers",
    [
        HTMX | {"HX-Boosted": "true"},
        HTMX | {"HX-History-Restore-Request": "true"},
        HTMX | {"HX-Request-Type": "full"},
    ],
)
def test_boosted_and_restored_requests_get_the_whole_page(
    headers: dict[str, str], case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    assert "<html" in sign_in().get("/queue", headers=headers).text


def test_chips_say_what_restricts_and_each_leads_to_the_queue_without_it(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    page = html.fromstring(sign_in().get("/queue?queue=ap&severity=high&hold=yes&q=medline").text)
    chips = {
        chip.text_content().strip(): chip.xpath(".//a/@href")[0] for chip in page.find_class("filter-chip")
    }
    assert chips["Severity: High"] == "/queue?queue=ap&hold=yes&q=medline"
    assert set(chips) == {"Queue: Accounts payable", "Severity: High", "Hold: on hold", "Text: “medline”"}


@pytest.mark.parametrize("stage", ["breached", "due_soon", "on_track", "paused", "stopped"])
def test_a_filter_by_stage_shows_only_that_stage(
    stage: str, session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    hour = timedelta(hours=1)
    made = {
        "breached": make_case(due_at=NOW - hour, due_soon_at=NOW - 2 * hour),
        "due_soon": make_case(due_at=NOW + hour, due_soon_at=NOW - hour),
        "on_track": make_case(),
        "paused": make_case(on_hold=True, ball_in_court="supplier", held_at=NOW - hour),
        "stopped": make_case(status="awaiting_confirmation"),
    }
    session.commit()
    text = sign_in().get(f"/queue?stage={stage}").text
    assert [name for name, case in made.items() if f'id="case-{case.id}"' in text] == [stage]
    assert f'data-stage="{stage}"' in text


def test_an_empty_queue_and_a_filter_that_fits_nothing_say_different_things(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    assert "Nothing in your queues fits these filters" in client.get("/queue?q=unheard-of").text
    sent_empty = client.get("/queue?q=unheard-of&hold=&status=live", headers=HTMX)
    assert sent_empty.headers["HX-Push-Url"] == "/queue?q=unheard-of"
    assert "Nothing is open in your queues" in sign_in(queues=("stores",)).get("/queue").text


def test_the_next_page_goes_on_where_this_one_ends(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    for _ in range(60):
        make_case()
    session.commit()
    client = sign_in()
    first = html.fromstring(client.get("/queue").text)
    second = html.fromstring(client.get(first.xpath("//a[@rel='next']/@href")[0]).text)
    ids = [row.get("id") for page in (first, second) for row in page.xpath("//tr[starts-with(@id, 'case-')]")]
    assert len(ids) == len(set(ids)) == 60
    assert not second.xpath("//a[@rel='next']")


def test_a_reference_in_the_search_box_is_a_jump(case: Any, sign_in: Callable[..., FlaskClient]) -> None:
    answer = sign_in().get(f"/queue?q={encode(case.id).lower()}")
    assert answer.location == f"/exceptions/{encode(case.id)}"


def test_ticked_exceptions_are_claimed_and_the_filter_stays(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    a, b, c = (make_case() for _ in range(3))
    session.commit()
    client = sign_in()
    form = {"pick": [f"{a.id}:1", f"{b.id}:1"], "f-queue": ["ap"], "f-stage": ["on_track", "breached"]}
    answer = client.post("/queue/claim", data=form)
    assert answer.location == "/queue?queue=ap&stage=on_track&stage=breached"
    me = client.person.id  # type: ignore[attr-defined]
    assert _owners(session) == {a.id: me, b.id: me, c.id: None}
    page = html.fromstring(client.get(answer.location).text)
    (link,) = page.xpath("//*[@id='told']//a")
    assert link.getparent().text_content() == "2 exceptions claimed. Results and undo"
    (undo,) = html.fromstring(client.get(link.get("href")).text).xpath(
        "//form[contains(@action, '/undo')]/@action"
    )
    client.post(undo)
    session.expire_all()
    assert set(_owners(session).values()) == {None}


def test_of_many_each_succeeds_or_is_refused_for_itself_with_its_reason(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    first = sign_in(name="Dana First")
    fine, taken, elsewhere = make_case(), make_case(owner_id=first.person.id), make_case(queue="stores")  # type: ignore[attr-defined]
    session.commit()
    client = sign_in(queues=("ap",))
    picked = [f"{case.id}:1" for case in (fine, taken, elsewhere)]
    answer = client.post("/queue/claim", data={"pick": picked})
    page = client.get(answer.location).text
    assert "1 exception claimed." in page
    assert f"{encode(taken.id)}: Dana First already has it" in page
    assert "other not claimed" not in page and encode(elsewhere.id) not in page
    assert _owners(session)[elsewhere.id] is None


@pytest.mark.parametrize("pick", ["x", "1", "1:x", ":", "1:2:3"])
def test_a_tick_that_is_none_is_refused(pick: str, sign_in: Callable[..., FlaskClient]) -> None:
    assert sign_in().post("/queue/claim", data={"pick": pick}).status_code == 400


def test_claiming_nothing_says_so(sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in()
    assert "Nothing was ticked." in client.get(client.post("/queue/claim").location).text


def test_the_facets_offer_only_what_the_person_sees(case: Any, sign_in: Callable[..., FlaskClient]) -> None:
    page = html.fromstring(sign_in(queues=("stores",), entities=("H02",)).get("/queue").text)
    assert page.xpath("//input[@name='queue']/@value") == ["stores"]
    assert page.xpath("//input[@name='entity']/@value") == ["H02"]


def test_what_belongs_to_no_entity_belongs_to_the_whole_network(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    made = make_case(entity="*")
    session.commit()
    client = sign_in()
    for path in ("/queue", f"/exceptions/{encode(made.id)}"):
        texts = [text.strip() for text in html.fromstring(client.get(path).text).itertext()]
        assert "Whole network" in texts and "*" not in texts, path


def test_a_note_stands_on_the_row_and_the_place_in_the_list_stays(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    form = {f"note-{case.id}": "Waits for the price list", "f-queue": "ap"}
    answer = client.post(f"/queue/note/{encode(case.id)}", data=form)
    assert answer.location == "/queue?queue=ap"
    page = html.fromstring(client.get(answer.location).text)
    assert [each.text_content().strip() for each in page.find_class("note")] == ["Waits for the price list"]
    empty = client.post(f"/queue/note/{encode(case.id)}", data={})
    assert "a comment needs words" in client.get(empty.location).text


FILTERS = (
    "", "queue=ap", "category=price_differs", "entity=H01", "owner=me", "aging=0-1", "stage=on_track", "severity=high",
    "ball=buyer", "retry=failed", "hold=yes", "status=resolved", "status=any", "q=Medline", "q=charged 43", "q=xyzzy",
    "refs=PO-00001 PO-7", "watched=yes", "queue=ap&stage=on_track&aging=0-1&q=Medline",
)  # fmt: skip
WAYS = (
    "", "sort=-amount", "sort=opened", "sort=-cost",
    "group=category", "group=counterparty", "group=entity", "group=cause",
)  # fmt: skip
MOST_STATEMENTS = 6


def test_a_page_asks_at_most_six_statements_however_it_is_filtered_sorted_or_grouped(
    app: Flask, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient], monkeypatch: Any
) -> None:
    """Begin included; what people added to the configuration is looked for once a second, by whatever page."""
    monkeypatch.setattr(steering, "FEW", 5)
    for number in range(51):
        make_case(delay_cost_e4=number if number % 2 else None, due_at=NOW if number % 3 else None)
    client, asked = sign_in("manager"), list[str]()
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    def statements(address: str) -> tuple[int, str]:
        asked.clear()
        answer = client.get(address)
        assert answer.status_code == 200, address
        return sum("catalog_addition" not in each for each in asked), answer.text

    client.get("/queue")
    for address in (f"/queue?{restricted}&{way}" for restricted in FILTERS for way in WAYS):
        number, page = statements(address)
        assert number <= MOST_STATEMENTS, (address, asked)
        for after in html.fromstring(page).xpath("//a[@rel='next']/@href"):
            assert statements(after)[0] <= MOST_STATEMENTS, (after, asked)


def test_a_row_is_shown_to_each_as_theirs_and_as_it_is_now(
    case: Any, session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    here, there = sign_in(time_zone="UTC"), sign_in(time_zone="Asia/Tokyo", role="auditor")
    first, others = here.get("/queue").text, there.get("/queue?entity=H01").text
    assert _titles(first) != _titles(others), "times are in one's own zone"
    assert 'formaction="/queue/note/' in first and 'formaction="/queue/note/' not in others
    assert f'href="/exceptions/{encode(case.id)}?entity=H01"' in others
    assert f'href="/exceptions/{encode(case.id)}?entity=H01"' not in here.get("/queue").text
    session.get_one(ExceptionCase, case.id).counterparty = "<b>Bard</b>"
    session.commit()
    assert "&lt;b&gt;Bard&lt;/b&gt;" in here.get("/queue").text


def _titles(page: str) -> list[str]:
    return html.fromstring(page).xpath("//tr/td[@data-label='Business days']/@title")
