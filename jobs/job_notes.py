"""What a run of a feed has left at its source, for the next run to find."""

from __future__ import annotations

from exceptions_app.services import feed_states

from .work import Work


class JobNotes:
    """What a run has left at its source, with the feed's state. Committed at once."""

    def __init__(self, work: Work, feed: str) -> None:
        self._work, self._feed = work, feed

    def held(self) -> str | None:
        with self._work.reading() as session:
            return feed_states.job_left(session, self._feed)

    def keep(self, note: str | None) -> None:
        with self._work.transaction() as session:
            feed_states.note_job(session, self._feed, note)
