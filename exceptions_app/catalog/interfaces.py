"""What the configuration says of each feed, part by part, and what changed between two configurations. Pure.

Works on the canonical JSON of a catalog, so that a configuration of long ago is read as the one in force.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from .catalog import Catalog, canonical

PATTERNS = {
    "rest": "Real-time API",
    "events": "Events",
    "sql": "Scheduled micro-batch",
    "files": "Managed files",
    "rows": "Rows in the configuration",
}
"""Connector -> the pattern of integration; another package's connector is its own."""

_PARTS = {
    "connection": (), "system": ("system",), "record type": ("record_type", "mode"), "reading": ("read",),
    "mapping": ("mapping", "where", "deleted"), "schedule": ("every", "lag", "enabled"), "title": ("title",),
}  # fmt: skip
_CONTRACTED = ("record type", "reading", "mapping")
"""What a contract is about: a change of these is a new version."""


@lru_cache(maxsize=4)
def _feeds_of(text: str) -> dict[str, dict[str, Any]]:
    held = json.loads(text)
    systems = {system["code"]: system for system in held.get("systems", [])}
    return {feed["code"]: _parts(feed, systems.get(feed["system"], {})) for feed in held.get("feeds", [])}


def _parts(feed: Mapping[str, Any], system: Mapping[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {name: {key: feed.get(key) for key in keys} for name, keys in _PARTS.items()}
    parts["connection"] = {key: system.get(key) for key in ("connector", "connection")}
    contract = dict(feed.get("contract") or {})
    if contract.get("volume") is None:  # configurations from before it could be said are not other ones
        contract.pop("volume", None)
    return parts | {"version": contract.pop("version", "1"), "contract": contract}


def digests(catalog: Catalog) -> dict[str, bytes]:
    """Feed -> the digest of all that is said of it."""
    return {
        code: sha256(canonical(parts).encode()).digest()
        for code, parts in _feeds_of(catalog.to_json()).items()
    }


def changes(before: str | None, catalog: Catalog) -> dict[str, tuple[str, bool]]:
    """Feed -> what changed since the configuration `before` (its canonical JSON), in words, and whether it changed what
    the contract is about under the same version. Feeds that are what they were are left out.
    """
    old = {} if before is None else _feeds_of(before)
    found = {}
    for code, parts in _feeds_of(catalog.to_json()).items():
        known = old.get(code)
        changed = [name for name, part in parts.items() if known is None or known.get(name) != part]
        if not changed:
            continue
        silent = known is not None and "version" not in changed and any(n in changed for n in _CONTRACTED)
        found[code] = ("added" if known is None else ", ".join(changed), silent)
    return found
