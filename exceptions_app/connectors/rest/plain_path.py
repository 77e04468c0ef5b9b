"""Refuses a path that would lead away from base_url. Knows no requests."""

from __future__ import annotations


def plain_path(path: str) -> str:
    """The path as given. Raises ValueError for what is more than a path below base_url."""
    leads_away = "://" in path or path.startswith("//") or bool({"?", "#"} & set(path))
    if leads_away or any(step in {".", ".."} for step in path.split("/")):
        raise ValueError(
            "it is no plain path; expected a path below base_url, its parameters under params (query, in a write)"
        )
    return path
