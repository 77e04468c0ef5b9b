"""One exception beside the queue, and the way on within the filter that it was opened from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from tests.conftest import NOW

PANEL = {"HX-Request": "true", "HX-Target": "aside#panel"}


@pytest.fixture
def three(session: Session, make_case: Callable[..., Any]) -> list[str]:
    """The references of three exceptions by due time; the fourth, of another queue, is in between."""
    due = [("ap", 1), ("ap", 2), ("stores", 3), ("ap", 4)]
    made = [make_case(queue=queue, due_at=NOW + timedelta(hours=hours)) for queue, hours in due]
    session.commit()
    return [encode(case.id) for case in made if case.queue == "ap"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [("", PANEL), ("", {**PANEL, "HX-Boosted": "true"}), ("?panel=1", {"HX-Request": "true"})],
)
def test_the_panel_gets_the_exception_without_the_frame(
    path: str, headers: dict[str, str], case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    answer = sign_in().get(f"/exceptions/{encode(case.id)}{path}", headers=headers)
    assert case.sentence in answer.text and 'id="resolve"' in answer.text
    assert "<html" not in answer.text and '<nav class="nav-main"' not in answer.text
    assert 'hx-target="#panel"' in answer.text
    assert "HX-Target" in answer.headers["Vary"]
    assert answer.headers["HX-Push-Url"] == "false"


def test_whoever_opens_the_address_of_the_panel_gets_the_page(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    assert "<html" in sign_in().get(f"/exceptions/{encode(case.id)}?panel=1").text


def test_an_exception_that_is_gone_is_told_within_the_panel(sign_in: Callable[..., FlaskClient]) -> None:
    answer = sign_in().get("/exceptions/EX-7F3K2Q", headers=PANEL)
    assert answer.status_code == 404
    assert "not here any more" in answer.text and "<html" not in answer.text


def test_next_and_previous_are_those_of_the_filter(
    three: list[str], sign_in: Callable[..., FlaskClient]
) -> None:
    page = sign_in().get(f"/exceptions/{three[1]}?queue=ap").text
    assert f'href="/exceptions/{three[0]}?queue=ap" rel="prev" data-key="p"' in page
    assert f'href="/exceptions/{three[2]}?queue=ap" rel="next" data-key="n"' in page
    assert 'href="/queue?queue=ap"' in page


def test_the_whole_queue_has_a_next_one_too(three: list[str], sign_in: Callable[..., FlaskClient]) -> None:
    page = sign_in().get(f"/exceptions/{three[0]}?from=queue").text
    assert f'href="/exceptions/{three[1]}?from=queue" rel="next"' in page
    assert 'rel="prev"' not in page


def test_opened_from_no_list_it_has_no_neighbours(
    three: list[str], sign_in: Callable[..., FlaskClient]
) -> None:
    page = sign_in().get(f"/exceptions/{three[1]}").text
    assert 'rel="next"' not in page and "Back to the list" not in page


@pytest.mark.parametrize(("go", "ends_at"), [("next", 2), ("", 1)])
def test_an_action_stays_in_the_filter_and_goes_on_where_that_is_asked_for(
    go: str, ends_at: int, three: list[str], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    form = {"version": "1", "reason": "fixed_at_source", "go": go}
    answer = client.post(f"/exceptions/{three[1]}/resolve?queue=ap&status=open", data=form)
    assert (answer.status_code, answer.location) == (
        303,
        f"/exceptions/{three[ends_at]}?queue=ap&status=open",
    )
    page = client.get(answer.location).text
    assert f'rel="{"prev" if go else "next"}"' in page


def test_the_last_one_of_the_filter_leads_back_to_itself(
    three: list[str], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    answer = client.post(
        f"/exceptions/{three[2]}/resolve?queue=ap",
        data={"version": "1", "reason": "fixed_at_source", "go": "next"},
    )
    assert answer.location == f"/exceptions/{three[2]}?queue=ap"


def test_an_action_in_the_panel_tells_the_queue_that_a_row_changed(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    answer = client.post(f"/exceptions/{encode(case.id)}/claim", data={"version": "1"}, headers=PANEL)
    shown = client.get(answer.location, headers=PANEL)
    assert "It is yours now." in shown.text and "<html" not in shown.text
    assert shown.headers["HX-Trigger"] == f'{{"case-changed": {{"id": {case.id}}}}}'
    assert "HX-Trigger" not in client.get(answer.location, headers=PANEL).headers


def test_a_conflict_in_the_panel_keeps_what_was_typed(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    case.version = 7
    session.commit()
    form = {"version": "1", "reason": "waiting for them", "ball": "supplier"}
    answer = client.post(f"/exceptions/{encode(case.id)}/hold", data=form, headers=PANEL)
    assert answer.status_code == 409
    assert "Somebody was faster" in answer.text and "waiting for them" in answer.text
    assert "<html" not in answer.text
