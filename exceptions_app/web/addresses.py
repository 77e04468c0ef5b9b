"""Addresses that pages are full of, worked out once: of pages, of an exception, of static files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import current_app, request, url_for


def address(endpoint: str, **values: Any) -> str:
    """The address of a page; one that nothing is filled into is worked out once."""
    return url_for(endpoint, **values) if values else _fixed(request.script_root, endpoint)


@lru_cache(maxsize=512)
def _fixed(root: str, endpoint: str) -> str:
    del root  # is part of what is kept
    return url_for(endpoint)


@lru_cache(maxsize=8)
def _before(root: str, endpoint: str) -> str:
    """What stands before the reference in the address of something about one exception."""
    del root
    return url_for(endpoint, reference="~").removesuffix("~")


def case_url(reference: str = "") -> str:
    """The page of an exception; without a reference, what stands before it."""
    return _before(request.script_root, "cases.show") + reference


def note_url(reference: str = "") -> str:
    """Where the note on a row goes."""
    return _before(request.script_root, "queues.note") + reference


def asset(name: str) -> str:
    """The address of a static file; it changes with the file, so that no browser shows an old one."""
    prefix = request.script_root + (current_app.static_url_path or "")
    return _asset(prefix, current_app.static_folder or "", name)


@lru_cache(maxsize=512)
def _asset(prefix: str, folder: str, name: str) -> str:
    file = Path(folder) / name
    version = f"{file.stat().st_mtime_ns:x}"[-10:] if file.exists() else "0"
    return f"{prefix}/{name}?v={version}"
