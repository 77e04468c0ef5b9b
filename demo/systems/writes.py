"""How a system takes a write: it is told apart from one that came before (or is not), carried out, and put in a book.

One transaction applies a write and enters it, so that the book is the truth about what happened. What a write means
is the system's business, and what went wrong by chance is that of `moods`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Flask, Response, request

from ..documents import stamp
from ..moods import Moods
from .store import Row, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS book (
  id INTEGER PRIMARY KEY, operation TEXT, idempotency_key TEXT, correlation_id TEXT, body TEXT, applied INTEGER,
  status INTEGER, answer TEXT, at TEXT);
CREATE INDEX IF NOT EXISTS book_key ON book (idempotency_key);
"""


class RefusedError(Exception):
    """The system will not carry out this write, now or ever: a status, a code, and a reason in its words."""

    def __init__(self, reason: str, code: str, status: int = 422) -> None:
        super().__init__(reason)
        self.reason, self.code, self.status = reason, code, status


@dataclass(frozen=True, slots=True)
class Mended:
    """An order line that a write has put right, and of which fault."""

    category: str
    order: str
    line: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What the system says of a write that it carried out, and what that mended."""

    answer: Mapping[str, Any]
    mends: Mended | None = None


class Fields:
    """The body of a write. A field that is missing or of another type is refused by name."""

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise RefusedError("the body is not a JSON object", "BadRequest", 400)
        self.body: dict[str, Any] = body

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, (str, int)) or isinstance(value, bool) or value == "":
            raise RefusedError(f"{name} is required", "BadRequest", 400)
        return str(value)

    def number(self, name: str) -> int:
        value = self.decimal(name)
        if value != int(value):
            raise RefusedError(f"{name} is not a whole number: {value}", "BadRequest", 400)
        return int(value)

    def decimal(self, name: str) -> Decimal:
        try:
            value = Decimal(self.text(name)) if not isinstance(self.body.get(name), float) else None
            value = Decimal(str(self.body[name])) if value is None else value
        except InvalidOperation:
            raise RefusedError(f"{name} is not a number: {self.body[name]!r}", "BadRequest", 400) from None
        if not value.is_finite():
            raise RefusedError(f"{name} is not a number: {self.body[name]!r}", "BadRequest", 400)
        return value


Apply = Callable[[Fields, str], Applied]
"""Carries out a write at a time (a stamp), inside the transaction of the book. Raises RefusedError."""
Tell = Callable[[Mended], None]


def nobody(_: Mended) -> None:
    """Nobody is told of what was mended."""


@dataclass(slots=True)
class Desk:
    """Where one system takes its writes.

    `honours_keys`: a key that was seen is answered as the first time, and nothing happens; the same key with
    another body is refused. `refusal` shapes what the system says of a refused write.
    """

    system: str
    store: Store
    moods: Moods
    honours_keys: bool = False
    tell: Tell = nobody
    refusal: Callable[[RefusedError], Mapping[str, Any]] = field(
        default=lambda error: {"error": error.code, "message": error.reason}
    )

    def route(self, app: Flask, path: str, operation: str, apply: Apply) -> None:
        """Take an operation's writes at a path."""
        app.add_url_rule(path, operation, lambda: self.take(operation, apply), methods=["POST"])

    def take(self, operation: str, apply: Apply) -> Response:
        """Answer the write that the current request makes, in whatever mood the system is."""
        trouble = self.moods.before_write(self.system)
        if trouble is not None:
            return trouble
        if self.moods.loses(self.system):
            return _cut_off()
        mended: list[Mended] = []
        with self.store.transaction():
            response = self._seen(operation) or self._carry_out(operation, apply, mended)
        for one in mended:
            self.tell(one)
        if self.moods.drops(self.system):
            return _cut_off()
        self.moods.linger(self.system)
        return response

    def _seen(self, operation: str) -> Response | None:
        key = request.headers.get("Idempotency-Key")
        if not self.honours_keys or not key:
            return None
        first = self.store.row("SELECT * FROM book WHERE idempotency_key = ? ORDER BY id LIMIT 1", (key,))
        if first is None:
            return None
        if (first["operation"], first["body"]) != (operation, _body_text()):
            return self._refuse(RefusedError("this key came with another write", "IdempotencyKeyReused"))
        response = _json(json.loads(first["answer"]), first["status"])
        response.headers["Idempotency-Replayed"] = "true"
        return response

    def _carry_out(self, operation: str, apply: Apply, mended: list[Mended]) -> Response:
        at = stamp(datetime.now(UTC))
        try:
            done = apply(Fields(request.get_json(silent=True)), at)
        except RefusedError as error:
            response = self._refuse(error)
            self._enter(operation, at, False, response)
            return response
        if done.mends is not None:
            mended.append(done.mends)
        response = _json(done.answer, 200)
        self._enter(operation, at, True, response)
        return response

    def _refuse(self, error: RefusedError) -> Response:
        return _json(self.refusal(error), error.status)

    def _enter(self, operation: str, at: str, applied: bool, response: Response) -> None:
        self.store.add(
            "book",
            [
                {
                    "operation": operation, "idempotency_key": request.headers.get("Idempotency-Key"),
                    "correlation_id": request.headers.get("X-Correlation-Id")
                    or request.headers.get("traceparent"),
                    "body": _body_text(), "applied": int(applied), "status": response.status_code,
                    "answer": response.get_data(as_text=True), "at": at,
                }
            ],
        )  # fmt: skip


def book(store: Store, operation: str | None = None, key: str | None = None) -> list[Row]:
    """What a system has entered in its book, oldest first; its keys and bodies as they came."""
    return store.rows(
        "SELECT * FROM book WHERE (? IS NULL OR operation = ?) AND (? IS NULL OR idempotency_key = ?) ORDER BY id",
        (operation, operation, key, key),
    )


def _body_text() -> str:
    return json.dumps(request.get_json(silent=True), sort_keys=True)


def _json(body: Mapping[str, Any], status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")


def _cut_off() -> Response:
    """End the connection without a word: the caller cannot know what has happened."""
    connection = request.environ.get("werkzeug.socket")
    if connection is not None:  # there is a server between
        connection.shutdown(socket.SHUT_RDWR)
    return Response("", 500)
