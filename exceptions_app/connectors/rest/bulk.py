"""Rows that a system makes in the background: submit a job, ask how it stands, download what it made.

Knows requests and answers; must not know watermarks.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from time import monotonic, sleep
from typing import Any

import httpx2

from exceptions_app.domain.instant import iso, utc_now

from ..base import FeedContentError, Notes, TransportError, cut
from ..exact_json import dump, find
from .allowance import RestingError
from .asking import Part, Requests
from .bodies import Reader
from .masking import masked
from .options import RestBulk
from .paging import Batch, Step, Walk
from .refusals import retry_after
from .system_jobs import Job, job_of, says
from .templates import in_path, plain, text
from .transport import Call, HttpSource

log = logging.getLogger(__name__)

LONGEST_PAUSE = 300.0
_MOST_TRIES = 3
_JSON = Reader()


@dataclass(slots=True)
class BulkRead:
    """One job, from its submission to its last row. `walk` reads what is downloaded, page by page.

    With `notes`, a job is kept from when it was submitted: a run that is interrupted leaves it, and the next one that
    asks for the same takes it up, three times at most.
    """

    source: HttpSource
    options: RestBulk
    requests: Requests
    walk: Walk
    label: str
    notes: Notes | None = None
    submitted_at: datetime | None = None

    def pages(self, submit: Part) -> Iterator[Batch]:
        """The pages of everything that the job made. While it works, pages without rows: reading can be stopped."""
        job, status = self._job(submit), None
        deadline = monotonic() + self.options.longest.total_seconds()
        while True:
            answer = self._asked(job.status_url, "status")
            status = _JSON.value(answer, self._where("status"))
            try:
                done = self._is_done(status)
            except TransportError:
                self._forget()  # it has failed for good: a later run submits another
                raise
            if done:
                break
            if monotonic() > deadline:
                raise self._too_long(status)
            yield Batch(self._where("status"), [], False, last=False)
            pause(min(retry_after(answer) or self.options.every.total_seconds(), LONGEST_PAUSE))
        addresses = self._addresses(job, status)
        if not addresses:
            yield Batch(self._where("result"), [], False, last=True)
        for number, address in enumerate(addresses, 1):
            result = f"{self.label} result" if len(addresses) == 1 else f"{self.label} result {number}"
            for batch in replace(self.walk, begin=address, label=result).pages():
                yield replace(batch, last=batch.last and number == len(addresses))
        self._clean_up(job)

    def _job(self, submit: Part) -> Job:
        """The job that an interrupted run has left, where it asked for the same and is still there; else a new one."""
        asked = dump([submit.path, dict(submit.params), dict(submit.fields), submit.body, self.options.body])
        asked = sha256(asked.encode()).hexdigest()
        held = self.notes.held() if self.notes is not None else None
        known = json.loads(held) if held else {}
        if known.get("asked") == asked and known["tries"] < _MOST_TRIES:
            at = datetime.fromisoformat(known["at"])
            if utc_now() - at < self.options.longest and self._is_there(known["status"]):
                self._keep(known | {"tries": known["tries"] + 1})
                log.info("%s: the job %s of an interrupted run is taken up", self.label, known["job"])
                self.submitted_at = at
                return Job(known["job"], known["status"])
        self.submitted_at = utc_now()
        job = self._submitted(submit)
        note = {
            "asked": asked,
            "job": job.name,
            "status": job.status_url,
            "at": iso(self.submitted_at),
            "tries": 0,
        }
        self._keep(note)
        return job

    def _is_there(self, status_url: str) -> bool:
        """Whether the system still knows the job, and it has not failed."""
        where = self._where("status")
        try:
            address = self.source.reach.follow(status_url, status_url, where, "the job")
            self._is_done(_JSON.value(self._asked(address, "status"), where))
        except RestingError:
            raise
        except (TransportError, FeedContentError) as error:
            log.warning("%s; another job is submitted", error)
            return False
        return True

    def _keep(self, note: Mapping[str, Any]) -> None:
        if self.notes is not None:
            self.notes.keep(dump(dict(note)))

    def _forget(self) -> None:
        if self.notes is not None:
            self.notes.keep(None)

    def _submitted(self, submit: Part) -> Job:
        where = self._where("submit")
        part = replace(submit, method=self.options.submit, body=self.options.body)
        answer = self.source.ask(self.requests.call(part, Step()), where)
        return job_of(
            self.options,
            self.source.reach,
            str(answer.url),
            answer.headers,
            lambda: _JSON.value(answer, where),
            where,
        )

    def _is_done(self, status: Any) -> bool:
        state = find(status, self.options.state)
        if state is None or isinstance(state, dict | list):
            holds = (
                ", ".join(map(repr, list(status)[:8])) if isinstance(status, dict) else type(status).__name__
            )
            message = f"no state at {self.options.state!r}; the answer holds {holds}"
            raise FeedContentError(message, self._where("status"), "how the job stands")
        said = plain(state)
        if says(said, self.options.failed):
            why = find(status, self.options.message) if self.options.message else None
            told = f": {cut(plain(why), 200)}" if why is not None else ""
            message = f"the job says {said!r}{told}"
            raise TransportError(message, permanent=False, where=self._where("status"), answered=True)
        return says(said, self.options.done)

    def _too_long(self, status: Any) -> TransportError:
        state = masked(plain(find(status, self.options.state)))
        limit = self.options.longest.total_seconds()
        message = (
            f"the job still says {state!r} after {limit:g} s; expected one of {', '.join(self.options.done)}"
        )
        return TransportError(message, permanent=False, where=self._where("status"), answered=True)

    def _addresses(self, job: Job, status: Any) -> list[str]:
        if self.options.result is not None:
            return [self._address(self.options.result, job.name)]
        found = find(status, self.options.result_field or "")
        links = [found] if isinstance(found, str) else found
        if links is None:
            return []
        if not isinstance(links, list) or not all(isinstance(link, str) for link in links):
            message = f"{self.options.result_field} is {type(found).__name__}"
            raise FeedContentError(message, self._where("status"), "an address, or a list of them")
        where = self._where("result")
        return [self.source.reach.follow(link, job.status_url, where, "the result") for link in links]

    def _address(self, path: str, job: str) -> str:
        return self.source.reach.address_of(text(path, {"job": job}, in_path))

    def _asked(self, url: str, what: str) -> httpx2.Response:
        return self.source.ask(Call(url, headers={"Accept": "application/json"}), self._where(what))

    def _clean_up(self, job: Job) -> None:
        """What was read is read; a job that stays there does no harm."""
        if self.options.cleanup is None:
            return
        try:
            self.source.ask(
                Call(self._address(self.options.cleanup, job.name), "DELETE"), self._where("cleanup")
            )
        except TransportError as error:
            log.warning("%s", error)

    def _where(self, what: str) -> str:
        return f"{self.label} {what}"


def pause(seconds: float) -> None:
    """Wait before a job is asked again."""
    sleep(seconds)
