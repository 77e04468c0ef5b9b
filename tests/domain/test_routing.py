"""The first rule that fits, top down."""

from __future__ import annotations

from decimal import Decimal

from exceptions_app.catalog.schema import Route, ServiceTime, SlaPolicy
from exceptions_app.domain.routing import Subject, policy, route

SUBJECT = Subject("price_variance", frozenset({"north", "network"}), "high", Decimal(1000), "ap")


def test_first_fitting_route_wins_else_the_category_decides() -> None:
    routes = [
        Route(category=["missing_receipt"], queue="receiving"),
        Route(entity=["south"], queue="south"),
        Route(severity=["high"], amount_from=Decimal(5000), queue="controller"),
        Route(entity=["network"], severity=["high"], queue="seniors"),
        Route(queue="everything"),
    ]
    assert route(SUBJECT, routes, "ap") == "seniors"
    assert route(SUBJECT, routes[:3], "ap") == "ap"


def test_amount_condition_looks_at_the_size_and_fits_no_unknown_amount() -> None:
    rule = [Route(amount_from=Decimal(1000), queue="large")]
    assert route(SUBJECT, rule, "ap") == "large"
    assert route(Subject("c", frozenset(), "low", Decimal(-1000)), rule, "ap") == "large"
    assert route(Subject("c", frozenset(), "low", None), rule, "ap") == "ap"


def test_service_level_also_looks_at_the_queue() -> None:
    span = ServiceTime(1, "business days")
    other = SlaPolicy(code="hr", queue=["hr"], target=span)
    ours = SlaPolicy(code="ap", queue=["ap"], category=["price_variance"], target=span)
    assert policy(SUBJECT, [other, ours]) is ours
    assert policy(SUBJECT, [other]) is None
