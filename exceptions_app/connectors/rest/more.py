"""What an answer says of more rows than it holds: the next page of a `Link` header, and words beside the rows.

A list whose next page is looked for under the wrong name ends after its first page and looks like a short one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..exact_json import find
from .paging_options import PagingType, RestPaging

_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^;,="\s]+\s*=\s*(?:"[^"]*"|[^;,\s]+))*)')
_NEXT = re.compile(r';\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?\s*(?:;|$)', re.IGNORECASE)

_FLAGS = frozenset(("hasmore", "hasmorepages", "hasmorerows", "hasnext", "hasnextpage", "more", "moreavailable",
                    "morerecords", "moreresults"))  # fmt: skip
_PLACES = frozenset(("continuationtoken", "next", "nextcursor", "nexthref", "nextlink", "nextpage", "nextpagelink",
                     "nextpagetoken", "nextpageurl", "nexttoken", "nexturi", "nexturl", "odatanextlink"))  # fmt: skip

_WITHIN = ("href", "url", "link", "after", "cursor", "token")
"""Where an object called `next` holds its place."""


def next_link(header: str) -> str:
    """The address of `rel="next"` in a Link header (RFC 8288); empty where there is none."""
    return next((link[1] for link in _LINK.finditer(header) if _NEXT.search(link[2])), "")


def left_out(paging: RestPaging, value: Any, records: str) -> str | None:
    """What beside the rows at `records` says that there are more, where the answer has no next page as `paging`
    looks for it; None where nothing does. Where no pages are asked for, a bare `next` must look like an address; where
    they are counted, the next one may be told behind the last, and only a flag says so.
    """
    sought = paging.type in ("next_link", "odata", "cursor") and not paging.header
    if sought and any(is_told(value, path) for path in paging.links):
        return None
    words = beside(value, records.partition("[]")[0])
    more = next((path for path, told in words if _means(path.rpartition(".")[2], told, paging.type)), None)
    has = f"it has no {paging.links[0]}" if sought else "it ends here"
    return None if more is None else f"{has}, and {more} says that there are more rows"


def is_told(value: Any, path: str) -> bool:
    """Whether something stands at `path`, though it be null."""
    if isinstance(value, dict) and path in value:
        return True
    above, _, name = path.rpartition(".")
    held = find(value, above)
    return isinstance(held, dict) and name in held


def beside(value: Any, records: str) -> Iterator[tuple[str, Any]]:
    """Each value in the objects on the way to the rows, and in the objects that stand there, with its path."""
    whole = not records or (isinstance(value, dict) and records in value)
    steps = [records] if whole else records.split(".")
    for depth, step in enumerate(steps):
        path = ".".join(steps[:depth])
        around = find(value, path)
        if not isinstance(around, dict) or not step:
            return
        for name, held in around.items():
            if name != step:
                at = f"{path}.{name}" if path else name
                yield at, held
                if isinstance(held, dict):
                    yield from ((f"{at}.{inner}", item) for inner, item in held.items())


def _means(name: str, told: Any, paging: PagingType) -> bool:
    """Whether it says so: a flag that holds, or the place of a next page."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    if plain in _FLAGS:
        return told is True or (isinstance(told, str) and told.lower() == "true")
    if plain not in _PLACES or paging in ("page", "offset"):
        return False
    if isinstance(told, Mapping):
        told = next((told[inner] for inner in _WITHIN if told.get(inner)), None)
    if not isinstance(told, str | int) or isinstance(told, bool):
        return False
    if plain == "next" and paging == "none" and not re.search("[/?]", str(told)):
        return False
    return str(told).strip().lower() not in ("", "0", "null", "none")
