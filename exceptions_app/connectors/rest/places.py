"""Finds the rows in an answer: a list, one object or a map, at a path that may lead through lists.

Knows no HTTP; raises ValueError saying what should stand there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..exact_json import RepeatingObject, find

Shape = Literal["list", "object", "map"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows are. `lenient`: one element where a list was meant is a list of one, as XML writes it."""

    path: str = ""
    shape: Shape = "list"
    map_key: str = "key"
    inherit: Mapping[str, str] = field(default_factory=dict)
    lenient: bool = False
    single: bool = False
    """An object where a list was meant is the one row."""

    def rows(self, value: Any) -> list[Any]:
        """The rows in order; a field that is inherited stands in each, unless the row has it itself."""
        found: list[Any] = []
        for held, around in self._walk(value, self.path, ()):
            if held is None and len(around) > 1:
                continue  # an object that has none
            found += [self._with_inherited(row, around) for row in self._these(held)]
        return found

    def outer(self, value: Any) -> int | None:
        """How many items the first list on the way holds; None where the rows are in no such item."""
        head, through, _ = self.path.partition("[]")
        held = self._step(value, head) if through else None
        return None if not through else 0 if held is None else len(self._list(held, head))

    def _walk(self, value: Any, path: str, around: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
        """What stands at the path, and the objects on the way there, outermost first."""
        head, through, rest = path.partition("[]")
        held = self._step(value, head)
        around = (*around, value)
        if not through:
            yield held, around
        elif held is not None or len(around) == 1:
            for item in self._list(held, head):
                yield from self._walk(item, rest.lstrip("."), around)

    def _step(self, value: Any, path: str) -> Any:
        """What stands there. In XML an element that is there may hold none of what is looked for."""
        held = find(value, path) if path else value
        if held is None and self.lenient and _stands(value, path.rpartition(".")[0]):
            return []
        return held

    def _list(self, held: Any, path: str) -> list[Any]:
        if isinstance(held, list):
            return held
        if self.lenient and held is not None:
            return [held]
        raise ValueError(f"a list at {path!r}, to go through")

    def _these(self, held: Any) -> list[Any]:
        match self.shape:
            case "object" if isinstance(held, dict):
                return [held]
            case "map" if isinstance(held, dict):
                return [self._named(name, item) for name, item in held.items()]
            case "list" if isinstance(held, list):
                return held
            case "list" if self.lenient and held is not None:
                return [held]
            case "list" if self.single and isinstance(held, dict):
                return [held]
        raise ValueError(self.wanted)

    def _named(self, name: str, item: Any) -> Any:
        return {self.map_key: name, **item} if isinstance(item, dict) else {self.map_key: name, "value": item}

    def _with_inherited(self, row: Any, around: tuple[Any, ...]) -> Any:
        if not self.inherit or not isinstance(row, dict) or isinstance(row, RepeatingObject):
            return row
        return {**{name: _innermost(around, path) for name, path in self.inherit.items()}, **row}

    @property
    def kind(self) -> str:
        """What holds the rows: a list, say."""
        return {"list": "list", "object": "object", "map": "map"}[self.shape]

    @property
    def wanted(self) -> str:
        """What must stand there, for an error message."""
        what = {"list": "a list", "object": "an object", "map": "an object of names"}[self.shape]
        return f"{what} at {self.path!r}" if self.path else what


def _innermost(around: tuple[Any, ...], path: str) -> Any:
    for held in reversed(around):
        value = find(held, path)
        if value is not None:
            return value
    return None


def _stands(value: Any, path: str) -> bool:
    """Whether an element of this name is there, though empty."""
    above, _, name = path.rpartition(".")
    held = find(value, above)
    return not path or (isinstance(held, dict) and name in held)
