"""One request at a time to one system: authorised, patient with what passes, never to another host.

Knows HTTP; must not know what a body means.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import httpx2
import stamina

from exceptions_app.domain.instant import utc_now

from ..base import TransportError
from ..references import address
from .auth import Authorizer, authorizer
from .masking import without_digits
from .options import RestConnection

LONGEST_WAIT = 60.0
"""Seconds. A source that asks for a longer wait is asked again by a later run, not by a sleeping one."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class NotFoundError(TransportError):
    """404: the source has nothing there."""


class HttpSource:
    """A system reached over HTTP. `sleep` and `clock` (seconds) serve the rate limit."""

    def __init__(
        self,
        connection: RestConnection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._sleep = sleep
        self._clock = clock
        self._next_at = 0.0
        timeout = httpx2.Timeout(connection.timeout.total_seconds())
        self._base = address(connection.base_url, "connection.base_url").rstrip("/")
        self._host = httpx2.URL(self._base).host
        if not self._base.startswith(("http://", "https://")):
            raise TransportError("not an http(s) address", permanent=True, where="connection.base_url")
        self._client = httpx2.Client(timeout=timeout, headers=connection.headers)
        self._auth: Authorizer = authorizer(connection.auth, self._base, timeout)

    def address_of(self, path: str) -> str:
        """The address of a path below base_url."""
        return f"{self._base}/{path.lstrip('/')}"

    def follow(self, link: str, current: str, where: str) -> str:
        """The address that `link` means on the page `current`. Raises TransportError if it leaves."""
        target = httpx2.URL(current).join(link)
        if _origin(target) != _origin(httpx2.URL(self._base)):
            raise TransportError(
                f"the next page is said to be at {target.netloc.decode()}, not at {self._host}: not asked",
                permanent=True,
                where=where,
            )
        return str(target)

    def get(self, url: str, params: Mapping[str, str], where: str) -> httpx2.Response:
        """A 2xx answer. Passing failures are tried again; what cannot pass raises TransportError at once."""
        for attempt in stamina.retry_context(on=_wait, attempts=self._connection.tries, timeout=None):
            with attempt:
                return self._authorised(url, params, where)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        self._client.close()
        self._auth.close()

    def _authorised(self, url: str, params: Mapping[str, str], where: str) -> httpx2.Response:
        response = self._send(url, params, where)
        if response.status_code == 401 and self._auth.renew():
            response = self._send(url, params, where)
        if response.is_success:
            return response
        raise _refusal(response, where)

    def _send(self, url: str, params: Mapping[str, str], where: str) -> httpx2.Response:
        self._throttle()
        try:
            target = httpx2.URL(url).copy_merge_params(dict(params)) if params else httpx2.URL(url)
            return self._client.get(target, headers=self._auth.headers())
        except httpx2.HTTPStatusError as error:  # the token endpoint's own refusal
            raise _refusal(error.response, f"{where}: token") from None
        except httpx2.TimeoutException as error:
            limit = self._connection.timeout.total_seconds()
            message = f"no answer within {limit:g} s ({type(error).__name__})"
            raise TransportError(message, permanent=False, where=where) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise TransportError(str(error), permanent=True, where=where) from error
        except httpx2.RequestError as error:
            message = f"{error or 'the connection broke'} ({type(error).__name__})"
            raise TransportError(message, permanent=False, where=where) from error

    def _throttle(self) -> None:
        rate = self._connection.rate_per_second
        if not rate:
            return
        now = self._clock()
        if now < self._next_at:
            self._sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + 1 / rate


def _wait(error: Exception) -> bool | float:
    """stamina's hook: whether to try again, and after how long if the source said so."""
    if not isinstance(error, TransportError) or error.permanent:
        return False
    if error.retry_after is None:
        return True
    return error.retry_after if error.retry_after <= LONGEST_WAIT else False


def _refusal(response: httpx2.Response, where: str) -> TransportError:
    status = f"{response.status_code} {response.reason_phrase}".strip()
    if response.is_redirect:
        host = response.url.join(response.headers.get("location", "")).host
        return TransportError(
            f"{status}: sent on to {host}, which is not followed", permanent=True, where=where
        )
    if response.status_code in _PASSING:
        return TransportError(status, permanent=False, where=where, retry_after=retry_after(response))
    body = without_digits(response.text)
    kind = NotFoundError if response.status_code == 404 else TransportError
    return kind(f"{status}{': ' + body if body else ''}", permanent=True, where=where)


def retry_after(response: httpx2.Response) -> float | None:
    """Seconds to wait, from a number or an HTTP date (RFC 9110, 10.2.3); None where neither was given."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - utc_now()).total_seconds())
    except (ValueError, TypeError):
        return None


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
