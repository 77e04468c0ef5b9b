"""One request at a time to one system: authorised, patient with what passes, never to a host that is not named.

Knows HTTP; must not know what a body means. Several threads may ask at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import httpx2
import stamina

from ..base import FeedContentError, TransportError
from .allowance import Allowance, RestingError
from .auth import authorizer
from .client import Reach, client_of
from .connection_options import RestConnection
from .knowing import Known
from .refusals import PASSING, Carried, refusal, retry_after, status_of

Asked = TypeVar("Asked")

LONGEST_WAIT = 60.0
"""Seconds. A source that asks for a longer wait is asked again by a later run, not by a sleeping one."""

_REDIRECTS = 5
_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `fine`: statuses beside 2xx that are answers here, such as 304."""

    url: str
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    fine: frozenset[int] = frozenset()
    judge: Callable[[bytes, str], None] | None = None
    """Raises what a 2xx answer says went wrong, with where it was asked: a passing failure is tried again."""


class HttpSource:
    """A system reached over HTTP. `sleep` and `clock` (seconds) serve the rate limit of its own allowance."""

    def __init__(
        self,
        connection: RestConnection,
        allowance: Allowance | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self.allowance = allowance or Allowance(connection, sleep=sleep, clock=clock)
        self.reach = Reach.of(connection)
        self._known = Known(authorizer(connection, self.reach))
        self._client = client_of(connection)
        self._counting = threading.Lock()
        self.bytes_read = 0
        """As they came over the wire, packed or not."""

    def get(self, url: str, params: Mapping[str, str], where: str) -> httpx2.Response:
        """A 2xx answer to a GET."""
        return self.ask(Call(url, params=params), where)

    def ask(self, call: Call, where: str) -> httpx2.Response:
        """A 2xx answer, or one that the call says is fine. Passing failures are tried again; what cannot pass
        raises TransportError at once.
        """
        for attempt in stamina.retry_context(on=_wait, attempts=self._connection.tries, timeout=None):
            with attempt:
                return self._authorised(call, where)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        self._known.close()
        self._client.close()

    def _authorised(self, call: Call, where: str) -> httpx2.Response:
        carried = self._told(call, where)
        response = self._redirected(call, carried, where)
        if self._known.expired(response.status_code) and self._renewed(carried, where):
            carried = self._told(call, where)
            response = self._redirected(call, carried, where)
        if response.is_success or response.status_code in call.fine:
            if call.judge is not None:
                call.judge(response.content, where)
            return response
        raise refusal(response, where, carried)

    def _told(self, call: Call, where: str) -> Carried:
        """How the system knows us; for a host that may be asked but is not told, nothing."""
        if not self.reach.is_known(call.url):
            return Carried({}, {})
        return self._network(lambda: Carried(*self._known.carried()), f"{where}: token")

    def _renewed(self, carried: Carried, where: str) -> bool:
        if not (carried.headers or carried.params):
            return False
        return self._network(
            lambda: self._known.renewed((carried.headers, carried.params)), f"{where}: token"
        )

    def _redirected(self, call: Call, carried: Carried, where: str) -> httpx2.Response:
        """The answer at the end of the redirects, each to a place that the configuration names."""
        for _ in range(_REDIRECTS + 1):
            response = self._send(call, carried, where)
            location = response.headers.get("location")
            if not (response.is_redirect and location and _may_follow(response, call)):
                return response
            url = self.reach.follow(location, str(response.url), where, f"{response.status_code}: the answer")
            if not self.reach.is_known(url):
                carried = Carried({}, {})
            method = "GET" if response.status_code == 303 else call.method
            call = replace(
                call, url=url, params={}, method=method, content=None if method == "GET" else call.content
            )
        raise TransportError("sent on and on without an answer", permanent=True, where=where)

    def _send(self, call: Call, carried: Carried, where: str) -> httpx2.Response:
        self.allowance.take(where)
        return self._network(lambda: self._answer(call, carried, where), where)

    def _answer(self, call: Call, carried: Carried, where: str) -> httpx2.Response:
        params = {**call.params, **carried.params}
        target = httpx2.URL(call.url).copy_merge_params(params) if params else httpx2.URL(call.url)
        headers = {**call.headers, **carried.headers}
        request = self._client.build_request(call.method, target, headers=headers, content=call.content)
        response = self._client.send(request, stream=True)
        try:
            content = self._whole(response, where)
        finally:
            response.close()
            self._came(response.num_bytes_downloaded)
        self._judge(response)
        return _with_content(response, content)

    def _came(self, count: int) -> None:
        with self._counting:
            self.bytes_read += count

    def _whole(self, response: httpx2.Response, where: str) -> bytes:
        limit, deadline = (
            self._connection.largest_answer * _MB,
            self._connection.longest_answer.total_seconds(),
        )
        began, body = time.monotonic(), bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) > limit:
                said = f"the answer is larger than {self._connection.largest_answer} MB unpacked"
                expected = "smaller pages, or a larger largest_answer under connection"
                raise FeedContentError(said, where, expected)
            if time.monotonic() - began > deadline:
                raise httpx2.ReadTimeout(f"the answer did not end within {deadline:g} s")
        return bytes(body)

    def _judge(self, response: httpx2.Response) -> None:
        if response.status_code not in PASSING:
            self.allowance.answered()
            return
        self.allowance.failed(status_of(response), retry_after(response), LONGEST_WAIT)

    def _network(self, ask: Callable[[], Asked], where: str) -> Asked:
        """What the network does to us, as TransportError; each failure is told to the allowance."""
        try:
            return ask()
        except httpx2.HTTPStatusError as error:  # the token endpoint's own refusal
            refused = refusal(error.response, where, Carried({}, {}))
            refused.answered = False
            raise refused from None
        except httpx2.TimeoutException as error:
            limit = self._connection.timeout.total_seconds()
            told = str(error) if str(error).startswith("the answer") else f"no answer within {limit:g} s"
            raise self._passing(f"{told} ({type(error).__name__})", where) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise TransportError(str(error), permanent=True, where=where) from error
        except httpx2.ProxyError as error:
            said = f"the proxy refuses ({error}): look at connection.proxy"
            raise TransportError(said, permanent=True, where=where) from error
        except httpx2.ConnectError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                said = f"its certificate is not trusted ({error}); expected one that connection.tls.ca vouches for"
                raise TransportError(said, permanent=True, where=where) from None
            host = self.reach.place
            raise self._passing(f"cannot connect to {host}: {error} (ConnectError)", where) from error
        except httpx2.RequestError as error:
            raise self._passing(
                f"{error or 'the connection broke'} ({type(error).__name__})", where
            ) from error

    def _passing(self, said: str, where: str) -> TransportError:
        self.allowance.failed(said, None, LONGEST_WAIT)
        return TransportError(said, permanent=False, where=where)


def _wait(error: Exception) -> bool | float:
    """stamina's hook: whether to try again, and after how long if the source said so."""
    if not isinstance(error, TransportError) or error.permanent or isinstance(error, RestingError):
        return False
    if error.retry_after is None:
        return True
    return error.retry_after if error.retry_after <= LONGEST_WAIT else False


def _may_follow(response: httpx2.Response, call: Call) -> bool:
    """A search that is sent on is asked there as it was (307, 308), or only fetched (303)."""
    return call.method == "GET" or response.status_code in (303, 307, 308)


def _with_content(response: httpx2.Response, content: bytes) -> httpx2.Response:
    """The answer with its body, which has been unpacked already."""
    packed = ("content-encoding", "content-length", "transfer-encoding")
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in packed]
    return httpx2.Response(
        response.status_code, headers=headers, content=content, request=response.request,
        extensions=response.extensions,
    )  # fmt: skip
