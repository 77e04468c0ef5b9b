"""What a reference to a secret refers to: read when it is used, never kept."""

from __future__ import annotations

import os
from pathlib import Path

from .schema import Secret


class SecretError(Exception):
    """It cannot be read; the message names the reference, never a value."""


def environment(name: str) -> str:
    """The value of an environment variable. Raises `SecretError` where it is not set."""
    value = os.environ.get(name)
    if not value:
        raise SecretError(f"the environment variable {name} is not set")
    return value


def value_of(secret: Secret) -> str:
    """The secret's value. Raises `SecretError`."""
    if secret.scheme == "env":
        return environment(secret.target)
    try:
        return Path(secret.target).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise SecretError(f"secret file {secret.target}: {reason}") from None
