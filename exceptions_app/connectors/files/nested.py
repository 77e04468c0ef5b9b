"""Rows inside a document: where they are, and what the objects around them say.

An order's lines know their order: what stands beside the list, in each object on the way to it, comes with
every row under the path it has (`orders.number`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..exact_json import find


def rows_at(document: Any, path: str, *, single: bool = False) -> Iterator[tuple[Any, dict[str, Any]]] | None:
    """Each row at `path` with what stands around it; None where the path leads to no list.

    `single`: an object at the end is a list of one (XML does not tell the two apart).
    """
    if not path or (isinstance(document, dict) and path in document):
        found = find(document, path)
        return ((row, {}) for row in found) if isinstance(found, list) else None
    steps = path.split(".")
    if not _leads(document, steps, single):
        return None
    return _walk(document, steps, "", {}, single)


def _leads(value: Any, steps: list[str], single: bool) -> bool:
    """Whether a list stands at the end, in this object or, of a list of objects, in any that has the step."""
    if not steps:
        return isinstance(value, list) or (single and value is not None)
    if isinstance(value, list):
        return not value or any(_leads(item, steps, single) for item in value)
    return isinstance(value, dict) and steps[0] in value and _leads(value[steps[0]], steps[1:], single)


def _walk(
    value: Any, steps: list[str], path: str, around: dict[str, Any], single: bool
) -> Iterator[tuple[Any, dict[str, Any]]]:
    if isinstance(value, list) and steps:
        for item in value:
            yield from _walk(item, steps, path, around, single)
    elif not steps:
        for row in value if isinstance(value, list) else [value] if single and value is not None else []:
            yield row, around
    elif isinstance(value, dict):
        prefix = f"{path}." if path else ""
        plain = {f"{prefix}{n}": v for n, v in value.items() if not isinstance(v, dict | list)}
        inside = {f"{prefix}{n}.{k}": v for n, v in value.items() if isinstance(v, dict) and n != steps[0]
                  for k, v in v.items() if not isinstance(v, dict | list)}  # fmt: skip
        below = value.get(steps[0])
        yield from _walk(below, steps[1:], f"{prefix}{steps[0]}", around | plain | inside, single)
