"""Messages of a broker, through kombu: handed over to be kept, and acknowledged only when that is done.

A process that dies in between is given them again, and the inbox knows them by their ids. Must not know where they are
kept. What kombu raises by itself is as varied as its transports: all of it is the broker's fault here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Protocol

from exceptions_app.connectors.base import TransportError
from exceptions_app.connectors.references import address, reveal
from exceptions_app.domain.instant import utc_now

from .arriving import events_in
from .event import Event, EventError, correlation_of
from .options import EventsConnection, EventsQueue, EventsRead

LONGEST = 20.0
"""Seconds that one read takes messages, at most; the next goes on."""
_CONNECT = 10
UNREADABLE = "unreadable "
"""Begins the id of a message that says none."""
_SOON: dict[str, object] = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "socket_connect_timeout": _CONNECT,
}
"""Else kombu would go on trying for minutes: the next read tries again."""
_PREFIXES = ("cloudevents:", "cloudevents_", "ce_")


class Keep(Protocol):
    """Keeps these events, and those that cannot be read with the reason. It is done when it returns."""

    def __call__(self, events: Sequence[Event], unreadable: Sequence[tuple[Event, str]]) -> None: ...


def take(connection: EventsConnection, options: EventsRead, where: str, keep: Keep) -> int:
    """Take messages until the queue is empty, or for `LONGEST` seconds; how many. Raises `TransportError`."""
    if connection.broker is None or options.broker is None:
        return 0
    url = reveal(connection.broker, where)
    further = {name: address(value, where) for name, value in connection.transport_options.items()}
    try:
        with _kombu().Connection(url, connect_timeout=_CONNECT, transport_options=_SOON | further) as broker:
            return _take(broker, options, options.broker, keep)
    except _Keeping as error:
        raise error.inner from None
    except Exception as error:
        said = (
            f"the broker does not give messages of '{options.broker.queue}': {type(error).__name__}: {error}"
        )
        raise TransportError(said.replace(url, "its URL"), permanent=False, where=where) from None


class _Keeping(Exception):
    """Keeping failed, which is not the broker's fault."""

    def __init__(self, inner: Exception) -> None:
        self.inner = inner


def _take(broker: Any, options: EventsRead, wanted: EventsQueue, keep: Keep) -> int:
    queue = _queue(broker, wanted)
    until, count = time.monotonic() + LONGEST, 0
    while time.monotonic() < until:
        messages = _some(queue.get, wanted.at_once)
        if not messages:
            break
        read, unreadable = _read(options, messages)
        try:
            keep(read, unreadable)
        except Exception as error:
            raise _Keeping(error) from error
        for message in messages:
            message.ack()
        count += len(messages)
    return count


def _kombu() -> Any:
    """Imported when a broker is asked: it takes a while."""
    import kombu

    return kombu


def _queue(broker: Any, wanted: EventsQueue) -> Any:
    kombu = _kombu()
    exchange = kombu.Exchange(wanted.exchange, type="direct") if wanted.exchange else None
    queue = kombu.Queue(wanted.queue, exchange=exchange, routing_key=wanted.routing_key or wanted.queue)
    bound = queue(broker.channel())
    if wanted.declare or wanted.exchange:
        bound.declare()
    return bound


def _some(get: Callable[..., Any], most: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < most:
        message = get(no_ack=False, accept=None)
        if message is None:
            break
        found.append(message)
    return found


def _read(options: EventsRead, messages: Sequence[Any]) -> tuple[list[Event], list[tuple[Event, str]]]:
    events: list[Event] = []
    unreadable: list[tuple[Event, str]] = []
    for message in messages:
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        try:
            events += events_in(options, _headers(message), body)
        except EventError as error:
            unreadable.append((_as_it_is(message, body), str(error)))
    return events, unreadable


def _headers(message: Any) -> dict[str, str]:
    """The message's headers as HTTP would have them; CloudEvents over AMQP writes `cloudEvents:id` for `ce-id`."""
    found: dict[str, str] = {}
    for name, value in (message.headers or {}).items():
        lower = str(name).lower()
        prefix = next((each for each in _PREFIXES if lower.startswith(each)), None)
        found[lower if prefix is None else f"ce-{lower.removeprefix(prefix)}"] = str(value)
    if message.content_type:
        found["content-type"] = str(message.content_type)
    said = (message.properties or {}).get("correlation_id")
    return found | ({"x-correlation-id": str(said)} if said else {})


def _as_it_is(message: Any, body: bytes) -> Event:
    """A message that is no event: known by its content, so that it is kept once."""
    headers = _headers(message)
    trace = headers.get("traceparent")
    return Event(
        id=f"{UNREADABLE}{sha256(body).hexdigest()[:32]}",
        source="",
        type="",
        time=utc_now(),
        body=body.decode("utf-8", "replace").replace("\x00", "\ufffd"),
        correlation_id=correlation_of(None, trace, headers.get("x-correlation-id")),
        traceparent=None,
    )
