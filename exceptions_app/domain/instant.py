"""The one injectable clock: everything that asks for the time asks here, and only at the edges."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time now, aware, in UTC. Tests freeze it; nothing ever speeds it up."""
    return datetime.now(UTC)


def iso(at: datetime) -> str:
    """`2026-11-22T16:30:00Z`: UTC, microseconds only where there are any. Raises ValueError for a naive time."""
    if at.tzinfo is None:
        raise ValueError(f"a naive time has no instant: {at!r}")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """The inverse of `iso`. Raises ValueError for a text without a zone, or that is no time in UTC."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"a time that UTC does not have: {text!r}") from None
