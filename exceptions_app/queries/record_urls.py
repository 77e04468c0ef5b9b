"""Where a record can be opened in its own system, by the pattern that the configuration gives for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.secrets import SecretError, environment


def record_url(catalog: Catalog, system: str, record: str, values: Mapping[str, Any]) -> str:
    """Empty where there is no pattern, where the values do not fill it, or where it leads to no page."""
    pattern = _resolved(catalog.systems[system].record_urls.get(record, ""))
    safe = {name: quote(str(value), safe="") for name, value in values.items() if value not in (None, "")}
    try:
        url = pattern.format_map(safe)
    except (KeyError, ValueError, IndexError):
        return ""
    return url if url.startswith(("https://", "http://")) else ""


def _resolved(pattern: str) -> str:
    """`env:NAME` at the beginning is the address in that variable."""
    if not pattern.startswith("env:"):
        return pattern
    name, slash, rest = pattern.removeprefix("env:").partition("/")
    try:
        return environment(name).rstrip("/") + slash + rest
    except SecretError:
        return ""
