"""What time alone does: each thing once, and only to rows that are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exceptions_app.services.audit_verify import verify
from exceptions_app.services.sweep import SweepCounts, sweep
from tests.services.story import Story, discrepancy


def _sweep(story: Story, limit: int = 100) -> SweepCounts:
    counts = sweep(story.session, story.ctx, limit)
    story.session.commit()
    return counts


@pytest.fixture
def opened(story: Story) -> Story:
    story.run([discrepancy(1)])
    return story


def test_nothing_happens_before_it_is_due(opened: Story) -> None:
    opened.later(hours=1)
    assert _sweep(opened) == SweepCounts()


def test_due_soon_and_breached_are_told_once_each_and_change_no_version(opened: Story) -> None:
    version = opened.case(1).version
    opened.now = opened.case(1).due_soon_at or opened.now
    assert [_sweep(opened), _sweep(opened)] == [SweepCounts(due_soon=1), SweepCounts()]
    assert opened.case(1).sla_stage == "due_soon"
    opened.now = opened.case(1).due_at or opened.now
    assert [_sweep(opened), _sweep(opened)] == [SweepCounts(breached=1), SweepCounts()]
    case = opened.case(1)
    assert (case.sla_stage, case.breached_at, case.next_sla_at, case.version) == (
        "breached", case.due_at, datetime(2026, 12, 1, 15, 0, tzinfo=UTC), version,
    )  # fmt: skip
    opened.later(days=30)
    assert _sweep(opened) == SweepCounts()
    assert (opened.case(1).aging, opened.case(1).next_sla_at) == (4, None)
    assert opened.tags(1) == ["case:opened", "case:due_soon", "case:breached"]
    assert verify(opened.session) == []


def test_a_hold_that_ends_is_resumed_with_its_pause_counted(opened: Story) -> None:
    opened.hold(1, until=opened.now + timedelta(hours=2))
    opened.later(hours=1)
    assert _sweep(opened) == SweepCounts()
    opened.later(hours=1)
    assert _sweep(opened) == SweepCounts(resumed=1)
    case = opened.case(1)
    assert (case.on_hold, case.paused_seconds, case.sla_stage) == (False, 7200, "on_track")
    assert opened.tags(1)[-1] == "case:resumed"


def test_a_hold_is_counted_to_its_end_however_late_the_sweep_comes(opened: Story) -> None:
    opened.hold(1, until=opened.now + timedelta(hours=2))
    opened.later(days=30)
    assert _sweep(opened) == SweepCounts(resumed=1, breached=1)
    case = opened.case(1)
    assert (case.paused_seconds, case.sla_stage, case.breached_at) == (7200, "breached", case.due_at)
    assert opened.tags(1)[-2:] == ["case:resumed", "case:breached"]
    assert _sweep(opened) == SweepCounts()


@pytest.mark.parametrize("action", ["resume", "resolve"])
def test_a_person_who_comes_after_the_end_of_a_hold_does_not_prolong_it(opened: Story, action: str) -> None:
    opened.hold(1, until=opened.now + timedelta(hours=2))
    opened.later(hours=5)
    getattr(opened, action)(1)
    assert opened.case(1).paused_seconds == 7200


def test_a_hold_that_a_person_ends_early_is_counted_until_then(opened: Story) -> None:
    opened.hold(1, until=opened.now + timedelta(hours=2))
    opened.later(hours=1)
    opened.resume(1)
    assert opened.case(1).paused_seconds == 3600


def test_a_hold_keeps_an_exception_from_breaching(opened: Story) -> None:
    opened.hold(1)
    opened.later(days=30)
    assert _sweep(opened) == SweepCounts()


def test_what_has_ended_is_never_swept(opened: Story) -> None:
    opened.resolve(1)
    opened.later(days=30)
    assert _sweep(opened) == SweepCounts()


def test_a_limit_leaves_the_rest_for_at_once(story: Story) -> None:
    story.run([discrepancy(n) for n in range(1, 4)])
    story.later(days=30)
    assert _sweep(story, 2) == SweepCounts(breached=2, more=True)
    assert _sweep(story, 2) == SweepCounts(breached=1)


def test_a_row_that_cannot_be_swept_stands_aside(story: Story) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    broken = story.case(1)
    story.hold(1, until=story.now + timedelta(days=1))
    broken.sla_target = "some day"
    story.session.commit()
    story.later(days=30)
    assert _sweep(story) == SweepCounts(breached=1, set_aside=1)
    assert story.case(1).next_sla_at == story.now + timedelta(hours=1)
