"""Resolves what the configuration only refers to: secrets, and addresses given as `env:NAME`.

Resolved at use, so that a value is never in the catalog, in a snapshot of it or in an error message.
"""

from __future__ import annotations

from exceptions_app.catalog.schema import Secret
from exceptions_app.catalog.secrets import SecretError, environment, value_of

from .base import TransportError


def reveal(secret: Secret, where: str) -> str:
    """The secret's value. Raises TransportError (permanent) naming the reference, never a value."""
    try:
        return value_of(secret)
    except SecretError as error:
        raise TransportError(str(error), permanent=True, where=where) from None


def address(text: str, where: str) -> str:
    """An address as written, or from the environment where it is `env:NAME`."""
    if not text.startswith("env:"):
        return text
    try:
        return environment(text.removeprefix("env:"))
    except SecretError as error:
        raise TransportError(str(error), permanent=True, where=where) from None
