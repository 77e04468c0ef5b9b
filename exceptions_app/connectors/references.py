"""Resolves what the configuration only refers to: secrets, and addresses given as `env:NAME`.

Resolved at use, so that a value is never in the catalog, in a snapshot of it or in an error message.
"""

from __future__ import annotations

import os
from pathlib import Path

from exceptions_app.catalog.schema import Secret

from .base import TransportError


def reveal(secret: Secret, where: str) -> str:
    """The secret's value. Raises TransportError (permanent) naming the reference, never a value."""
    if secret.scheme == "env":
        return _environment(secret.target, where)
    try:
        return Path(secret.target).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise TransportError(f"secret file {secret.target}: {reason}", permanent=True, where=where) from None


def address(text: str, where: str) -> str:
    """An address as written, or from the environment where it is `env:NAME`."""
    return _environment(text.removeprefix("env:"), where) if text.startswith("env:") else text


def _environment(name: str, where: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise TransportError(f"the environment variable {name} is not set", permanent=True, where=where)
    return value
