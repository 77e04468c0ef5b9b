"""What the `events` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from exceptions_app.catalog.schema import Duration, SecretRef, Shape

SignatureType = Literal["standard", "hmac", "bearer", "none"]
LARGEST_BODY = 4 * 1024 * 1024


class EventsSignature(Shape):
    """How a sender proves who it is. Of several secrets each holds, so that one can be replaced while both are used."""

    type: SignatureType = Field(description="standard (Standard Webhooks), hmac, bearer, or none")
    secrets: list[SecretRef] = Field(default_factory=list, description="the newest first; any of them holds")
    tolerance: Duration = Field(
        timedelta(minutes=5), description="how far the signed time may lie from ours, either way"
    )
    header: str = Field("X-Signature", description="hmac: the header that carries the signature")
    algorithm: Literal["sha256", "sha512", "sha384", "sha1"] = Field("sha256", description="hmac: the hash")
    encoding: Literal["hex", "base64"] = Field("hex", description="hmac: how the signature is written")
    prefix: str = Field("", description="hmac: what stands before it, e.g. `sha256=` or `v0=`")
    key: str | None = Field(
        None, description="hmac: the name of the signature where the header is a list such as `t=1,v1=ab`"
    )
    timestamp: str | None = Field(
        None, description="hmac: the header with the signed time, or its name in such a list"
    )
    signed: str = Field("{body}", description="hmac: what is signed, of `{timestamp}`, `{id}` and `{body}`")
    id_header: str | None = Field(None, description="hmac: the header that `{id}` stands for")

    @model_validator(mode="after")
    def _complete(self) -> EventsSignature:
        if self.type != "none" and not self.secrets:
            raise ValueError(
                f"a signature of type {self.type} also needs secrets, each env:NAME or file:/path"
            )
        if "{body}" not in self.signed:
            raise ValueError("signed without {body}; a signature that does not cover the body proves nothing")
        if ("{timestamp}" in self.signed) != (self.timestamp is not None):
            raise ValueError(
                "timestamp together with {timestamp} in signed: only a signed time is worth checking"
            )
        if ("{id}" in self.signed) != (self.id_header is not None):
            raise ValueError("id_header together with {id} in signed")
        return self


class EventsConnection(Shape):
    """How the senders of a system are known, and the broker that it publishes to. At least one of both."""

    signature: EventsSignature | None = Field(
        None, description="for events that come over HTTP; without it none are taken that way"
    )
    broker: SecretRef | None = Field(
        None, description="the broker's URL, with user and password: redis://…, amqp://…"
    )
    transport_options: dict[str, str] = Field(
        default_factory=dict, description="broker: further options of kombu's transport, each may be env:NAME"
    )


class EventsQueue(Shape):
    """The queue of a broker that a feed takes its messages from."""

    queue: str = Field(min_length=1, description="the queue's name")
    exchange: str = Field(
        "", description="AMQP: the exchange that the queue is bound to; empty: none is bound"
    )
    routing_key: str = Field("", description="AMQP: the key it is bound with")
    declare: bool = Field(False, description="make the queue where it is not there")
    at_once: int = Field(500, ge=1, le=5_000, description="messages kept by one commit, then acknowledged")


class EventsRead(Shape):
    """What an event looks like, and where its rows are."""

    format: Literal["cloudevents", "webhook"] = Field(
        "cloudevents", description="cloudevents 1.0, or any JSON"
    )
    max_bytes: int = Field(1_000_000, ge=100, le=LARGEST_BODY, description="a larger body is refused (413)")
    id: str = Field("header:webhook-id", description="webhook: the event's id, `header:NAME` or a path")
    type: str = Field("type", description="webhook: its type, `header:NAME` or a path")
    time: str = Field("timestamp", description="webhook: when it happened, `header:NAME` or a path")
    data: str = Field("data", description="webhook: where the data is; where there is none, the body is")
    correlation: str | None = Field(
        None, description="the id of the business transaction, `header:NAME` or a path into the data"
    )
    version: str | None = Field(
        None, description="a whole number in the data that grows with every change of a record"
    )
    records: str = Field("", description="where the data holds a list of rows; empty: the data is the row")
    carry: dict[str, str] = Field(
        default_factory=dict,
        description="name -> path in the data, or else in the whole body: each row has it",
    )
    remember: Duration = Field(timedelta(days=30), description="how long the ids of taken events are known")
    keep: Duration = Field(
        timedelta(days=7),
        description="how long what the mapping names of a taken event is kept, to be replayed; 0s: not at all",
    )
    broker: EventsQueue | None = Field(None, description="the queue that the events come from")

    @property
    def kept_for(self) -> timedelta:
        """How long a taken event can be replayed: never longer than its id is known."""
        return min(self.keep, self.remember)


def fits(connection: EventsConnection, read: EventsRead) -> tuple[str, str] | None:
    """Whether the events of a feed can come at all: what is wrong, and what was expected."""
    if read.broker is not None and connection.broker is None:
        return "names a queue, and its system no broker", "'broker: env:NAME' in the system's connection"
    if connection.signature is None and read.broker is None:
        expected = "'signature:' in the system's connection, or 'broker:' here and there"
        return "events can come neither over HTTP nor from a broker", expected
    return None
