"""A path into a nested value: `vendor.code`, `lines[0].sku`, `ids[type=GTIN].value`; read, and written as SQL.

Knows nothing of expressions. Raises ValueError saying what the path should look like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_NAME = r'"[^"\\]+"|[^."\\$\[\]]+'
_NAMES = rf"(?:{_NAME})(?:\.(?:{_NAME}))*"
_STEP = re.compile(
    rf"\[(?P<item>[0-9]{{1,6}})\]|\[(?P<field>{_NAMES})=(?P<equals>\"[^\"\\]*\"|[^\]\"\\]+)\]|(?P<name>{_NAME})"
)
_SHAPE = "'vendor.code', 'lines[0].sku' (the first of a list) or 'ids[type=GTIN].value' (the item whose type is GTIN)"


@dataclass(frozen=True, slots=True)
class Pick:
    """The first item of a list at whose `names` stands the text `equals`."""

    names: tuple[str, ...]
    equals: str


Step = str | int | Pick


def steps_of(path: str) -> tuple[Step, ...]:
    """What is gone through: the name of a field, the place of an item from 0, an item picked by what it holds."""
    steps, at = list[Step](), 0
    while at < len(path):
        if steps and path[at] == ".":
            at += 1
        elif steps and path[at] != "[":
            raise ValueError(_unfit(path))
        found = _STEP.match(path, at)
        if found is None or (path[at] == "[" and at and path[at - 1] == "."):
            raise ValueError(_unfit(path))
        steps.append(_step(found, path))
        at = found.end()
    if not steps or path.endswith("."):
        raise ValueError(_unfit(path))
    return tuple(steps)


def _unfit(path: str) -> str:
    """What a path should look like, and its own spelling where only a name with a sign lacks its double quotes."""
    said = f"needs a path such as {_SHAPE}, got '{path}'"
    written = re.sub(r'"[^"]*"|[^."\\\[\]=]*\$[^."\\\[\]=]*', lambda m: f'"{m[0].strip(chr(34))}"', path)
    if written == path:
        return said
    try:
        steps_of(written)
    except ValueError:
        return said
    return f"{said}; a name with a sign in it stands in double quotes: '{written}'"


def sql_of(text: str, steps: tuple[Step, ...], literal: Callable[[str], str]) -> str:
    """The text at the path in the JSON text `text`; NULL where there is none, or no JSON. One object where a list was
    meant is a list of one, as XML writes it. `literal` puts a text in quotes.
    """
    *ways, end = _joined(steps)
    found = text
    for way in ways:
        match way:
            case str():
                found = f"JSON_EXTRACT({found}, {literal(way)})"
            case int():
                found = f"{_items(found)}[{way + 1}]"
            case Pick():
                held = f"JSON_EXTRACT_STRING(x, {literal(_path(way.names))}) = {literal(way.equals)}"
                found = f"LIST_FILTER({_items(found)}, lambda x: {held})[1]"
    return f"(CASE WHEN JSON_VALID({text}) THEN JSON_EXTRACT_STRING({found}, {literal(str(end))}) END)"


def _joined(steps: tuple[Step, ...]) -> Iterator[str | int | Pick]:
    """Names side by side are one path; a path ends it, and begins it where the list is what was given."""
    names: list[str] = []
    for number, step in enumerate(steps):
        if isinstance(step, str):
            names.append(step)
            continue
        if names or not number:
            yield _path(names)
        yield step
        names = []
    yield _path(names)


def _path(names: list[str] | tuple[str, ...]) -> str:
    return "$" + "".join(f'."{name}"' for name in names)


def _items(found: str) -> str:
    each = "CASE WHEN JSON_TYPE(p) = 'ARRAY' THEN JSON_EXTRACT(p, '$[*]') ELSE [p] END"
    return f"LIST_TRANSFORM([{found}], lambda p: {each})[1]"


def _step(found: re.Match[str], path: str) -> Step:
    if found["item"] is not None:
        return int(found["item"])
    if found["field"] is not None:
        return Pick(tuple(_bare(name) for name in re.findall(_NAME, found["field"])), _bare(found["equals"]))
    if found["name"].isdigit():
        listed = f"[{found['name']}]"
        way = f"{path[: found.start()].rstrip('.')}{listed}{path[found.end() :]}"
        raise ValueError(
            f"an item of a list is '{listed}', counted from 0: '{way}'; a field of that name stands in double quotes"
        )
    return _bare(found["name"])


def _bare(written: str) -> str:
    return written[1:-1] if written.startswith('"') else written
