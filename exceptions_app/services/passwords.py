"""Hashes of passwords: made, checked, told apart. Pure: knows no table, and is slow on purpose.

A check takes tens of milliseconds and much memory: never inside a transaction that writes.
"""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError


@cache
def _hasher(cheap: bool) -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1) if cheap else PasswordHasher()


@cache
def decoy(cheap: bool) -> str:
    """A hash to check against where there is no account, so that both cases take equally long."""
    return _hasher(cheap).hash("nobody has this password")


def hashed(password: str, cheap: bool) -> str:
    """The salted hash to keep."""
    return _hasher(cheap).hash(password)


def matches(password_hash: str, password: str, cheap: bool) -> bool:
    """Whether the hash is of that password; one that cannot be read is of none."""
    try:
        return _hasher(cheap).verify(password_hash, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str, cheap: bool) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return _hasher(cheap).check_needs_rehash(password_hash)
