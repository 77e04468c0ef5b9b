"""What is left of a feed's runs after a while still tells of its rhythm, and of no other runs more than one a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from exceptions_app.catalog.calendars import ALWAYS, whole_days
from exceptions_app.domain.rhythm import silence
from exceptions_app.models import SyncRun
from exceptions_app.services import rhythms, runs
from tests.conftest import NOW
from tests.services.story import Story

EVERY = timedelta(minutes=15)
DAYS = 10


def _asked(story: Story, feed: str, paused: range = range(0)) -> None:
    """Every quarter of an hour for ten days, with something new once an hour between 8 and 17; `paused`: days ago."""
    begun = [NOW - DAYS * timedelta(days=1) + number * EVERY for number in range(DAYS * 96)]
    asked = [at for at in begun if (NOW - at).days not in paused]
    ended = [(at, 2 if 8 <= at.hour <= 17 and at.minute == 0 else 0) for at in asked]
    runs.remember(story.session, feed, ended, snapshot_id=story.snapshot_id, correlation_id="corr-1")


def _kept(story: Story, feed: str) -> int:
    found = select(func.count()).select_from(SyncRun).where(SyncRun.feed == feed)
    return story.session.scalars(found).one()


def _usual(story: Story, feed: str, now: datetime) -> timedelta | None:
    watched = rhythms.watched(story.session, feed, now, 60, EVERY)
    found = silence(watched, now, whole_days(ALWAYS), quantile=0.99, times=1.5, at_least=timedelta(hours=1))
    return found.usual if found else None


def test_the_nights_are_known_after_the_runs_that_brought_nothing_were_thinned_out(story: Story) -> None:
    _asked(story, "watched")
    _asked(story, "plain")
    morning = NOW.replace(hour=6, minute=0)
    assert _usual(story, "watched", morning) is None
    runs.thin(story.session, NOW, {"watched": 60})
    assert _kept(story, "plain") < _kept(story, "watched") < DAYS * 48
    assert _usual(story, "watched", morning) is None
    # What it brings hourly is soon missed, and a night that does not end is, too.
    assert _usual(story, "watched", NOW.replace(hour=12, minute=0) + timedelta(days=1)) is not None


def test_a_pause_is_no_gap_of_the_rhythm_after_thinning_either(story: Story) -> None:
    _asked(story, "watched", paused=range(4, 7))
    runs.thin(story.session, NOW, {"watched": 60})
    watched = rhythms.watched(story.session, "watched", NOW, 60, EVERY)
    assert len(watched.breaks) == 1
