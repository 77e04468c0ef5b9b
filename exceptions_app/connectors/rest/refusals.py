"""What an answer that is no success means: it passes, there is nothing, or it is refused. And what to change then.

Must not know how requests are sent, nor say what was carried in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx2

from exceptions_app.domain.instant import utc_now

from ..base import TransportError
from .masking import without_digits

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNKNOWN_TO_IT = frozenset({401, 403, 407})
"""It does not let us in, whatever is asked for."""


class NotFoundError(TransportError):
    """404 or 410: the source has nothing there."""


class RefusedError(TransportError):
    """Another status that is none: the source will not answer this very request."""

    def __init__(self, message: str, where: str, status: int) -> None:
        super().__init__(message, permanent=True, where=where, answered=status not in _UNKNOWN_TO_IT)
        self.status = status


@dataclass(frozen=True, slots=True)
class Carried:
    """How the system knows us, in one request."""

    headers: Mapping[str, str]
    params: Mapping[str, str]

    def hidden(self, text: str) -> str:
        """The text without what was carried, in case the source repeats it."""
        for value in (*self.headers.values(), *self.params.values()):
            for secret in (value, value.rpartition(" ")[2]):
                text = text.replace(secret, "•••") if len(secret) > 2 else text
        return text


def status_of(response: httpx2.Response) -> str:
    """`503 Service Unavailable`."""
    return f"{response.status_code} {response.reason_phrase}".strip()


def refusal(response: httpx2.Response, where: str, carried: Carried) -> TransportError:
    """The error that an answer is, with what can be done about it."""
    status = status_of(response)
    if response.is_redirect:
        host = response.url.join(response.headers.get("location", "")).host
        return TransportError(
            f"{status}: sent on to {host}, which is not followed", permanent=True, where=where
        )
    if response.status_code in PASSING:
        return TransportError(status, permanent=False, where=where, retry_after=retry_after(response))
    body = without_digits(carried.hidden(response.text))
    if response.status_code in (404, 410):
        said = f"{status}{': ' + body if body else ''}"
        return NotFoundError(said, permanent=True, where=where, answered=True)
    hint = _HINTS.get(response.status_code, "")
    said = f"{status}{hint}{': ' + body if body else ''}"
    return RefusedError(said, where, response.status_code)


_HINTS = {
    401: " (it does not know us: look at connection.auth and its secrets)",
    403: " (it knows us and does not allow this: what we are is given too few rights there)",
    405: " (it does not take this method: look at method)",
    407: " (the proxy does not know us: look at connection.proxy)",
    406: " (it does not answer in this format: look at format and headers)",
}


def retry_after(response: httpx2.Response) -> float | None:
    """Seconds to wait, from a number or an HTTP date (RFC 9110, 10.2.3); None where neither was given.

    Of the three forms of a date (5.6.7) one names no zone: all are in GMT.
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0.0, (until - utc_now()).total_seconds())
