"""Sends one request to one system, once, and says whether it may have arrived. Used by several threads at once.

Knows HTTP and how the system knows us; must not know what a request means, nor try anything again, but for a
session that has run out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import httpx2

from ..base import TransportError
from .auth import authorizer
from .client import Reach, client_of
from .connection_options import RestConnection
from .knowing import Carried, Known
from .refusals import retry_after

Told = TypeVar("Told")

BODY_LIMIT = 64 * 1024
"""Bytes of an answer that are looked at."""

_LEAVING, _LEFT = "send_request_body.started", "send_request_body.complete"
_STEPS = 4
"""Connecting, sending, waiting for the answer, reading it: each may take as long as the time-out."""


@dataclass(frozen=True, slots=True)
class Request:
    """`url` is whole. `headers` are the request's own; how the system knows us is added when it is sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: whatever its status. `text` is the beginning of the body."""

    status: int
    text: str
    retry_after: float | None
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpTarget:
    """A system that is written to. `left` is called in the sending thread when a request has left."""

    def __init__(self, connection: RestConnection, left: Callable[[], None] = lambda: None) -> None:
        self._timeout = connection.timeout.total_seconds()
        self.reach = Reach.of(connection)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        self._client = client_of(connection, limits=limits)
        self._has_tokens = connection.auth.type in ("oauth2", "session")
        self._known = Known(authorizer(connection, self.reach))
        self._left = left

    @property
    def longest(self) -> float:
        """Seconds that one `send` may take: the request; and, with tokens, a new one and the request again."""
        return (3 if self._has_tokens else 1) * _STEPS * self._timeout

    def address_of(self, path: str) -> str:
        """The address of a path below base_url."""
        return self.reach.address_of(path)

    def send(self, request: Request, where: str) -> Reply:
        """The answer, whatever it says. Raises TransportError: `sent` where the request may have arrived.

        How the system knows us is told to its own host, and to those of which the configuration says so.
        """
        if not self.reach.is_known(request.url):
            return self._once(request, ({}, {}), where)
        carried = self._carried(where)
        reply = self._once(request, carried, where)
        if self._known.expired(reply.status) and self._renewed(carried, where):
            reply = self._once(request, self._carried(where), where)
        return reply

    def close(self) -> None:
        self._client.close()
        self._known.close()

    def _once(self, request: Request, known: Carried, where: str) -> Reply:
        progress = _Progress(self._left)
        deadline = time.monotonic() + _STEPS * self._timeout
        reply: Reply | None = None
        headers, params = known
        try:
            with self._client.stream(
                request.method,
                httpx2.URL(request.url).copy_merge_params(dict(params)) if params else request.url,
                headers={**request.headers, **headers},
                content=request.content if request.content is not None else b"",
                extensions={"trace": progress},
            ) as response:
                reply = Reply(response.status_code, "", retry_after(response), response.headers)
                return replace(reply, text=self._text(response, deadline))
        except httpx2.TimeoutException as error:
            if _refused(reply):
                return reply  # type: ignore[return-value]  # it said no; only its words are missing
            message = f"no answer within {self._timeout:g} s ({type(error).__name__})"
            raise TransportError(message, permanent=False, where=where, sent=progress.leaving) from None
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise TransportError(str(error), permanent=True, where=where) from None
        except httpx2.RequestError as error:
            if _refused(reply):
                return reply  # type: ignore[return-value]
            message = f"{error or 'the connection broke'} ({type(error).__name__})"
            raise TransportError(message, permanent=False, where=where, sent=progress.leaving) from None

    def _text(self, response: httpx2.Response, deadline: float) -> str:
        body = bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) >= BODY_LIMIT:
                break
            if time.monotonic() > deadline:
                raise httpx2.ReadTimeout("the answer does not end")
        return bytes(body[:BODY_LIMIT]).decode(response.encoding or "utf-8", errors="replace")

    def _carried(self, where: str) -> Carried:
        return _asked(self._known.carried, where)

    def _renewed(self, used: Carried, where: str) -> bool:
        return _asked(lambda: self._known.renewed(used), where)


class _Progress:
    """Follows a request through the connection: once its body begins to leave, it may arrive."""

    def __init__(self, left: Callable[[], None]) -> None:
        self._left = left
        self.leaving = False

    def __call__(self, name: str, _info: Mapping[str, Any]) -> None:
        if name.endswith(_LEAVING):
            self.leaving = True
        elif name.endswith(_LEFT):
            self._left()


def _refused(reply: Reply | None) -> bool:
    return reply is not None and not 200 <= reply.status < 300


def _asked(ask: Callable[[], Told], where: str) -> Told:
    """What fails while we make ourselves known is the system's state, not this write's: it passes."""
    try:
        return ask()
    except TransportError as error:
        raise TransportError(error.message, permanent=False, where=f"{where}: {error.where}") from None
    except httpx2.HTTPStatusError as error:
        message = f"no token: {error.response.status_code}"
        after = retry_after(error.response)
        raise TransportError(message, permanent=False, where=where, retry_after=after) from None
    except httpx2.RequestError as error:
        raise TransportError(f"no token: {type(error).__name__}", permanent=False, where=where) from None
