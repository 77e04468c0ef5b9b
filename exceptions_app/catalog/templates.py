"""Feeds that are written once and used for many: a template, what a feed says otherwise, and its constants.

Works on declarations before they are judged, so that what comes of it is checked like any other feed, at the places
where it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from .problems import Place, closest, listing
from .reading import Block, Items, overlay

SECTION = "feed_templates"
_NAMED = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
_NAMES = ("crosswalk", "look_up")
"""What stands in a mapping and is no expression."""
_EXPRESSIONS = ("mapping", "where", "deleted")

Report = Callable[[Place, str, str, str, str], None]


def expand(feeds: dict[str, Block], templates: Mapping[str, Block], report: Report) -> None:
    """Put each feed that names a template in full, and its constants where `${name}` stands: as SQL literals in
    `mapping`, `where` and `deleted`, as they are elsewhere.
    """
    for code, feed in feeds.items():
        if "template" in feed:
            name = feed["template"]
            base = templates.get(name) if isinstance(name, str) else None
            if base is None:
                said, near = f"nothing declares the template '{name}'", closest(str(name), templates)
                report(feed.places["template"], f"feeds.{code}.template", said, listing(templates), near)
                del feed["template"]
                continue
            whole = deepcopy(base)
            overlay(whole, feed)
            for field in ("code", "template"):
                whole.pop(field, None)
            whole["code"], whole.places["code"] = code, feed.places["code"]
            whole.place = feed.place
            feeds[code] = whole
        _fill(feeds[code], code, report)


def _fill(feed: Block, code: str, report: Report) -> None:
    constants = feed.pop("constants", None)
    if constants is None:
        constants = {}
    if not isinstance(constants, dict):
        report(
            feed.places["constants"],
            f"feeds.{code}.constants",
            "not a mapping",
            "names with their values",
            "",
        )
        return

    def put(text: str, place: Place, path: str, *, sql: bool) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] not in constants:
                near = closest(found[1], constants)
                report(place, path, f"no constant '{found[1]}'", listing(constants), near)
                return found[0]
            text = str(constants[found[1]])
            return "'" + text.replace("'", "''") + "'" if sql else text

        return _NAMED.sub(value, text)

    def walk(value: Any, place: Place, path: str, *, sql: bool) -> Any:
        if isinstance(value, str):
            return put(value, place, path, sql=sql)
        if isinstance(value, Block):
            for key in value:
                value[key] = walk(
                    value[key], value.places[key], f"{path}.{key}", sql=sql and key not in _NAMES
                )
        elif isinstance(value, Items):
            for index, one in enumerate(value):
                value[index] = walk(one, value.places[index], f"{path}.{index}", sql=sql)
        return value

    for key in feed:
        feed[key] = walk(feed[key], feed.places[key], f"feeds.{code}.{key}", sql=key in _EXPRESSIONS)
