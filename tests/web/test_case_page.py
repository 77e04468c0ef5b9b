"""One exception's page: what it says, what it offers, what it hides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.models import CasePause
from tests.conftest import NOW


def test_the_page_says_what_is_wrong_by_how_much_and_what_to_do(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    page = sign_in("manager").get(f"/exceptions/{encode(case.id)}").text
    for words in (
        "Medline charged $43.75, the order says $31.00.",
        "$12.75 over, limit $5.00: $7.75 too much",
        "Check the unit.",
        "Page ERP",
        "System of record",
        "3 business days",
        "usually settled with buyer",
        "https://erp.example/orders/PO-00001",
        "First Hospital",
    ):
        assert words in page, words


def test_the_page_explains_the_deadline_and_whom_the_clock_waited_for(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient], time_machine: Any
) -> None:
    time_machine.move_to(NOW, tick=False)
    case = make_case(
        opened_at=NOW - timedelta(days=1), response_target="1 hour", response_due_at=NOW - timedelta(hours=23)
    )
    began = NOW - timedelta(hours=23)
    session.add(
        CasePause(
            case_id=case.id, cycle=1, kind="hold", party="supplier", reason="asked", started_at=began,
            ended_at=began + timedelta(minutes=125),
        )
    )  # fmt: skip
    session.commit()
    page = sign_in("manager").get(f"/exceptions/{encode(case.id)}").text
    for words in (
        "3 business days from Mon 09:00, paused 2 h 05 for the supplier",
        ": due Thu 11:05 America/Chicago", "Supplier: 2 h 05",
        "nobody has taken it up yet", "1 hour from Mon 09:00: due Mon 10:00 America/Chicago",
    ):  # fmt: skip
        assert words in page, words


def test_a_side_that_is_not_found_has_no_link_to_its_record(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    case = make_case(evidence='{"sides":{"ordered":{},"invoiced":{"price":"43.75"}}}')
    session.commit()
    page = sign_in("manager").get(f"/exceptions/{encode(case.id)}").text
    assert "not found" in page
    assert "https://erp.example/orders/" not in page


def test_a_sensitive_value_is_not_in_the_page_of_who_may_not_read_it(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    assert ">222<" in sign_in("manager").get(f"/exceptions/{encode(case.id)}").text
    hidden = sign_in("specialist").get(f"/exceptions/{encode(case.id)}").text
    assert ">222<" not in hidden
    assert "Hidden from your role" in hidden


@pytest.mark.parametrize(
    ("role", "offered"), [("specialist", True), ("auditor", False), ("administrator", False)]
)
def test_only_who_works_exceptions_is_offered_actions(
    role: str, offered: bool, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    page = sign_in(role).get(f"/exceptions/{encode(case.id)}").text
    assert ('id="resolve"' in page) == offered
    assert ('id="comment-text"' in page) == offered


@pytest.mark.parametrize(
    ("status", "offered", "not_offered"),
    [
        ("open", {"resolve", "hold", "waive"}, {"reopen"}),
        ("awaiting_confirmation", {"reopen"}, {"resolve", "hold", "waive"}),
        ("waived", {"reopen"}, {"resolve", "hold", "waive"}),
        ("resolved", set(), {"resolve", "hold", "waive", "reopen"}),
    ],
)
def test_actions_fit_the_state(
    status: str,
    offered: set[str],
    not_offered: set[str],
    session: Session,
    make_case: Callable[..., Any],
    sign_in: Callable[..., FlaskClient],
) -> None:
    case = make_case(status=status)
    session.commit()
    page = sign_in("manager").get(f"/exceptions/{encode(case.id)}").text
    assert all(f'id="{name}"' in page for name in offered)
    assert not any(f'id="{name}"' in page for name in not_offered)


def test_others_on_the_line_and_with_the_same_supplier_are_listed_as_far_as_they_are_visible(
    session: Session, make_case: Callable[..., Any], case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    make_case(line_key=case.line_key, reference="SAME-LINE", status="resolved")
    make_case(reference="SAME-SUPPLIER")
    make_case(reference="OTHER-QUEUE", queue="stores")
    make_case(reference="OTHER-SUPPLIER", counterparty="Stryker")
    session.commit()
    page = sign_in(queues=("ap",)).get(f"/exceptions/{encode(case.id)}").text
    assert "SAME-LINE" in page and "SAME-SUPPLIER" in page
    assert "OTHER-QUEUE" not in page and "OTHER-SUPPLIER" not in page


@pytest.mark.parametrize("reference", ["EX-000000", "EX-ZZZZZZ", "nonsense", "EX-1", "EX-ZZZZZZZZZZZZ"])
def test_a_reference_that_is_none_is_a_designed_404(
    reference: str, sign_in: Callable[..., FlaskClient]
) -> None:
    answer = sign_in().get(f"/exceptions/{reference}")
    assert answer.status_code == 404
    assert "Nothing here" in answer.text


def test_a_reference_typed_by_hand_leads_to_the_canonical_page(
    case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    answer = sign_in().get(f"/exceptions/{encode(case.id).lower()}")
    assert (answer.status_code, answer.location) == (303, f"/exceptions/{encode(case.id)}")


def test_a_category_that_the_configuration_no_longer_has_still_has_a_page(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    case = make_case(category="gone", queue="gone", entity="gone", check_code="gone", sla_calendar="gone")
    session.commit()
    client = sign_in("manager")
    assert client.get(f"/exceptions/{encode(case.id)}").status_code == 200
    assert client.get("/queue").status_code == 200
    assert client.get("/sla").status_code == 200


def test_looking_changes_nothing(session: Session, case: Any, sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in("manager")
    before = case.version, case.audit_head
    for path in (f"/exceptions/{encode(case.id)}", "/queue", "/sla", "/exports"):
        client.get(path)
    session.refresh(case)
    assert (case.version, case.audit_head) == before
