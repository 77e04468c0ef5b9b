"""What an expression may name in a certain place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .expression_tree import Kind


@dataclass(frozen=True)
class Scope:
    """What an expression may name.

    `columns` are written as in the expression, `quantity` or `order.quantity`; None means any bare name, as
    text (a feed's raw row). `functions` are allowed beside `CORE`. `pairs` are the check's, for
    `allowed()`.
    """

    columns: Mapping[str, str | Kind] | None
    functions: frozenset[str] = frozenset()
    sides: frozenset[str] = frozenset()
    pairs: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


def column_of(node: Any) -> int:
    """The character (from 1) where a node begins, as far as sqlglot kept it; 0 where it did not."""
    starts = [part.meta["start"] + 1 for part in node.walk() if "start" in part.meta]
    return min(starts, default=0)
