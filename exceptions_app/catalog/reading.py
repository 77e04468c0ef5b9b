"""Reads YAML into plain values that remember their file and line.

Scalars follow YAML 1.2's core: `yes`, `on` and `no` are text, `007` keeps its zeros, `08:30` is not a number
and dates stay text until the schema reads them. A key that stands twice is refused, and so is an alias that
contains itself. Knows nothing of what the values mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from .problems import CatalogError, Place, Problem


class Block(dict[str, Any]):
    """A mapping with the place of each key."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}


class Items(list[Any]):
    """A list with the place of each item."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: list[Place] = []


class _Core(yaml.CSafeLoader):
    """PyYAML's parser with the scalar rules of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|True|false|False)$"), list("tTfF"))
_Core.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_Core.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(0|[1-9]\d*)$"), list("-0123456789"))
_Core.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^-?(0|[1-9]\d*)\.\d+$"), list("-0123456789")
)


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "bool":
            return text.lower() == "true"
        case "null":
            return None
        case "int":
            return int(text)
        case "float":
            return Decimal(text)
        case _:
            return text


def _refuse(place: Place, path: str, message: str, expected: str) -> CatalogError:
    return CatalogError([Problem(place.file, place.line, path, message, expected)])


def _value(node: yaml.Node, file: str, above: tuple[int, ...] = ()) -> Any:
    place = Place(file, node.start_mark.line + 1)
    if id(node) in above:
        raise _refuse(place, "(alias)", "an alias contains itself", "plain values")
    inside = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        block = Block(place)
        for key_node, value_node in node.value:
            key_place = Place(file, key_node.start_mark.line + 1)
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refuse(key_place, "(key)", "a key must be plain text", "a key such as 'code:'")
            key = str(key_node.value)
            if key in block:
                raise _refuse(
                    key_place,
                    key,
                    f"the key '{key}' stands twice",
                    f"it once; first on line {block.places[key].line}",
                )
            block[key] = _value(value_node, file, inside)
            block.places[key] = key_place
        return block
    if isinstance(node, yaml.SequenceNode):
        items = Items(place)
        for child in node.value:
            items.append(_value(child, file, inside))
            items.places.append(Place(file, child.start_mark.line + 1))
        return items
    return _scalar(node) if isinstance(node, yaml.ScalarNode) else None


def read_yaml(path: Path, shown: str | None = None) -> Block:
    """One file as a `Block`; an empty file is an empty block. Raises `CatalogError` with the place."""
    file = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(
            Place(file, 1), "(file)", f"not UTF-8 text at byte {error.start}", "a YAML file in UTF-8"
        ) from error
    except OSError as error:
        raise _refuse(
            Place(file, 1), "(file)", f"cannot be read: {error.strerror}", "a readable file"
        ) from error
    return read_text(text, file)


def read_text(text: str, file: str) -> Block:
    """A text as a `Block`, as if it stood in a file of that name. Raises `CatalogError` with the place."""
    try:
        loader = _Core(text)
        try:
            node = loader.get_single_node()
            value = Block(Place(file, 1)) if node is None else _value(node, file)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise _refuse(
            Place(file, line), "(file)", f"not YAML: {error.problem or error.context}", "well-formed YAML"
        ) from error
    except yaml.YAMLError as error:
        raise _refuse(Place(file, 1), "(file)", f"not YAML: {error}", "well-formed YAML") from error
    except RecursionError as error:
        raise _refuse(Place(file, 1), "(file)", "nested too deeply", "a configuration") from error
    if not isinstance(value, Block):
        raise _refuse(Place(file, 1), "(file)", "not a mapping", "sections such as 'systems:' and 'feeds:'")
    return value


def place_of(value: Any, path: Sequence[str | int]) -> tuple[Place | None, list[str | int]]:
    """The nearest known place for a path inside `value`, and the path's parts that exist in the file."""
    place = getattr(value, "place", None)
    seen: list[str | int] = []
    for part in path:
        if isinstance(value, Block) and part in value:
            place, value = value.places[str(part)], value[str(part)]
            seen.append(part)
        elif isinstance(value, Items) and isinstance(part, int) and part < len(value):
            place, value = value.places[part], value[part]
            seen.append(part)
    return place, seen


def overlay(base: Block, change: Block) -> None:
    """Write `change` over `base`, deeply through mappings; lists and scalars are replaced. Places follow."""
    for key, value in change.items():
        if isinstance(value, Block) and isinstance(base.get(key), Block):
            overlay(base[key], value)
        else:
            base[key] = value
            base.places[key] = change.places[key]
