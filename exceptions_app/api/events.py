"""Where systems send events. Taking one in is an append that is committed before the answer, and nothing more.

The sender is known by its signature, never by a session or a person's key; a browser's cookie means nothing here. What
is refused leaves no trace in the inbox, and the answer says what and where.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from apiflask import APIBlueprint
from flask import Response, g, jsonify, request
from sqlalchemy.exc import OperationalError

from exceptions_app.access import PUBLIC, needs
from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.base import TransportError
from exceptions_app.connectors.events.arriving import events_in
from exceptions_app.connectors.events.event import Event, EventError, continued
from exceptions_app.connectors.events.options import EventsConnection, EventsRead, EventsSignature
from exceptions_app.connectors.events.signatures import SignatureError, verify
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.runtime import runtime
from exceptions_app.services import inbox

log = logging.getLogger(__name__)

blueprint = APIBlueprint("api_events", __name__, tag="Events", url_prefix="/api/v1/events")


class RefusedError(Exception):
    """What was sent is not taken: the status, and what and where, for the sender."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


@blueprint.post("/<feed>")
@blueprint.doc(
    responses={
        202: "Kept. Each event once, however often it is sent; `differing`: a known id with another body, for a person",
        400: "Not an event: what is wrong, and where",
        401: "The signature is missing, does not fit or is too old",
        404: "No such feed of events",
        413: "Larger than the feed takes",
        503: "Cannot be judged or kept now: send it again later",
    }
)
@needs(PUBLIC)
def receive(feed: str) -> Response:
    """Send events

    One webhook, or CloudEvents 1.0 in binary, structured or batch mode, signed as the feed's system is configured.
    """
    signature, options = _door(feed)
    body = _body(options)
    headers = {name.lower(): value for name, value in request.headers.items()}
    now = utc_now()
    try:
        verify(signature, headers, body, now)
        events = events_in(options, headers, body)
    except SignatureError as error:
        _refuse(401, "Not believed", str(error))
    except TransportError as error:
        log.error("events of %s cannot be judged: %s", feed, error)
        _refuse(503, "Cannot be judged now", "The secret that the signature is checked with cannot be read.")
    except EventError as error:
        _refuse(400, "Not an event", str(error))
    kept = _keep(feed, events, now)
    told = {"kept": kept.kept, "known": len(events) - kept.kept - kept.differing, "differing": kept.differing}
    answer = jsonify(told | {"correlation_id": g.correlation_id})
    answer.status_code = 202
    if events:
        answer.headers["traceparent"] = continued(events[0].correlation_id)
    return answer


def _keep(feed: str, events: Sequence[Event], now: datetime) -> inbox.Appended:
    """How many were new; committed when it returns."""
    session = db.session()
    try:
        kept = inbox.append(session, feed, events, now)
        session.commit()
    except OperationalError as error:
        session.rollback()
        log.error("events of %s cannot be kept: %s", feed, error.orig)
        _refuse(503, "Cannot be kept now", "The database does not take anything now. Send it again later.")
    return kept


@blueprint.errorhandler(RefusedError)
def _refused(error: RefusedError) -> Response:
    told = {"status": error.status, "title": error.title, "detail": error.detail}
    answer = jsonify(told | {"correlation_id": g.correlation_id})
    answer.status_code, answer.content_type = error.status, "application/problem+json"
    if error.status == 503:
        answer.headers["Retry-After"] = "10"
    return answer


_doors: dict[str, tuple[Feed, System, EventsSignature, EventsRead]] = {}
"""By feed, as it was configured when it was last asked for."""


def _door(code: str) -> tuple[EventsSignature, EventsRead]:
    """How the senders of a feed are known, and what they may send. Other feeds do not exist for a sender."""
    catalog = runtime().catalog
    feed = catalog.feeds.get(code)
    system = None if feed is None else catalog.systems[feed.system]
    signature = None
    if feed is not None and system is not None and feed.enabled and system.connector == "events":
        known = _doors.get(code)
        if known is not None and known[0] is feed and known[1] is system:
            return known[2:]
        signature = EventsConnection.model_validate(system.connection).signature
    if feed is None or system is None or signature is None:
        _refuse(404, "No such feed", f"'{code[:64]}' is no feed that takes events over HTTP.")
    _doors[code] = (feed, system, signature, EventsRead.model_validate(feed.read))
    return _doors[code][2:]


def _body(options: EventsRead) -> bytes:
    """The body, never more of it than the feed takes."""
    said = f"expected at most {options.max_bytes} bytes"
    if (request.content_length or 0) > options.max_bytes:
        _refuse(413, "Too large", f"body: {request.content_length} bytes; {said}")
    body = request.stream.read(options.max_bytes + 1)
    if len(body) > options.max_bytes:
        _refuse(413, "Too large", f"body: more; {said}")
    return body


def _refuse(status: int, title: str, detail: str) -> NoReturn:
    raise RefusedError(status, title, detail)
