"""What is wrong with a configuration, said so that a person can mend it. Knows no YAML and no schema."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class ConnectorModels:
    """The options a connector understands: those of a system's `connection`, those of a feed's `read`, and, where it
    can write, those of an operation's `submit` and `read_back`."""

    connection: type[BaseModel]
    read: type[BaseModel]
    submit: type[BaseModel] | None = None
    read_back: type[BaseModel] | None = None
    modes: frozenset[str] | None = None
    """The modes that its feeds can have; None: all of them."""
    together: Callable[[Any, Any], tuple[str, str] | None] | None = None
    """Judges a feed's `read` beside its system's `connection`: what is wrong and what was expected, or None."""
    places: tuple[str, ...] = ()
    """What the texts of a write may name beside the operation's fields."""

    def __iter__(self) -> Iterator[type[BaseModel]]:
        """All that there are."""
        found = (self.connection, self.read, self.submit, self.read_back)
        return (model for model in found if model is not None)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: a file and a line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend: where, at which path inside the file, what is wrong, what was expected or meant."""

    file: str
    line: int
    path: str
    message: str
    expected: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.path}: {self.message}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.suggestion:
            text += f"; did you mean {self.suggestion}?"
        return text


class CatalogError(Exception):
    """A configuration that cannot be used. Carries every problem that was found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def closest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, or an empty text when none is near."""
    words = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.55)
    return words[found[0]] if found else ""


def listing(words: Iterable[str], limit: int = 12) -> str:
    """`a, b, c`, cut after `limit` words, for the expected part of a problem."""
    ordered = sorted(words)
    if not ordered:
        return "one to be declared first (none is)"
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return "one of " + ", ".join(ordered[:limit]) + more
