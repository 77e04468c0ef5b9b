"""What a feed's runs tell of its volume, on both databases: local days, standstills, reads from the beginning."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import update

from exceptions_app.models import SyncRun
from exceptions_app.services import runs, volumes
from tests.conftest import NOW
from tests.services.story import Story

EVERY = timedelta(minutes=30)
CHICAGO = ZoneInfo("America/Chicago")
UTC_ZONE = ZoneInfo("UTC")
DAYS = 6
BEGUN = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)


def _asked(story: Story, feed: str, but: Iterable[datetime] = (), rows: int = 3) -> None:
    """Every half an hour, with `rows` records at 20:00 and at 23:30 of each day in UTC."""
    at = [BEGUN + number * EVERY for number in range(DAYS * 48 + 20)]
    brought = {(20, 0): rows, (23, 30): rows}
    ended = [(one, brought.get((one.hour, one.minute), 0)) for one in at if one not in set(but)]
    runs.remember(story.session, feed, ended, snapshot_id=story.snapshot_id, correlation_id="corr-1")


def _days(story: Story, feed: str, zone: ZoneInfo = UTC_ZONE) -> volumes.Days:
    return volumes.days(story.session, feed, BEGUN, EVERY, zone)


def _of(ago: int) -> date:
    return (BEGUN + timedelta(days=DAYS - ago)).date()


def _change(story: Story, feed: str, at: datetime, **values: object) -> None:
    one = (SyncRun.feed == feed, SyncRun.started_at == at)
    story.session.execute(update(SyncRun).where(*one).values(**values))


def test_records_are_summed_by_local_day_and_the_first_is_left_out(story: Story) -> None:
    _asked(story, "summed")
    told = _days(story, "summed")
    assert told.totals == {_of(ago): 6 * (ago > 0) for ago in range(5, -1, -1)}
    assert (told.again, told.unheard) == ({}, frozenset())
    runs.thin(story.session, NOW, {"summed": 60})
    assert _days(story, "summed") == told, "what is left of quiet runs tells the same"


def test_days_are_those_of_the_zone(story: Story) -> None:
    _asked(story, "zoned")
    _change(story, "zoned", BEGUN + timedelta(days=2, hours=20), rows_stored=50)
    assert _days(story, "zoned").totals[_of(4)] == 53
    assert _days(story, "zoned", CHICAGO).totals[_of(4)] == 53
    assert _days(story, "zoned", ZoneInfo("Asia/Kathmandu")).totals[_of(3)] == 53, "01:45 of the next day"


def test_a_standstill_across_midnight_leaves_its_days_unheard_and_a_short_one_does_not(story: Story) -> None:
    midnight = BEGUN + timedelta(days=3)
    long = [midnight + number * EVERY for number in range(-2, 3)]
    noon = [midnight - timedelta(hours=12) + number * EVERY for number in range(6)]
    _asked(story, "long", [*long, *noon])
    _asked(story, "short", long[:3])
    assert _days(story, "long").unheard == {_of(4), _of(3)}
    assert _days(story, "short").unheard == frozenset()
    assert _days(story, "long", CHICAGO).unheard == frozenset(), "there it was no midnight"


def test_what_a_read_from_the_beginning_brought_is_no_day_of_the_feed(story: Story) -> None:
    _asked(story, "begun")
    at = BEGUN + timedelta(days=2, hours=20)
    _change(story, "begun", at, rows_stored=90_000, watermark_after="7")
    told = _days(story, "begun")
    assert told.totals[_of(4)] == 3 and told.unheard == {_of(4)}
    _change(story, "begun", at, watermark_before="6")
    assert _days(story, "begun").totals[_of(4)] == 90_003


def test_what_broke_off_counts_and_what_was_asked_for_again_is_apart(story: Story) -> None:
    _asked(story, "again")
    day = BEGUN + timedelta(days=3)
    _change(story, "again", day + timedelta(hours=20), status=runs.PARTIAL, rows_deleted=2, rows_rejected=1)
    _change(story, "again", day + timedelta(hours=23, minutes=30), kind=runs.BACKFILL, rows_stored=50)
    _change(story, "again", day + timedelta(days=1, hours=20), status=runs.FAILED)
    told = _days(story, "again")
    assert [told.totals[_of(ago)] for ago in (3, 2)] == [6, 3]
    assert [told.again[_of(ago)] for ago in (4, 3, 2)] == [50, 50, 0]


def test_of_snapshots_the_last_delivery_of_a_day_counts(story: Story) -> None:
    _asked(story, "whole")
    _change(story, "whole", BEGUN + timedelta(days=2, hours=23, minutes=30), rows_read=8)
    _change(story, "whole", BEGUN + timedelta(days=3, hours=23, minutes=30), status=runs.PARTIAL, rows_read=1)
    told = volumes.deliveries(story.session, "whole", BEGUN, NOW, UTC_ZONE)
    assert told == {_of(ago): 8 if ago == 4 else 3 for ago in range(6, 0, -1)}


def test_an_hour_is_looked_at_once(story: Story) -> None:
    _asked(story, "hourly")
    hour = BEGUN + timedelta(days=1)
    told = [volumes.is_told_this_hour(story.session, "hourly", hour + number * EVERY) for number in range(3)]
    assert told == [False, True, False]
    assert not volumes.is_told_this_hour(story.session, "another", hour + EVERY)
