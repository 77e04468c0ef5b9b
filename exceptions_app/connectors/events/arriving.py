"""What was sent, as events to be kept: webhooks, and CloudEvents 1.0 in their three forms over HTTP.

Only the envelope is looked at; what the data means is found out when the inbox is drained, so that taking an event in
is quick and never depends on a mapping. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from exceptions_app.connectors.exact_json import find, parse

from .event import (
    LONGEST_ID,
    LONGEST_SOURCE,
    LONGEST_TYPE,
    Event,
    EventError,
    Headers,
    correlation_of,
    digest_of,
    moment,
    named,
)
from .options import EventsRead

HEADER = "header:"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_BLANK = re.compile(r"[ \t\n\r]*")
_ATTRIBUTE = re.compile(r"^[a-z0-9]+$")


def events_in(options: EventsRead, headers: Headers, body: bytes) -> list[Event]:
    """The events of one request or message. Raises `EventError`: all of it is refused, nothing half taken."""
    if options.format == "webhook":
        return [_webhook(options, headers, text_of(body))]
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/cloudevents-batch+json":
        return _batch(options, headers, text_of(body))
    if media == "application/cloudevents+json":
        text = text_of(body)
        return [_structured(options, headers, text, _value(text, "body"), "body")]
    if "ce-specversion" in headers:
        return [_binary(options, headers, media, body)]
    raise EventError(
        "header Content-Type",
        f"'{media or 'nothing'}' and no ce-specversion",
        "application/cloudevents+json, application/cloudevents-batch+json, or the ce- headers of binary mode",
    )


def mended(options: EventsRead, headers: Headers, text: str) -> Event:
    """One event that a person has changed, read as if it had come like that. Raises `EventError`."""
    media = {"content-type": "application/cloudevents+json"}
    return events_in(options, {**headers, **media}, text.encode())[0]


def text_of(body: bytes) -> str:
    """The body as text. Raises `EventError` with the place of a byte that is not UTF-8."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EventError(f"body, byte {error.start + 1}", "is not UTF-8", "JSON in UTF-8") from None


def _batch(options: EventsRead, headers: Headers, text: str) -> list[Event]:
    """Each event keeps its own piece of the text, so that no number is written anew."""
    start = _skip(text, 0)
    if text[start : start + 1] != "[":
        raise EventError("body", "is no list", "a JSON list of events")
    found: list[Event] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        where = f"event {len(found) + 1}"
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _not_json(where, text, error) from None
        found.append(_structured(options, headers, text[at:end], value, where))
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise EventError(f"{where}, {_place(text, at)}", "the list goes on without a comma", "',' or ']'")
    if _skip(text, at + 1) != len(text):
        raise EventError(_place(text, at + 1), "something follows the list", "the end of the body")
    return found


def _json_kind(value: Any) -> str:
    """What JSON calls it."""
    names = {type(None): "null", bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def _structured(options: EventsRead, headers: Headers, text: str, value: Any, where: str) -> Event:
    if not isinstance(value, dict):
        raise EventError(where, f"is {_json_kind(value)}", "a JSON object")
    if "data" in value and "data_base64" in value:
        raise EventError(f"{where}, data_base64", "stands beside data", "one of the two")
    return _cloudevent(options, headers, value, value.get("data", value.get("data_base64")), text, where)


def _binary(options: EventsRead, headers: Headers, media: str, body: bytes) -> Event:
    """The attributes come as `ce-` headers and the data as the body; kept in the structured form."""
    envelope: dict[str, Any] = {
        name[3:]: unquote(value)
        for name, value in headers.items()
        if name.startswith("ce-") and _ATTRIBUTE.match(name[3:])
    }
    if media:
        envelope["datacontenttype"] = headers["content-type"]
    head = json.dumps(envelope, ensure_ascii=False)
    said: Any = None
    if not body:
        kept = head
    elif not media or media == "application/json" or media.endswith("+json"):
        text = text_of(body)
        said = _value(text, "body")
        kept = f'{head[:-1]}, "data": {text.strip()}}}'
    else:
        said = base64.b64encode(body).decode()
        kept = f'{head[:-1]}, "data_base64": "{said}"}}'
    return _cloudevent(options, headers, envelope, said, kept, "headers ce-", data=kept)


def _cloudevent(
    options: EventsRead,
    headers: Headers,
    value: Mapping[str, Any],
    payload: Any,
    text: str,
    where: str,
    data: str | None = None,
) -> Event:
    version = value.get("specversion")
    if version != "1.0":
        raise EventError(f"{where}, specversion", f"is {version!r}", "'1.0'")
    traceparent = value.get("traceparent") or headers.get("traceparent")
    traceparent = traceparent if isinstance(traceparent, str) else None
    said = value.get("correlationid")
    if options.correlation:
        whole = value if data is None else parse(data).value
        said = _at(options.correlation, headers, whole.get("data")) or said
    return Event(
        id=named(value.get("id"), f"{where}, id", LONGEST_ID),
        source=named(value.get("source"), f"{where}, source", LONGEST_SOURCE),
        type=named(value.get("type"), f"{where}, type", LONGEST_TYPE),
        time=moment(value.get("time"), f"{where}, time"),
        body=text,
        correlation_id=correlation_of(
            None if said is None else str(said), traceparent, headers.get("x-correlation-id")
        ),
        traceparent=(traceparent or "")[:100] or None,
        digest=digest_of(value.get("type"), value.get("subject"), payload),
    )


def _webhook(options: EventsRead, headers: Headers, text: str) -> Event:
    value = _value(text, "body")
    if not isinstance(value, dict | list):
        raise EventError("body", f"is {_json_kind(value)}", "a JSON object or list")
    traceparent = headers.get("traceparent")
    data = find(value, options.data)
    said = _at(options.correlation, headers, value if data is None else data) if options.correlation else None
    kind = _at(options.type, headers, value)
    return Event(
        id=named(_at(options.id, headers, value), _named(options.id), LONGEST_ID),
        source="",
        type="" if kind is None else named(kind, _named(options.type), LONGEST_TYPE),
        time=moment(_at(options.time, headers, value), _named(options.time)),
        body=text.strip(),
        correlation_id=correlation_of(
            None if said is None else str(said), traceparent, headers.get("x-correlation-id")
        ),
        traceparent=(traceparent or "")[:100] or None,
        digest=digest_of(kind, value if data is None else data),
    )


def _at(place: str, headers: Headers, value: Any) -> Any:
    if place.startswith(HEADER):
        return headers.get(place.removeprefix(HEADER).strip().lower())
    return find(value, place)


def _named(place: str) -> str:
    return f"header {place.removeprefix(HEADER)}" if place.startswith(HEADER) else f"body, {place}"


def _value(text: str, where: str) -> Any:
    try:
        return parse(text).value
    except json.JSONDecodeError as error:
        raise _not_json(where, text, error) from None
    except ValueError as error:
        raise EventError(where, str(error), "JSON") from None


def _not_json(where: str, text: str, error: Exception) -> EventError:
    if isinstance(error, json.JSONDecodeError):
        return EventError(f"{where}, {_place(text, error.pos)}", f"is not JSON: {error.msg}", "JSON")
    return EventError(
        where, "is nested too deeply" if isinstance(error, RecursionError) else str(error), "JSON"
    )


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1} column {at - text.rfind(chr(10), 0, at)}"


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
