"""Exceptions that nobody has are given to people by rule, and never taken from anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Assignment
from exceptions_app.services import actions, people
from exceptions_app.services.assignment import assign_waiting
from exceptions_app.services.audit_verify import verify
from tests.conftest import NOW
from tests.services.story import Story, discrepancy

Add = Callable[..., Any]


@pytest.fixture
def story(session: Session, catalog: Any, user: Add) -> Story:
    return Story(session, catalog, user("manager", name="Mina Park"))


def rules(story: Story, *rules: Assignment) -> Story:
    story.catalog = replace(story.catalog, assignment=rules)
    return story


def give(story: Story) -> int:
    given = assign_waiting(story.session, story.ctx).given
    story.session.commit()
    return given


def owners(story: Story, *numbers: int) -> list[str | None]:
    from exceptions_app.models import User

    ids = [story.case(number).owner_id for number in numbers]
    return [None if one is None else story.session.get_one(User, one).name for one in ids]


def specialist(user: Add, name: str, *entities: str, **about: Any) -> Any:
    return user("specialist", name=name, queues=("test_ap",), entities=entities or ("NET",), **about)


def test_turns_are_taken(story: Story, user: Add) -> None:
    for name in ("Ann", "Bob", "Cat"):
        specialist(user, name)
    rules(story, Assignment(code="turns", by="round_robin")).run(map(discrepancy, (1, 2)))
    assert give(story) == 2
    story.run(map(discrepancy, (1, 2, 3, 4)))
    assert give(story) == 2
    assert owners(story, 1, 2, 3, 4) == ["Ann", "Bob", "Cat", "Ann"]
    assert story.tags(1) == ["case:opened", "case:assigned"]
    assert verify(story.session) == []


def test_whoever_has_least_is_given_the_next_up_to_the_limit(story: Story, user: Add) -> None:
    for name in ("Ann", "Bob"):
        specialist(user, name)
    rules(story, Assignment(code="load", by="load", at_most=2)).run(map(discrepancy, range(1, 7)))
    assert give(story) == 4
    assert owners(story, 1, 2, 3, 4, 5) == ["Ann", "Bob", "Ann", "Bob", None]
    assert give(story) == 0


def test_the_narrowest_scope_around_the_entity_is_given_it(story: Story, user: Add) -> None:
    specialist(user, "Whole network")
    specialist(user, "First hospital", "H01")
    specialist(user, "Second hospital", "H02")
    rules(story, Assignment(code="site", by="entity")).run(map(discrepancy, (1, 2)))
    give(story)
    assert owners(story, 1, 2) == ["First hospital", "First hospital"]


def test_who_has_that_supplier_is_given_more_of_it(story: Story, user: Add) -> None:
    specialist(user, "Ann")
    bob = specialist(user, "Bob")
    rules(story, Assignment(code="supplier", by="supplier")).run([discrepancy(1)])
    story._do(actions.assign, 1, owner_id=bob.id)
    story.run(map(discrepancy, (1, 2, 3)))
    give(story)
    assert owners(story, 2, 3) == ["Bob", "Bob"]


def test_the_first_rule_that_fits_decides_and_where_none_fits_nobody_is_given_it(
    story: Story, user: Add
) -> None:
    specialist(user, "Ann")
    bob = specialist(user, "Bob")
    bob.function = "Contracts"
    rules(
        story,
        Assignment(code="large", by="load", amount_from=1_000, function="contracts"),
        Assignment(code="other", by="load", category=["test_bank"]),
    ).run([discrepancy(1, amount="5000.00"), discrepancy(2)])
    assert give(story) == 1
    assert owners(story, 1, 2) == ["Bob", None]


def test_who_is_away_or_sees_everything_or_another_queue_is_given_nothing(story: Story, user: Add) -> None:
    user("specialist", name="Everything")
    user("specialist", name="Other queue", queues=("test_big",))
    user("auditor", name="Auditor", queues=("test_ap",))
    away = specialist(user, "Away")
    people.set_away(story.session, away, NOW + timedelta(days=3), now=NOW)
    rules(story, Assignment(code="load", by="load")).run([discrepancy(1)])
    assert give(story) == 0
    story.later(days=3)
    assert give(story) == 1
    assert owners(story, 1) == ["Away"]


def test_what_is_handed_back_goes_to_somebody_else_until_it_comes_back(story: Story, user: Add) -> None:
    specialist(user, "Ann")
    rules(story, Assignment(code="load", by="load")).run([discrepancy(1)])
    give(story)
    story._do(actions.release, 1, reason="not my supplier")
    assert give(story) == 0
    specialist(user, "Bob")
    assert give(story) == 1
    assert owners(story, 1) == ["Bob"]


def test_what_is_on_hold_or_somebodys_or_ended_is_left_alone(story: Story, user: Add) -> None:
    specialist(user, "Ann")
    rules(story, Assignment(code="load", by="load")).run(map(discrepancy, (1, 2, 3)))
    story.claim(1)
    story.hold(2)
    story.resolve(3)
    assert give(story) == 0
    assert owners(story, 1, 2) == ["Mina Park", None]


def test_without_rules_nothing_is_given(story: Story, user: Add) -> None:
    specialist(user, "Ann")
    story.run([discrepancy(1)])
    assert give(story) == 0
