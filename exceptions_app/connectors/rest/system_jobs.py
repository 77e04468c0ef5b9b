"""A job that a system has taken to do later: which one it is, and where it says how it stands.

Of reads (`bulk`) and of writes (`submit`). Knows no requests: what was answered is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from ..base import FeedContentError
from ..exact_json import find
from .bulk_options import JobOptions
from .client import Reach
from .templates import in_path, plain, text


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was taken: its identifier, and where it says how it stands."""

    name: str
    status_url: str


def job_of(
    options: JobOptions, reach: Reach, url: str, headers: Mapping[str, str], body: Callable[[], Any], where: str,
    fields: Mapping[str, Any] | None = None,
) -> Job:  # fmt: skip
    """The job that the answer from `url` names. Raises FeedContentError where it names none, and TransportError where
    that is said to be at a host that the configuration does not name.
    """
    if options.job_header is not None:
        told, place = headers.get(options.job_header, ""), f"header {options.job_header}"
    else:
        found, place = find(body(), options.job), repr(options.job)
        told = "" if found is None or isinstance(found, dict | list) else plain(found)
    if not told:
        raise FeedContentError(f"no job at {place}", where, "the identifier of the job that was submitted")
    if options.status is None or told.startswith(("http://", "https://", "/")):
        address = reach.follow(told, url, where, "the job")
        return Job(httpx2.URL(address).path.rstrip("/").rpartition("/")[2], address)
    return Job(told, reach.address_of(text(options.status, {**(fields or {}), "job": told}, in_path)))


def says(word: str, words: list[str]) -> bool:
    """Whether a state is one of these; case does not matter."""
    return word.casefold() in {each.casefold() for each in words}
