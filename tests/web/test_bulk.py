"""One action on many exceptions, from the ticks in the queue to the undo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from lxml import html as lxml_html
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import BulkAction, CaseHandBack, ExceptionCase, Task
from exceptions_app.services import bulk_actions
from tests.conftest import NOW

from .conftest import PASSWORD

_HTML: Any = lxml_html
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def _form(page: str) -> dict[str, Any]:
    """The hidden fields of the confirmation."""
    form = _HTML.fromstring(page).xpath("//form[@action='/bulk']")[0]
    found: dict[str, Any] = {}
    for field in form.xpath(".//input[@type='hidden']"):
        found.setdefault(field.get("name"), []).append(field.get("value"))
    return found


def _statuses(session: Session) -> list[str]:
    found = list(session.scalars(select(ExceptionCase.status).order_by(ExceptionCase.id)))
    session.commit()
    return found


def test_ticked_ones_are_resolved_after_the_page_that_says_what_it_will_do_and_can_be_undone(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    a, b, c = make_case(), make_case(), make_case(status="waived")
    session.commit()
    client = sign_in()
    picked = [f"{case.id}:1" for case in (a, b, c)]
    chosen = client.post("/bulk/choose", data={"pick": picked, "action": "resolve", "f-queue": "ap"})
    page = client.get(chosen.location).text
    assert "Resolve 2 exceptions worth $200.00?" in page
    assert "left alone: not open any more" in page
    assert _statuses(session) == ["open", "open", "waived"]
    done = client.post("/bulk", data=_form(page) | {"reason": "fixed_at_source", "text": "Price corrected"})
    assert done.location == "/bulk/1?queue=ap"
    assert _statuses(session) == ["awaiting_confirmation", "awaiting_confirmation", "waived"]
    shown = client.get(done.location).text
    assert "Cannot resolve what is waived." in shown and "until" in shown
    back = client.post("/bulk/1/undo")
    assert "Undone, as far as nobody has changed it since." in client.get(back.location).text
    assert _statuses(session) == ["open", "open", "waived"]
    with time_machine.travel(NOW + timedelta(days=31), tick=False):
        client.post("/sign-in", data={"email": client.person.email, "password": PASSWORD})  # type: ignore[attr-defined]
        later = client.get(done.location).text
    assert "What became of each of its 3 exceptions is kept for 30 days" in later
    assert "Cannot resolve what is waived." not in later and "Undone</dt>" not in later


def test_all_that_match_is_what_the_filter_says_and_nothing_else(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    for _ in range(60):
        make_case(entity="H02")
    make_case(entity="H01")
    make_case(entity="H02", queue="stores")
    session.commit()
    client = sign_in(queues=("ap",))
    chosen = client.post("/bulk/choose", data={"all": "yes", "action": "claim", "f-entity": "H02"})
    page = client.get(chosen.location).text
    assert "Claim 60 exceptions worth $6,000.00?" in page
    client.post("/bulk", data=_form(page))
    owned = select(ExceptionCase.entity, ExceptionCase.queue).where(ExceptionCase.owner_id.is_not(None))
    assert set(map(tuple, session.execute(owned))) == {("H02", "ap")}
    assert len(session.execute(owned).all()) == 60


def test_the_same_form_twice_is_one_action_and_a_changed_set_is_shown_again(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    make_case()
    session.commit()
    client = sign_in()
    form = _form(client.get("/bulk/new?action=claim&all=yes").text)
    make_case()
    session.commit()
    again = client.post("/bulk", data=form)
    assert again.status_code == 422 and "has changed since you looked" in again.text
    form = _form(again.text)
    first, second = client.post("/bulk", data=form), client.post("/bulk", data=form)
    assert first.location == second.location
    assert len(session.scalars(select(BulkAction.id)).all()) == 1


def test_as_many_others_are_a_changed_set_too(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    """One left and one of the same worth came: nobody has seen that one."""
    seen = make_case(reporting_amount_e4=None, amount_e4=None)
    session.commit()
    client = sign_in()
    form = _form(client.get("/bulk/new?action=resolve&all=yes").text)
    seen.status = "resolved"
    make_case(reporting_amount_e4=None, amount_e4=None)
    session.commit()
    assert "has changed since you looked" in client.post("/bulk", data=form).text


def test_a_large_one_runs_in_the_background_and_can_be_left_found_and_cancelled(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(bulk_actions, "AT_ONCE", 1)
    make_case()
    make_case()
    session.commit()
    client = sign_in()
    page = client.get("/bulk/new?action=claim&all=yes").text
    assert "runs in the background" in page
    client.post("/bulk", data=_form(page))
    assert session.scalar(select(Task.kind)) == "bulk"
    session.commit()
    progress = client.get("/bulk/1", headers=HTMX).text
    assert 'hx-trigger="every 1s"' in progress and "0 of 2" in progress
    assert "/bulk/1" in client.get("/bulk").text
    client.post("/bulk/1/cancel")
    ended = client.get("/bulk/1", headers=HTMX).text
    assert "hx-trigger" not in ended and "Left alone" in ended


def test_what_somebody_else_has_is_counted_and_left_to_a_manager_to_hand_back(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client, other = sign_in(), sign_in("manager")
    for number in (client.person.id, other.person.id, None):  # type: ignore[attr-defined]
        make_case(owner_id=number)
    session.commit()
    page = client.get("/bulk/new?action=release&all=yes").text
    assert "Hand back 1 exception worth" in page
    assert "somebody else has them" in page and "nobody has them" in page
    assert "Hand back 2 exceptions worth" in other.get("/bulk/new?action=release&all=yes").text
    client.post("/bulk", data=_form(page) | {"reason": "by mistake"})
    assert session.scalar(select(CaseHandBack.reason)) == "by mistake"


def test_what_somebody_else_asked_for_is_not_there(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    make_case()
    session.commit()
    client, other = sign_in(), sign_in("manager")
    client.post("/bulk", data=_form(client.get("/bulk/new?action=claim&all=yes").text))
    assert other.get("/bulk/1").status_code == 404
    assert other.post("/bulk/1/undo").status_code == 404


def test_its_results_show_only_what_its_asker_still_sees(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    case = make_case(sentence="Quagga charged too much.")
    session.commit()
    client = sign_in(queues=("ap",))
    client.post("/bulk", data=_form(client.get("/bulk/new?action=claim&all=yes").text))
    assert "Quagga" in client.get("/bulk/1").text
    case.queue = "stores"
    session.commit()
    assert "Quagga" not in client.get("/bulk/1").text


def test_the_undo_is_offered_only_while_its_window_is_open(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    make_case()
    session.commit()
    client = sign_in()
    client.post("/bulk", data=_form(client.get("/bulk/new?action=claim&all=yes").text))
    assert "/bulk/1/undo" in client.get("/bulk/1").text
    with time_machine.travel(NOW + bulk_actions.UNDO_WINDOW * 2, tick=False):
        assert "/bulk/1/undo" not in client.get("/bulk/1").text
        refused = client.post("/bulk/1/undo")
        assert "too much time has passed" in client.get(refused.location).text


@pytest.mark.parametrize(
    ("action", "missing"),
    [
        ("hold", "Say why it waits."),
        ("waive", "Say until when it is waived."),
        ("comment", "Write something."),
        ("resolve", "Choose a reason."),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_done(
    action: str, missing: str, session: Session, make_case: Callable[..., Any],
    sign_in: Callable[..., FlaskClient],
) -> None:  # fmt: skip
    make_case()
    session.commit()
    client = sign_in("manager")
    form = _form(client.get(f"/bulk/new?action={action}&all=yes").text)
    answer = client.post("/bulk", data=form)
    assert answer.status_code == 422 and missing in answer.text
    assert session.scalars(select(BulkAction.id)).all() == []


def test_a_manager_assigns_what_is_ticked_and_a_specialist_may_not(
    session: Session, make_case: Callable[..., Any], user: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:  # fmt: skip
    case, person = make_case(), user()
    session.commit()
    client = sign_in("manager")
    url = f"/bulk/new?action=assign&pick={case.id}:1"
    client.post("/bulk", data=_form(client.get(url).text) | {"owner": str(person.id)})
    assert session.scalar(select(ExceptionCase.owner_id)) == person.id
    session.commit()
    other = sign_in()
    refused = other.post("/bulk", data=_form(other.get(url).text) | {"owner": str(person.id)})
    assert refused.status_code == 422 and "Only a manager assigns work to others." in refused.text


@pytest.mark.parametrize(
    "query", ["action=reopen&all=yes", "action=nonsense", "all=yes", "action=claim&pick=x"]
)
def test_what_is_no_action_is_refused(query: str, sign_in: Callable[..., FlaskClient]) -> None:
    assert sign_in().get(f"/bulk/new?{query}").status_code == 400


def test_nothing_ticked_says_so(sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in()
    answer = client.post("/bulk/choose", data={"action": "resolve", "f-queue": "ap"})
    assert answer.location == "/queue?queue=ap"
    assert "Nothing was ticked." in client.get(answer.location).text
