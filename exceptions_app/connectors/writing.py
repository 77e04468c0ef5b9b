"""What every submitter is and gives back: the writes of one operation of one system, asked by several threads at once.

Errors are those of `base`. What an answer means to the business is said by the operation's error rules, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from exceptions_app.catalog.schema import Operation, System

from .concealing import Concealer

_Connection = TypeVar("_Connection", bound=BaseModel)
_Submit = TypeVar("_Submit", bound=BaseModel)
_ReadBack = TypeVar("_ReadBack", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Write:
    """One business write. `fields` are typed: text, int, Decimal, bool, date, datetime, or None where absent.

    The idempotency key is the same however often this write is sent.
    """

    fields: Mapping[str, Any]
    idempotency_key: str
    correlation_id: str


def fields_of(write: Write) -> dict[str, Any]:
    """What the texts of a write may name."""
    own = {"idempotency_key": write.idempotency_key, "correlation_id": write.correlation_id}
    return {**own, **write.fields}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system answered. `request` and `body` hide the values of sensitive fields; `request` is cut.

    `as_expected`: False where the operation says what a success reads like, and this does not; `problem` may say why.
    `job`: the system does it later, and is asked there (an address of its own making) what came of it.
    """

    status: int | None
    body: str
    request: str
    retry_after: float | None = None
    as_expected: bool = True
    problem: str = ""
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How work stands that a system does later, by its own word. `said`: that word, and why where it failed.

    `state`: `transient` failed, and may work when it is sent again; `gone`: the system knows no such job any more;
    `unclear`: it gave an answer that does not say. Sensitive values are hidden.
    """

    state: Literal["at_work", "done", "failed", "transient", "gone", "unclear"]
    said: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Arrival:
    """Whether a write has arrived, by the system's own word."""

    found: bool
    answer: Answer


@runtime_checkable
class AsksJobs(Protocol):
    """A submitter to a system that may do the work later: an answer then names a `job`."""

    @property
    def asked_every(self) -> float:
        """Seconds between two questions about a job."""
        ...

    @property
    def asked_for(self) -> float:
        """Seconds after which a job that is still at work is not asked about any more."""
        ...

    def standing(self, write: Write, job: str) -> Standing:
        """Ask how a job stands, changing nothing. Raises `TransportError` when it cannot be asked: `permanent` where
        it never can.
        """
        ...


class Submitter(Protocol):
    """Makes the writes of one operation. Thread-safe: as many calls at once as the system is allowed."""

    @property
    def longest(self) -> float:
        """No call takes longer than this, in seconds."""
        ...

    def request_of(self, write: Write) -> str:
        """The request as people may see it: sensitive values hidden, cut. Raises `TransportError` as `submit`."""
        ...

    def submit(self, write: Write) -> Answer:
        """Send it once. Raises `TransportError`: `permanent` where this very write can never be sent, `sent` where
        it may have reached the system.
        """
        ...

    def read_back(self, write: Write) -> Arrival:
        """Ask whether the write has arrived, changing nothing. Raises `TransportError` when that cannot be told."""
        ...

    def close(self) -> None:
        """Give back connections. Safe to repeat."""
        ...


def told_by(
    system: System,
    operation: Operation,
    models: tuple[type[_Connection], type[_Submit], type[_ReadBack]],
) -> tuple[_Connection, _Submit, _ReadBack | None, Concealer]:
    """What a submitter is told: the options by its models, and what of a write is hidden."""
    connection, submit, read_back = models
    asked = operation.read_back
    return (
        connection.model_validate(system.connection),
        submit.model_validate(operation.submit),
        None if asked is None else read_back.model_validate(asked),
        Concealer(operation),
    )
