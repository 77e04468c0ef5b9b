"""What people read of retries: sentences, values as they are sent, when a run should confirm, who never approves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import DeliveryRules, SentField
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, FeedState, Role
from exceptions_app.queries import retries, retry_selection, retry_words
from exceptions_app.queries.confirming import behind, expected
from exceptions_app.queries.deliveries import LineMaker, editors_of, lines
from exceptions_app.queries.filters import RETRY, QueueFilter
from exceptions_app.queries.retry_edits import inputs_of
from tests.conftest import NOW
from tests.services.retry_story import OPERATION, with_operations

ViewerOf = Callable[..., Viewer]


@pytest.fixture
def network(catalog: Catalog) -> Catalog:
    return with_operations(catalog)


@pytest.fixture
def deliver(
    session: Session, make_case: Callable[..., Any], user: Callable[..., Any], snapshot_id: int
) -> Callable[..., Delivery]:
    """`deliver(case=…, status=…, …)` adds a delivery of an exception; any column may be given."""

    def add(case: Any = None, **columns: Any) -> Delivery:
        case = case or make_case(category="test_price")
        about = {
            "case_id": case.id, "operation": "price_again", "system": "KEYED", "order_key": "{}",
            "fields": '{"order":"PO-1","line":"1","price":"43.75","account":"222"}', "status": "waiting",
            "idempotency_key": f"key-{session.query(Delivery).count()}", "max_tries": 3, "not_before": NOW,
            "requested_by_id": columns.get("requested_by_id") or user().id, "created_at": NOW,
            "correlation_id": "c", "config_snapshot_id": snapshot_id,
        }  # fmt: skip
        made = Delivery(**{**about, **columns})
        session.add(made)
        session.flush()
        return made

    return add


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        ("money", "43.75", "$43.75"), ("money", "43.7512345", "43.7512345"), ("quantity", "1200", "1,200"),
        ("decimal", "0.123456", "0.123456"), ("date", "2026-11-30", "30 Nov 2026"), ("boolean", "true", "yes"),
        ("timestamp", "2026-11-24T15:00:00Z", "24 Nov 2026, 09:00"), ("text", "007", "007"), ("money", "n/a", "n/a"),
        ("date", "soon", "soon"), ("text", "", None), ("text", None, None),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_it_is_sent_and_never_rounded(
    kind: str, text: str | None, shown: str | None, viewer_of: ViewerOf
) -> None:
    from exceptions_app.queries.words import zone_of

    sent = SentField.model_validate({"source": "key.a", "type": kind})
    assert retry_words.value(sent, text, viewer_of(), "USD", zone_of("America/Chicago")) == shown


def test_a_value_beyond_the_role_is_hidden_even_where_there_is_none(viewer_of: ViewerOf) -> None:
    bank = SentField.model_validate({"source": "key.a", "sensitivity": "bank"})
    for text in ("222", "", None):
        assert retry_words.value(bank, text, viewer_of(Role.SPECIALIST), None, UTC) == retry_words.HIDDEN
    assert retry_words.value(bank, "222", viewer_of(Role.MANAGER), None, UTC) == "222"


def test_every_state_and_every_choice_of_the_filter_has_its_words() -> None:
    assert set(retry_words.STATE) == set(Sent)
    assert set(retry_words.FILTER) == {*RETRY, "never"}
    assert retry_words.state("of_a_newer_version") == "Of a newer version"


def test_a_filter_by_retry_survives_the_address_and_unknown_choices_fit_nothing() -> None:
    wanted = QueueFilter.from_args({"retry": ["failed", "never"]})
    assert QueueFilter.from_args(wanted.to_args()) == wanted
    assert wanted.without("retry", "failed").retry == ("never",)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({}, "as fast as it answers, 4 at once"),
        ({"rate_per_second": "20", "concurrency": 2}, "at most 20 a second, 2 at once"),
        ({"rate_per_second": "0.1"}, "at most 6 a minute, 4 at once"),
    ],
)
def test_the_throttle_in_words(rules: dict[str, Any], said: str) -> None:
    assert retry_words.throttle(DeliveryRules.model_validate(rules)) == said


def test_a_run_should_confirm_after_the_lag_and_the_next_read(session: Session) -> None:
    site = load_catalog(Path(__file__).parent.parent / "web" / "site", connector_models())
    feeds = [
        feed.model_copy(update={"lag": timedelta(minutes=lag), "every": timedelta(minutes=every)})
        for feed, (lag, every) in zip(site.feeds.values(), ((5, 15), (20, 1)), strict=True)
    ]
    site = replace(site, feeds={feed.code: feed for feed in feeds})
    check, by = "p2p.order_match", NOW + timedelta(minutes=35)
    assert expected(site, check, NOW, NOW).by == by
    assert expected(site, check, NOW, by).late is False
    assert expected(site, check, NOW, by + timedelta(seconds=1)).late is True
    session.add(FeedState(feed=feeds[0].code, read_through=NOW + timedelta(minutes=21)))
    session.add(FeedState(feed=feeds[1].code, read_through=NOW + timedelta(minutes=20)))
    session.flush()
    assert [each.title for each in behind(session, site, check, NOW)] == [feeds[1].title]
    assert expected(site, "gone", NOW, NOW).by == NOW
    assert behind(session, site, "gone", NOW) == ()


def test_a_write_of_an_operation_that_is_gone_hides_all_its_values(
    session: Session, catalog: Catalog, deliver: Callable[..., Delivery], viewer_of: ViewerOf
) -> None:
    deliver()
    line = LineMaker(viewer_of(), catalog, NOW, {})(session.execute(lines()).one())
    assert {field.value for field in line.fields} == {retry_words.HIDDEN}
    assert line.title == "Price again"


def test_a_line_says_how_it_stands_since_when_and_what_comes_next(
    session: Session, network: Catalog, deliver: Callable[..., Delivery], viewer_of: ViewerOf
) -> None:
    deliver(status="discarded", note="Discarded by Sam: paid by card")
    deliver(status="confirmed", accepted_at=NOW, settled_at=NOW + timedelta(minutes=8))
    deliver(
        status="waiting", not_before=NOW + timedelta(hours=1), doubtful=True, tries=1, last_error="no answer"
    )
    maker = LineMaker(viewer_of(), network, NOW, {})
    found = [maker(row).sentence for row in session.execute(lines().order_by(Delivery.id))]
    assert found == [
        "Discarded by Sam: paid by card",
        f"Confirmed 09:08, 8 min after {network.systems['KEYED'].name} accepted it.",
        f"It may have arrived at {network.systems['KEYED'].name}: that is found out before anything is sent again; "
        "next try 10:00.",
    ]  # fmt: skip


def test_whoever_asked_or_edited_along_the_chain_never_approves(
    session: Session,
    deliver: Callable[..., Delivery],
    make_case: Callable[..., Any],
    user: Callable[..., Any],
) -> None:
    case, people = make_case(), [user() for _ in range(4)]
    first = deliver(case, status="replayed", requested_by_id=people[0].id, edited='{"price":["1","2"]}')
    second = deliver(case, status="replayed", requested_by_id=people[1].id, replays_id=first.id)
    third = deliver(
        case,
        status="awaiting_approval",
        requested_by_id=people[2].id,
        replays_id=second.id,
        edited='{"price":["1","2"]}',
    )
    other = deliver(status="waiting", requested_by_id=people[3].id)
    assert editors_of(session, [third.id, other.id]) == {
        third.id: {people[0].id, people[2].id}, other.id: {people[3].id},
    }  # fmt: skip
    assert editors_of(session, []) == {}


def test_counts_and_groups_are_of_what_the_viewer_sees(
    session: Session, network: Catalog, deliver: Callable[..., Delivery], make_case: Callable[..., Any],
    viewer_of: ViewerOf,
) -> None:  # fmt: skip
    for entity, error in (("H01", "cancelled"), ("H01", None), ("H02", "cancelled")):
        deliver(
            make_case(entity=entity), status="failed", error_class=error, last_error="No.", settled_at=NOW
        )
    deliver(make_case(entity="H02"), status="unsure")
    all_, one = viewer_of(), viewer_of(entities=("H01",))
    assert (retries.to_do(session, all_).gave_up, retries.to_do(session, one).gave_up) == (3, 2)
    assert (retries.to_do(session, all_).decisions, retries.to_do(session, one).decisions) == (1, 0)
    groups = retries.gave_up(session, one, network, now=NOW).groups
    assert [(group.error_class, group.count) for group in groups] == [("cancelled", 1), ("other", 1)]
    only = retries.gave_up(session, all_, network, now=NOW, system="KEYED", reason="other")
    assert (only.count, len(only.page.lines)) == (1, 1)
    chosen = retries.chosen(session, one, network, ids=None, system="KEYED", reason="cancelled", most=10)
    assert (len(chosen.ids), chosen.amount, chosen.more) == (1, "$100.00", False)
    few = retries.chosen(session, all_, network, ids=None, system="", reason="", most=2)
    assert (len(few.ids), few.more) == (2, True)


def test_counts_in_the_tabs_go_no_further_than_they_need(
    session: Session, deliver: Callable[..., Delivery], viewer_of: ViewerOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "COUNT_LIMIT", 2)
    for _ in range(5):
        deliver(status="failed")
    found = retries.to_do(session, viewer_of())
    assert (found.gave_up, found.said(found.gave_up), found.said(2)) == (3, "2+", "2")


def test_a_selection_is_told_by_what_would_be_sent_where(
    session: Session, network: Catalog, make_case: Callable[..., Any], viewer_of: ViewerOf
) -> None:
    made = [make_case(category="test_price") for _ in range(2)]
    made += [
        make_case(category="test_price", status="waived"),
        make_case(category="test_price", retry_state="unsure"),
    ]
    found = retry_selection.selection(
        session, viewer_of(), network, case_ids=[each.id for each in made], wanted=QueueFilter(), now=NOW
    )
    assert (found.count, found.sendable, found.not_open, found.on_its_way) == (4, 2, 1, 1)
    assert [(w.title, w.count) for w in found.writes] == [(OPERATION["title"], 2)]
    nothing = retry_selection.selection(
        session, viewer_of(entities=("H02",)), network, case_ids=[made[0].id], wanted=QueueFilter(), now=NOW
    )
    assert (nothing.count, nothing.sendable) == (0, 0)


def test_fields_are_offered_as_what_they_are_and_only_to_who_may_see_them(
    network: Catalog, viewer_of: ViewerOf
) -> None:
    operation = network.operations["price_again"]
    values = {"price": "43.75", "method": "A", "account": "222"}
    found = {each.name: each for each in inputs_of(viewer_of(Role.MANAGER), operation, values)}
    assert {name: each.kind for name, each in found.items()} == {
        "price": "number",
        "method": "choice",
        "account": "text",
    }
    assert found["method"].options == ("A", "B") and found["price"].required
    hidden = inputs_of(viewer_of(Role.SPECIALIST), operation, values)
    assert [each.name for each in hidden] == ["price", "method"]


def test_a_time_of_today_is_a_clock_and_another_day_says_which() -> None:
    now = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    assert retry_words.clock(now, now, UTC) == "15:00"
    assert retry_words.clock(now - timedelta(days=1), now, UTC) == "Mon 15:00"
    assert retry_words.clock(now - timedelta(days=20), now, UTC) == "Wed 4 Nov 15:00"
