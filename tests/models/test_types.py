"""Values come back from either database as they went in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from exceptions_app.models import ExceptionCase, FeedState

MOMENT = datetime(2026, 11, 1, 5, 59, 59, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=-6)), timezone(timedelta(hours=5, minutes=45))]
)
def test_a_time_comes_back_as_the_same_instant_in_utc(session: Session, zone: timezone) -> None:
    session.add(FeedState(feed="f", read_through=MOMENT.astimezone(zone)))
    session.commit()
    session.expire_all()
    found = session.get_one(FeedState, "f").read_through
    assert found == MOMENT
    assert found is not None
    assert found.tzinfo is UTC


def test_a_naive_time_is_refused(session: Session) -> None:
    session.add(FeedState(feed="f", read_through=datetime(2026, 11, 1)))  # noqa: DTZ001
    with pytest.raises((StatementError, ValueError), match="naive"):
        session.flush()


def test_times_compare_as_instants_whatever_zone_they_are_given_in(session: Session) -> None:
    session.add(FeedState(feed="f", read_through=MOMENT))
    session.flush()
    local = MOMENT.astimezone(timezone(timedelta(hours=-8)))
    at_or_before = select(FeedState.feed).where(FeedState.read_through <= local)
    before = select(FeedState.feed).where(FeedState.read_through < local)
    assert (session.scalar(at_or_before), session.scalar(before)) == ("f", None)


def test_money_of_any_size_comes_back_exactly(session: Session, make_case: Callable[..., Any]) -> None:
    case = make_case(amount_e4=2**63 - 1, reporting_amount_e4=-(2**63) + 1)
    session.commit()
    session.expire_all()
    assert (case.amount_e4, case.reporting_amount_e4) == (2**63 - 1, -(2**63) + 1)


def test_a_fingerprint_is_unique(session: Session, make_case: Callable[..., Any]) -> None:
    first = make_case()
    with pytest.raises(IntegrityError):
        make_case(fingerprint=first.fingerprint)
    session.rollback()
    assert session.scalars(select(ExceptionCase)).all() == []
