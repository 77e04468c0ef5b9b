"""An exception's stable identity, and the hash that says whether its evidence changed.

Identity: SHA-256 over netstrings (`<length in UTF-8 bytes>:<text>`) of check, category, entity and the key's values
in the check's order, as the source wrote them; the first 16 bytes. Netstrings make it impossible that two different
keys run together (`1:a2:bc` is never `2:ab1:c`). Never an amount, a date or a run goes in. Test vectors are in the
integrator's guide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

SIZE = 16


def netstring(text: str) -> bytes:
    raw = text.encode()
    return b"%d:%s" % (len(raw), raw)


def fingerprint(check: str, category: str, entity: str, key: Sequence[str]) -> bytes:
    """16 bytes. Raises ValueError for an empty key or a missing (None) part: what has no key has no identity."""
    return identity(check, category, entity)(key)


def identity(check: str, category: str, entity: str) -> Callable[[Sequence[str]], bytes]:
    """`fingerprint` for many keys of one check, category and entity."""
    begun = sha256(b"".join(map(netstring, (check, category, entity))))

    def of(key: Sequence[str]) -> bytes:
        if not key or None in key:
            raise ValueError(f"{check}: a business key must be complete, found {list(key)!r}")
        whole = begun.copy()
        whole.update(b"".join(map(netstring, key)))
        return whole.digest()[:SIZE]

    return of


def evidence_hash(canonical_json: str) -> bytes:
    """16 bytes over the evidence's canonical text (sorted keys, decimals and times as text)."""
    return sha256(canonical_json.encode()).digest()[:SIZE]
