"""A second person looks at what an edit comes to, not at the figure that was typed."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from exceptions_app.catalog.catalog import canonical
from exceptions_app.domain.fingerprint import evidence_hash
from exceptions_app.domain.retry import Outcome
from exceptions_app.services import dead_letters, retry_asking, retry_values
from exceptions_app.services.retry_approving import because
from tests.services.retry_story import OPERATION, RetryStory
from tests.services.story import discrepancy, key_of

Retry = Callable[..., RetryStory]


def fields(price: dict[str, Any], **more: dict[str, Any]) -> dict[str, Any]:
    known = deepcopy(OPERATION["fields"])
    return {**known, "price": {**known["price"], **price}, **more}


def line(currency: str = "USD", **order: Any) -> Any:
    """Order line 1 is billed at 10.00, and this is what its order says."""
    evidence = canonical({
        "key": key_of(1), "let": {"hundreds": "100"}, "sides": {"invoice": {"price": "10.00"}, "order": order},
        "tolerance": None,
    })  # fmt: skip
    found = discrepancy(1, currency=currency)
    return found._replace(evidence=evidence, evidence_hash=evidence_hash(evidence))


def sent(story: RetryStory, found: Any, **edit: str) -> str:
    story.run([found])
    return story.send(1, edits={1: edit}, reason="the contract price").status


@pytest.mark.parametrize(
    ("price", "quantity", "status"),
    [
        ("999", "10000", "awaiting_approval"),
        ("999", "1", "waiting"),
        ("9.99", "100", "waiting"),
        ("1", "100.0001", "awaiting_approval"),  # before, it came to 1,000.001
        ("-999", "10000", "awaiting_approval"),
        ("999", "-10000", "awaiting_approval"),
        ("999", None, "awaiting_approval"),  # nobody knows
        ("999", "many", "awaiting_approval"),
    ],
)
def test_a_price_counts_times_the_quantity_of_its_line(
    retry: Retry, price: str, quantity: str | None, status: str
) -> None:
    story = retry(fields=fields({"times": "order.quantity"}))
    assert sent(story, line(quantity=quantity), price=price) == status


@pytest.mark.parametrize(
    ("per", "status"), [("100", "waiting"), ("1", "awaiting_approval"), ("0", "awaiting_approval")]
)
def test_a_price_per_hundred_is_divided(retry: Retry, per: str, status: str) -> None:
    story = retry(fields=fields({"times": "order.quantity", "per": "order.per"}))
    assert sent(story, line(quantity="5000", per=per), price="19") == status


def test_a_factor_may_be_what_the_check_computed(retry: Retry) -> None:
    story = retry(fields=fields({"times": "let.hundreds"}))
    assert sent(story, line(), price="10.01") == "awaiting_approval"


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        ({"price": "99", "quantity": "11"}, "awaiting_approval"),
        ({"price": "90", "quantity": "11"}, "waiting"),
        ({"quantity": "101"}, "awaiting_approval"),
        ({"quantity": "100"}, "waiting"),
    ],
)
def test_a_factor_that_is_edited_itself_counts_as_edited(
    retry: Retry, edit: dict[str, str], status: str
) -> None:
    quantity = {"source": "order.quantity", "type": "quantity", "edit": True}
    story = retry(fields=fields({"times": "quantity"}, quantity=quantity))
    assert sent(story, line(quantity="10"), **edit) == status


@pytest.mark.parametrize(("price", "status"), [("10.41", "waiting"), ("10.42", "awaiting_approval")])
def test_what_it_comes_to_is_taken_into_reporting_currency(retry: Retry, price: str, status: str) -> None:
    story = retry(fields=fields({"times": "order.quantity"}))
    assert sent(story, line("EUR", quantity="80"), price=price) == status  # a euro is 1.20


@pytest.mark.parametrize(
    ("given", "changed", "why"),
    [
        ({"price": "999"}, {}, "The edit comes to $9,990.00, above $1,000.00."),
        ({"price": "9.50"}, {"approve_above": "0.40"}, "The exception is worth $0.50, above $0.40."),
        (
            {"price": "9.50"},
            {"always_approve": True},
            "Everything that is sent like this takes a second person.",
        ),
        ({"price": "9.50"}, {}, None),
        ({"price": "10.00"}, {}, None),
    ],
)
def test_the_reason_is_said(
    retry: Retry, given: dict[str, str], changed: dict[str, Any], why: str | None
) -> None:
    plain = {name: sent for name, sent in fields({"times": "order.quantity"}).items() if name != "account"}
    story = retry(fields=plain, **changed)
    case, operation = story.case(1), story.catalog.operations["price_again"]
    says = {"order.quantity": "10"}.get
    values = {"order": "PO-1", "line": "1", "price": "10.00"}
    edits = retry_values.edit(operation, values, given, story.viewer_of(story.sam))
    assert because(operation, case, edits.values, edits.diff, says, "USD") == why


def test_the_amount_of_the_exception_counts_as_well(retry: Retry) -> None:
    story = retry(fields=fields({"times": "order.quantity"}), approve_above="0.40")
    assert sent(story, line(quantity="0"), price="9.50") == "awaiting_approval"


@pytest.mark.parametrize(("quantity", "status"), [("11", "waiting"), ("12", "skipped")])
def test_what_takes_a_second_person_by_now_does_not_go_out_without(
    retry: Retry, quantity: str, status: str
) -> None:
    story = retry(fields=fields({"times": "order.quantity"}))
    assert sent(story, line(quantity="10"), price="90") == "waiting"
    story.run([line(quantity=quantity)])
    assert story.delivery(1).status == status
    assert status == "waiting" or "look again" in str(story.delivery(1).note)


def test_what_a_second_person_has_approved_goes_out_whatever_it_comes_to(retry: Retry) -> None:
    story = retry(fields=fields({"times": "order.quantity"}))
    assert sent(story, line(quantity="20"), price="90") == "awaiting_approval"
    retry_asking.approve(story.session, story.by(story.max), story.viewer_of(story.max), story.delivery(1).id)
    story.session.commit()
    story.run([line(quantity="30")])
    assert story.delivery(1).status == "waiting"


def test_sent_again_after_it_gave_up_it_is_judged_by_the_same_rule(retry: Retry) -> None:
    story = retry(fields=fields({"times": "order.quantity"}))
    assert sent(story, line(quantity="20"), price="9.50") == "waiting"
    story.answer(Outcome.PERMANENT)
    dead = story.delivery(1).id
    dead_letters.replay(
        story.session, story.by(story.sam), story.viewer_of(story.sam), [dead], "again", {dead: {"price": "51"}},
        "the new contract",
    )  # fmt: skip
    story.session.commit()
    assert (story.delivery(1).replays_id, story.delivery(1).status) == (dead, "awaiting_approval")
