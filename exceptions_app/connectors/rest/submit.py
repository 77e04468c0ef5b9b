"""Makes one operation's writes over HTTP, and asks whether they have arrived.

Knows how a write becomes a request; must not know what an answer means (the operation's error rules say that), nor
how often it was tried.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from exceptions_app.catalog.schema import Operation, System

from ..base import FeedContentError, TransportError, cut
from ..concealing import Concealer
from ..exact_json import dump, find, parse
from ..writing import Answer, Arrival, Standing, Write, fields_of, told_by
from .options import RestConnection
from .target import HttpTarget, Reply, Request
from .templates import UnfitValueError, entries, in_header, in_path, in_xml, plain, text, value
from .write_jobs import WriteJobs, why_not
from .write_options import RestReadBack, RestSubmit

SHOWN_LIMIT = 4000
"""Characters of a request that are kept."""

_CONTENT_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
_TRACE_ID = re.compile(r"^(?!0{32})[0-9a-f]{32}$")


class RestSubmitter:
    """The writes of one operation. Connections are kept and used again, by any thread."""

    def __init__(
        self,
        target: HttpTarget,
        submit: RestSubmit,
        read_back: RestReadBack | None,
        concealer: Concealer,
        where: str,
    ) -> None:
        self._target, self._submit, self._read_back = target, submit, read_back
        self._concealer, self._where = concealer, where
        self._jobs = None if submit.job is None else WriteJobs(submit.job, target.reach, where)

    @classmethod
    def of(cls, system: System, operation: Operation, left: Callable[[], None]) -> RestSubmitter:
        models = (RestConnection, RestSubmit, RestReadBack)
        connection, submit, read_back, concealer = told_by(system, operation, models)
        where = f"{system.code} {submit.method} {submit.path}"
        return cls(HttpTarget(connection, left), submit, read_back, concealer, where)

    @property
    def longest(self) -> float:
        return self._target.longest

    def request_of(self, write: Write) -> str:
        return self._shown(self._request(self._submit, write), write)

    def submit(self, write: Write) -> Answer:
        request = self._request(self._submit, write)
        reply = self._sent(request, write)
        answer = self._answer(reply, request, write)
        try:
            job = self._jobs.address(reply, request.url, fields_of(write)) if self._jobs else None
        except (FeedContentError, TransportError, UnfitValueError) as error:
            return _unexpected(answer, self._hidden(why_not(error), write))
        if job is not None:
            return replace(answer, job=job)
        expected = self._submit.success
        return answer if expected is None or expected in answer.body else _unexpected(answer)

    @property
    def asked_every(self) -> float:
        return self._jobs.options.every.total_seconds() if self._jobs else 0.0

    @property
    def asked_for(self) -> float:
        return self._jobs.options.longest.total_seconds() if self._jobs else 0.0

    def standing(self, write: Write, job: str) -> Standing:
        if self._jobs is None:
            message = "nothing says any more how a job is asked (submit.job)"
            raise TransportError(message, permanent=True, where=self._where)
        request = self._jobs.question(job, _own(write))
        reply = self._sent(request, write)
        state, said = self._jobs.standing(reply)
        return Standing(state, self._hidden(said, write), self._answer(reply, request, write))

    def read_back(self, write: Write) -> Arrival:
        asked = self._read_back
        if asked is None:
            raise TransportError("nothing says how to read it back", permanent=True, where=self._where)
        request = self._request(asked, write)
        reply = self._sent(request, write)
        shown = self._answer(reply, request, write)
        if reply.status in asked.absent:
            return Arrival(False, shown)
        if not 200 <= reply.status < 300:
            message = f"it cannot be read back: {reply.status}"
            after = reply.retry_after
            raise TransportError(message, permanent=False, where=self._where, retry_after=after)
        return Arrival(self._fits(asked, reply.text, fields_of(write)), shown)

    def close(self) -> None:
        self._target.close()

    def _sent(self, request: Request, write: Write) -> Reply:
        try:
            return self._target.send(request, self._where)
        except TransportError as error:
            raise TransportError(
                self._hidden(error.message, write),
                permanent=error.permanent,
                where=error.where,
                retry_after=error.retry_after,
                sent=error.sent,
            ) from None

    def _answer(self, reply: Reply, request: Request, write: Write) -> Answer:
        return Answer(
            reply.status, self._hidden(reply.text, write), self._shown(request, write), reply.retry_after
        )

    def _request(self, asked: RestSubmit | RestReadBack, write: Write) -> Request:
        """Raises TransportError (permanent) naming a field whose value cannot stand where it is put."""
        fields = fields_of(write)
        try:
            url = self._target.address_of(text(asked.path, fields, in_path))
            query = urlencode(list(entries(asked.query, fields)))
            headers = {name: text(template, fields, in_header) for name, template in asked.headers.items()}
            content = _content(asked, fields)
        except UnfitValueError as error:
            raise TransportError(str(error), permanent=True, where=self._where) from None
        own = _own(write)
        if content is not None and "content-type" not in {name.lower() for name in headers}:
            own["Content-Type"] = _CONTENT_TYPES[asked.format]
        if isinstance(asked, RestSubmit) and asked.idempotency_header:
            own[asked.idempotency_header] = write.idempotency_key
        return Request(asked.method, f"{url}?{query}" if query else url, {**headers, **own}, content)

    def _shown(self, request: Request, write: Write) -> str:
        body = "" if request.content is None else "\n\n" + request.content.decode("utf-8", errors="replace")
        return cut(self._hidden(f"{request.method} {request.url}{body}", write), SHOWN_LIMIT)

    def _hidden(self, told: str, write: Write) -> str:
        return self._concealer.hide(told, write.fields)

    def _fits(self, asked: RestReadBack, body: str, fields: Mapping[str, Any]) -> bool:
        rule = asked.found
        if rule is None:
            return True
        try:
            answer = parse(body).value
        except ValueError as error:
            message = f"it cannot be read back: the answer is not JSON ({error})"
            raise TransportError(message, permanent=False, where=self._where) from None
        rows = [answer] if rule.rows is None else find(answer, rule.rows)
        if not isinstance(rows, list):
            return False
        wanted = None if rule.equals is None else value(rule.equals, fields)
        return any(_is(find(row, rule.path), wanted, rule.equals is not None) for row in rows)


def traceparent(correlation_id: str) -> str:
    """W3C Trace Context, level 1: the trace is the correlation id, the span this very request."""
    known = correlation_id.replace("-", "").lower()
    trace = known if _TRACE_ID.match(known) else sha256(correlation_id.encode()).hexdigest()[:32]
    return f"00-{trace}-{secrets.token_hex(8)}-01"


def _own(write: Write) -> dict[str, str]:
    return {"traceparent": traceparent(write.correlation_id), "X-Correlation-ID": write.correlation_id}


def _content(asked: RestSubmit | RestReadBack, fields: Mapping[str, Any]) -> bytes | None:
    if asked.body is None:
        return None
    match asked.format:
        case "json":
            return dump(value(asked.body, fields)).encode()
        case "form":
            return urlencode(list(entries(asked.body, fields))).encode()
        case "xml":
            return text(asked.body, fields, in_xml).encode()
        case "text":
            return text(asked.body, fields).encode()


def _unexpected(answer: Answer, problem: str = "") -> Answer:
    return replace(answer, as_expected=False, problem=problem)


def _is(found: Any, wanted: Any, compared: bool) -> bool:
    """Whether what stands there is what was wanted: numbers by value, all else as text."""
    if not compared:
        return found not in (None, "", [], {})
    if wanted is None or found is None:
        return found is wanted
    if isinstance(wanted, int | Decimal) and not isinstance(wanted, bool):
        try:
            return Decimal(plain(found)) == wanted
        except InvalidOperation:
            return False
    return plain(found) == plain(wanted)
