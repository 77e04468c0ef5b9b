"""Whether a request was sent by who knows the secret, and recently. Must not know what the request says.

Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
(`v1`: HMAC-SHA-256 over `id.timestamp.body`, Base64; several signatures, separated by blanks, while a secret changes).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from exceptions_app.connectors.references import reveal

from .event import EventError, Headers, moment
from .options import EventsSignature

_PREFIX = "whsec_"


class SignatureError(Exception):
    """The request is not believed; the message says which header to look at, and never a secret."""


def verify(options: EventsSignature, headers: Headers, body: bytes, now: datetime) -> None:
    """Raises `SignatureError`, or `TransportError` where a secret cannot be read. `now` is aware."""
    if options.type == "none":
        return
    secrets = [reveal(secret, "signature") for secret in options.secrets]
    {"bearer": _bearer, "standard": _standard, "hmac": _hmac}[options.type](
        options, headers, body, now, secrets
    )


def sign_standard(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<signature>` as Standard Webhooks writes it. Raises ValueError for a secret that is no Base64."""
    signed = b".".join([event_id.encode(), str(timestamp).encode(), body])
    key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _bearer(
    _options: EventsSignature, headers: Headers, _body: bytes, _now: datetime, secrets: list[str]
) -> None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not _any(token.strip(), secrets):
        raise SignatureError("header Authorization: expected 'Bearer' and the token agreed")


def _standard(
    options: EventsSignature, headers: Headers, body: bytes, now: datetime, secrets: list[str]
) -> None:
    said = {name: headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")}
    for name, value in said.items():
        if not value:
            raise SignatureError(f"header webhook-{name} is missing")
    if not said["timestamp"].isascii() or not said["timestamp"].isdigit():
        raise SignatureError("header webhook-timestamp: expected whole seconds since 1970")
    _timely(said["timestamp"], "webhook-timestamp", options, now)
    sent = [one for one in said["signature"].split() if one.startswith("v1,")]
    made = _made(secrets, lambda secret: sign_standard(secret, said["id"], int(said["timestamp"]), body))
    if not any(_any(one, made) for one in sent):
        raise SignatureError("header webhook-signature: none of its v1 signatures fits the body")


def _hmac(options: EventsSignature, headers: Headers, body: bytes, now: datetime, secrets: list[str]) -> None:
    written = headers.get(options.header.lower(), "")
    if not written:
        raise SignatureError(f"header {options.header} is missing")
    listed = [part.strip().partition("=")[::2] for part in written.split(",")] if options.key else []
    timestamp = _timestamp(options, headers, listed)
    if options.timestamp is not None:
        _timely(timestamp, options.timestamp, options, now)
    signed = _signed(options, headers, timestamp, body)
    sent = [value for name, value in listed if name == options.key] if options.key else written.split()
    plain = [one.removeprefix(options.prefix) for one in sent if one.startswith(options.prefix)]
    made = [_digest(options, secret, signed) for secret in secrets]
    if not any(_any(one.lower() if options.encoding == "hex" else one, made) for one in plain):
        raise SignatureError(f"header {options.header}: no signature in it fits the body")


def _timestamp(options: EventsSignature, headers: Headers, listed: list[tuple[str, str]]) -> str:
    if options.timestamp is None:
        return ""
    in_list = next((value for name, value in listed if name == options.timestamp), "")
    return in_list or headers.get(options.timestamp.lower(), "")


def _signed(options: EventsSignature, headers: Headers, timestamp: str, body: bytes) -> bytes:
    event_id = headers.get((options.id_header or "").lower(), "")
    before, _, after = options.signed.partition("{body}")
    fill = [
        part.replace("{timestamp}", timestamp).replace("{id}", event_id).encode() for part in (before, after)
    ]
    return fill[0] + body + fill[1]


def _digest(options: EventsSignature, secret: str, signed: bytes) -> str:
    digest = hmac.new(secret.encode(), signed, options.algorithm).digest()
    return digest.hex() if options.encoding == "hex" else base64.b64encode(digest).decode()


def _timely(text: str, where: str, options: EventsSignature, now: datetime) -> None:
    try:
        at = moment(text, where)
    except EventError as error:
        raise SignatureError(str(error)) from None
    if at is None:
        raise SignatureError(f"{where} is missing: the time that was signed")
    if abs(now.astimezone(UTC) - at) > options.tolerance:
        seconds = int(options.tolerance.total_seconds())
        raise SignatureError(f"{where}: the signed time is more than {seconds} seconds away from ours")


def _made(secrets: Iterable[str], make: Callable[[str], str]) -> list[str]:
    made = []
    for secret in secrets:
        try:
            made.append(make(secret))
        except (ValueError, binascii.Error):
            raise SignatureError(
                "the secret that we hold is no Base64 text, as Standard Webhooks asks for"
            ) from None
    return made


def _any(sent: str, expected: Iterable[str]) -> bool:
    """Compared in constant time, with every one of them."""
    fits = [hmac.compare_digest(sent.encode(), one.encode()) for one in expected]
    return any(fits)
