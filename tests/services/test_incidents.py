"""The machinery's own failures, as exceptions of integration operations."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from exceptions_app.connectors.quota import QuotaUse
from exceptions_app.models import ExceptionCase
from exceptions_app.services import feed_warnings, incidents
from exceptions_app.services.intake import IntakeCounts
from tests.services.story import Story, discrepancy

FEED = "test_orders"


def _fail(story: Story, error: str = "connection refused") -> IntakeCounts:
    counts = incidents.feed_failed(story.session, story.ctx, FEED, since=story.now, error=error)
    story.session.commit()
    return counts


def _cases(story: Story) -> list[ExceptionCase]:
    rows = select(ExceptionCase).where(ExceptionCase.queue == "integration_operations")
    return list(story.session.scalars(rows.execution_options(populate_existing=True)))


def test_a_failing_feed_is_one_exception_and_closes_nothing(story: Story) -> None:
    story.run([discrepancy(1)])
    first = story.now
    counts = [
        incidents.feed_failed(story.session, story.ctx, FEED, since=first, error="refused") for _ in range(3)
    ]
    assert counts == [IntakeCounts(opened=1), IntakeCounts(seen=1), IntakeCounts(seen=1)]
    (case,) = _cases(story)
    assert (case.category, case.severity, case.entity, case.counterparty) == (
        "feed_failed",
        "critical",
        "*",
        "TEST_ERP",
    )
    for told in ("Orders", "Test ERP", "24 Nov 2026", "refused"):
        assert told in case.sentence
    assert story.case(1).status == "open"


def test_a_feed_that_was_read_again_agrees_now(story: Story) -> None:
    _fail(story)
    story.later(hours=1)
    assert incidents.feed_recovered(story.session, story.ctx, FEED) == IntakeCounts(closed=1)
    (case,) = _cases(story)
    assert (case.status, case.end_reason) == ("resolved", "agrees_now")
    story.later(hours=1)
    assert _fail(story) == IntakeCounts(reopened=1)
    assert _cases(story)[0].recurring


def test_a_quota_that_is_nearly_used_is_one_exception_until_its_while_begins_anew(story: Story) -> None:
    def told(used: int, hours: int = 1) -> IntakeCounts:
        ends = story.now.replace(minute=0) + timedelta(hours=hours)
        use = QuotaUse(used, 60, timedelta(hours=1), ends, 80)
        counts = feed_warnings.quota_nearly_used(story.session, story.ctx, "TEST_ERP", use)
        story.session.commit()
        return counts

    assert told(47) == IntakeCounts()
    assert [told(48), told(60)] == [IntakeCounts(opened=1), IntakeCounts(seen=1)]
    (case,) = _cases(story)
    assert (case.category, case.counterparty) == ("quota_nearly_used", "TEST_ERP")
    assert "Test ERP: 48 of 60 requests in 1 h are used; it begins anew at 2026-11-24 " in case.sentence
    assert told(1, hours=2) == IntakeCounts(closed=1)


def test_a_system_that_is_out_is_told_again_only_when_other_feeds_fail(story: Story) -> None:
    other = story.catalog.feeds[FEED].model_copy(update={"code": "test_more", "title": "Suppliers"})
    story.catalog = replace(story.catalog, feeds={**story.catalog.feeds, "test_more": other})

    def out(feeds: list[str], error: str) -> IntakeCounts:
        counts = incidents.system_out(
            story.session, story.ctx, "TEST_ERP", feeds, since=story.now, error=error
        )
        story.session.commit()
        return counts

    assert out([FEED], "503") == IntakeCounts(opened=1)
    assert out([FEED], "no answer") == IntakeCounts(seen=1)
    assert out([FEED, "test_more"], "503") == IntakeCounts(changed=1)
    (case,) = _cases(story)
    assert (case.category, case.severity, case.reference) == ("system_out", "critical", "TEST_ERP")
    assert "for all 2 of its feeds (Orders, Suppliers) since" in case.sentence and "503" in case.sentence
    story.later(hours=1)
    assert incidents.system_back(story.session, story.ctx, "TEST_ERP") == IntakeCounts(closed=1)
    assert incidents.system_back(story.session, story.ctx, "TEST_ERP") == IntakeCounts()


def test_a_recovery_without_a_failure_writes_nothing(story: Story) -> None:
    assert incidents.feed_recovered(story.session, story.ctx, FEED) == IntakeCounts()


def test_rejected_rows_stay_open_until_everything_was_read_without_any(story: Story) -> None:
    def report(count: int, *, whole: bool = False) -> IntakeCounts:
        return incidents.rejected_rows(
            story.session, story.ctx, FEED, count=count, since=story.now, reason="no date",
            position="a.csv:3",
            whole=whole,
        )  # fmt: skip

    assert report(2) == IntakeCounts(opened=1)
    for told in ("2", "Orders", "no date"):
        assert told in _cases(story)[0].sentence
    story.later(minutes=5)
    assert report(0) == IntakeCounts()
    assert report(0, whole=True) == IntakeCounts(closed=1)


def test_a_claim_about_rejected_rows_is_confirmed_by_the_next_clean_run(story: Story) -> None:
    incidents.rejected_rows(story.session, story.ctx, FEED, count=1, since=story.now, reason="x")
    (case,) = _cases(story)
    case.status, case.resolved_at = "awaiting_confirmation", story.now
    story.session.commit()
    story.later(minutes=5)
    assert incidents.rejected_rows(story.session, story.ctx, FEED, count=0, since=story.now) == IntakeCounts(
        confirmed=1
    )
