"""Fields of a form as people type them: what is missing or no date is told in words, next to the form."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from flask import abort, request
from werkzeug.datastructures import MultiDict

from exceptions_app.domain.instant import utc_now
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.queries.words import zone_of

from . import gate


class FormError(Exception):
    """A field that cannot be used; the message is for the person who typed it."""


def optional(name: str) -> str:
    """What was typed, without blanks around it."""
    return request.form.get(name, "").strip()


def required(name: str, otherwise: str) -> str:
    """What was typed; `FormError(otherwise)` where nothing was."""
    value = optional(name)
    if not value:
        raise FormError(otherwise)
    return value


def is_number(text: str) -> bool:
    """Whether a text is a whole number that an id, a version or a count can be."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def edits() -> dict[str, str]:
    """The fields of a retry as they were typed: what the form names `field-…`."""
    return {
        name.removeprefix("field-"): text for name, text in request.form.items() if name.startswith("field-")
    }


def filter_of_form() -> QueueFilter:
    """The filter that a form of the queue carries: its fields are named `f-…`."""
    given = [(name[2:], text) for name, text in request.form.items(multi=True) if name.startswith("f-")]
    return QueueFilter.from_args(MultiDict(given))


def token() -> str:
    """What makes a form that is sent twice one request. A form without one is none of ours."""
    given = request.form.get("token", "")
    if not given.isalnum() or not 16 <= len(given) <= 64:
        abort(400)
    return given


def end_of(name: str) -> datetime | None:
    """The end of the day that was typed, in the person's zone, as UTC; None where none was."""
    value = optional(name)
    if not value:
        return None
    try:
        day = datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day of the person's calendar
        end = datetime.combine(day + timedelta(days=1), time(), zone_of(gate.viewer().time_zone)).astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        raise FormError(f"“{value}” is not a date; expected one like 2026-12-31.") from None
    if end <= utc_now():
        raise FormError("Choose a day that is not over yet.")
    return end
