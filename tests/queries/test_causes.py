"""What stands out, and what does not: causes by worth, clusters by concentration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.money import SCALE
from exceptions_app.queries import cases, causes, clusters
from exceptions_app.queries.filters import QueueFilter
from tests.conftest import NOW

Make = Callable[..., Any]


@pytest.fixture
def viewer(catalog: Catalog, user: Make) -> Viewer:
    return viewer_for(user(), catalog)


def _cases(make_case: Make, count: int, **about: Any) -> None:
    for _ in range(count):
        _cases.number += 1  # type: ignore[attr-defined]
        make_case(
            fingerprint=b"%016d" % _cases.number,  # type: ignore[attr-defined]
            **{"category": "test_price", "reporting_amount_e4": 10 * SCALE} | about,
        )


_cases.number = 0  # type: ignore[attr-defined]


def _told(session: Session, viewer: Viewer, catalog: Catalog) -> list[tuple[str, str, int]]:
    return [(one.by, one.value, one.exceptions) for one in clusters.clusters(session, viewer, catalog)]


@pytest.mark.parametrize(("count", "told"), [(4, False), (5, True)])
def test_fewer_than_five_are_no_cluster(
    count: int, told: bool, session: Session, viewer: Viewer, catalog: Catalog, make_case: Make
) -> None:
    _cases(make_case, count, counterparty="Acme")
    assert bool(_told(session, viewer, catalog)) == told


@pytest.mark.parametrize(("others", "told"), [(20, True), (21, False)])
def test_a_counterparty_stands_out_with_a_fifth_of_its_category(
    others: int, told: bool, session: Session, viewer: Viewer, catalog: Catalog, make_case: Make
) -> None:
    _cases(make_case, 5, counterparty="Acme")
    for number in range(others):
        _cases(make_case, 1, counterparty=f"Other {number}")
    _cases(make_case, 50, counterparty="Acme", category="test_bank", status="resolved")
    assert (("counterparty", "Acme", 5) in _told(session, viewer, catalog)) == told


def test_a_facility_stands_out_with_half_of_a_category_that_others_have_too(
    session: Session, viewer: Viewer, catalog: Catalog, make_case: Make
) -> None:
    _cases(make_case, 6, entity="H01", counterparty=None)
    assert _told(session, viewer, catalog) == [], "where only one has it, nothing is concentrated"
    _cases(make_case, 6, entity="H02", counterparty=None)
    assert sorted(_told(session, viewer, catalog)) == [("entity", "H01", 6), ("entity", "H02", 6)]
    _cases(make_case, 1, entity="H02", counterparty=None)
    assert _told(session, viewer, catalog) == [("entity", "H02", 7)]


def test_what_has_a_cause_or_has_ended_is_in_no_cluster(
    session: Session, viewer: Viewer, catalog: Catalog, make_case: Make
) -> None:
    parent = make_case(category="test_bank", counterparty=None)
    _cases(make_case, 5, counterparty="Acme", parent_id=parent.id)
    _cases(make_case, 5, counterparty="Acme", status="waived")
    assert _told(session, viewer, catalog) == []


def test_clusters_and_causes_hold_only_what_the_viewer_sees(
    session: Session, catalog: Catalog, user: Make, make_case: Make
) -> None:
    parent = make_case(category="test_bank", entity="*", counterparty=None)
    _cases(make_case, 3, parent_id=parent.id, entity="H01")
    _cases(make_case, 5, counterparty="Acme", entity="H01")
    session.flush()
    theirs = viewer_for(user(entities=("H01",)), catalog)
    (line,) = causes.causes(session, theirs, catalog)
    assert (line.exceptions, line.worth, line.own) == (3, 30, False)
    others = viewer_for(user(entities=("H02",)), catalog)
    assert causes.causes(session, others, catalog) == []
    assert clusters.clusters(session, others, catalog) == []
    assert clusters.cluster(session, others, catalog, "test_price", "counterparty", "Acme") is None


def test_a_cluster_says_its_share_and_opens_its_queue(
    session: Session, viewer: Viewer, catalog: Catalog, make_case: Make
) -> None:
    _cases(make_case, 5, counterparty="Acme")
    _cases(make_case, 5, counterparty="Other")
    line = clusters.cluster(session, viewer, catalog, "test_price", "counterparty", "Acme")
    assert line is not None
    assert line.sentence == "Price differs with Acme: 5 exceptions, $50.00; 50 % of all price differs."
    assert line.args == {"category": ["test_price"], "counterparty": ["Acme"], "alone": "yes"}


@pytest.fixture
def sharing(catalog: Catalog) -> Catalog:
    """The test network, where price exceptions may have an item or a unit in common."""
    words = {"item": "of item {value}", "unit": "billed per {value}"}
    price = catalog.categories["test_price"].model_copy(update={"shared": words})
    return replace(catalog, categories={**catalog.categories, "test_price": price})


def test_what_a_category_declares_as_shared_is_told_in_its_words_and_leads_to_its_queue(
    session: Session, viewer: Viewer, sharing: Catalog, make_case: Make
) -> None:
    _cases(make_case, 6, counterparty=None, facts='{"item": "312030", "unit": "CS"}')
    _cases(make_case, 5, counterparty=None, facts='{"unit": ""}', business_key='{"item": "999"}')
    _cases(make_case, 7, counterparty=None, facts='{"item": "312030"}', parent_id=1)
    _cases(make_case, 6, counterparty=None, facts='{"item": "312030"}', category="test_bank")
    found = {(one.by, one.value): one for one in clusters.clusters(session, viewer, sharing)}
    assert found.keys() == {("item", "312030"), ("item", "999"), ("unit", "CS")}
    told = found["item", "312030"]
    title = sharing.categories["test_price"].title
    assert told.sentence == f"{title} of item 312030: 6 exceptions, $60.00; 55 % of all {title.lower()}."
    page = cases.page(session, viewer, sharing, QueueFilter.from_args(told.args), now=NOW)
    assert page.count == 6
    one = clusters.cluster(session, viewer, sharing, "test_price", "item", "999")
    assert one is not None and one.exceptions == 5


def test_a_fact_that_all_of_a_category_state_says_nothing(
    session: Session, viewer: Viewer, sharing: Catalog, make_case: Make
) -> None:
    _cases(make_case, 6, counterparty=None, facts='{"item": "312030"}')
    assert clusters.clusters(session, viewer, sharing) == []
    _cases(make_case, 1, counterparty=None, facts='{"item": "312031"}')
    (line,) = clusters.clusters(session, viewer, sharing)
    assert (line.by, line.value, line.exceptions) == ("item", "312030", 6)


def test_a_filter_by_a_fact_that_nobody_declares_finds_nothing(
    session: Session, viewer: Viewer, catalog: Catalog, make_case: Make
) -> None:
    _cases(make_case, 1, facts='{"item": "312030"}')
    for fact in ("item:312030", 'Item":1', "x", ""):
        wanted = QueueFilter(fact=(fact,))
        assert cases.page(session, viewer, catalog, wanted, now=NOW).rows == []
