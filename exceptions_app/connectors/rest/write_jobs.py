"""What became of a write that a system does later: where it is asked, and what its answer means.

Knows addresses and answers; sends nothing, and hides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import httpx2

from ..base import FeedContentError, TransportError, cut
from ..exact_json import find, parse
from .client import Reach
from .system_jobs import job_of, says
from .target import Reply, Request
from .templates import plain
from .write_options import RestJob

_GONE = frozenset({404, 410})
_TAKEN = 202
State = Literal["at_work", "done", "failed", "transient", "gone", "unclear"]
Said = tuple[State, str]


class WriteJobs:
    """The jobs of one operation."""

    def __init__(self, options: RestJob, reach: Reach, where: str) -> None:
        self.options = options
        self._reach, self._where = reach, f"{where} job"

    def address(self, reply: Reply, url: str, fields: Mapping[str, Any]) -> str | None:
        """Where the job is asked that this answer from `url` names; None: the answer names none, it is done or refused.

        Raises FeedContentError where it should name one and does not, TransportError where its host is not named by
        the configuration.
        """
        if reply.status not in self.options.answer:
            return None
        return job_of(
            self.options, self._reach, url, reply.headers, lambda: self._read(reply), self._where, fields
        ).status_url

    def question(self, address: str, headers: Mapping[str, str]) -> Request:
        """Raises TransportError where the configuration does not name the address's host (any more)."""
        url = self._reach.follow(address, address, self._where, "the job")
        return Request("GET", url, {**headers, "Accept": "application/json"})

    def standing(self, reply: Reply) -> Said:
        """What an answer to the question says."""
        options, status = self.options, reply.status
        if status in options.done_status:
            return "done", f"HTTP {status}"
        if status in options.failed_status:
            return "failed", self._why(reply) or f"HTTP {status}"
        if status in _GONE:
            return "gone", "the system does not know the job any more"
        if not 200 <= status < 300:
            return "unclear", f"asked how the job stands, it answered {status}"
        if options.state is None:
            return ("at_work", "it is at work") if status == _TAKEN else ("done", f"HTTP {status}")
        return self._by_word(reply, options.state)

    def _by_word(self, reply: Reply, place: str) -> Said:
        try:
            found = find(self._read(reply), place)
        except FeedContentError as error:
            return "unclear", error.message
        if found is None or isinstance(found, dict | list):
            said = f"the answer says no state at {place!r}"
            return ("at_work" if reply.status == _TAKEN else "unclear"), said
        word, options = plain(found), self.options
        if says(word, options.done):
            return "done", word
        for state, words in (("failed", options.failed), ("transient", options.transient)):
            if says(word, words):
                why = self._why(reply)
                return ("failed" if state == "failed" else "transient"), f"{word}: {why}" if why else word
        return "at_work", word

    def _why(self, reply: Reply) -> str:
        if self.options.message is None:
            return ""
        try:
            found = find(self._read(reply), self.options.message)
        except FeedContentError:
            return ""
        return "" if found is None else cut(" ".join(plain(found).split()), 300)

    def _read(self, reply: Reply) -> Any:
        try:
            return parse(reply.text).value
        except ValueError as error:
            raise FeedContentError(f"the answer is not JSON ({error})", self._where, "JSON") from None


def why_not(error: FeedContentError | TransportError | ValueError | httpx2.InvalidURL) -> str:
    """Why nobody can ask: the answer says that it does the work later, and not usably where to ask."""
    message = getattr(error, "message", None) or str(error)
    return f"It does this later, and nobody can ask what comes of it: {message}"
