"""What an accepted expression is made of: typed nodes. Knows neither parser nor SQL dialects.

Numbers carry how many digits they can have, so that a sum or a product is written wide enough never to
overflow: one absurd row must not stop a check. DECIMAL holds 38 digits; where a result could have more,
decimals are cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

WIDEST = 38
EPOCHS: dict[str, int] = {"epoch": 1_000_000, "epoch_ms": 1_000}
"""Patterns of times that count since 1970 -> how many microseconds one is."""
_FEWEST_DECIMALS = 2


class ExpressionError(Exception):
    """Why an expression is refused. `column` counts characters from 1, 0 where the place cannot be told."""

    def __init__(self, message: str, column: int = 0, suggestion: str = "") -> None:
        self.message, self.column, self.suggestion = message, column, suggestion
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"column {self.column}: {self.message}" if self.column else self.message
        return f"{text}; did you mean {self.suggestion}?" if self.suggestion else text


@dataclass(frozen=True, slots=True)
class Kind:
    """A value's type; for numbers also the digits before the point and after it."""

    name: str
    digits: int = 0
    scale: int = 0

    @property
    def is_number(self) -> bool:
        return self.name in ("integer", "decimal")

    @property
    def width(self) -> int:
        return self.digits + self.scale

    @property
    def sql(self) -> str:
        """The SQL type that holds it."""
        return f"DECIMAL({self.width}, {self.scale})" if self.is_number else SQL_TYPES[self.name]


SQL_TYPES = {
    "text": "STRING",
    "integer": "BIGINT",
    "decimal": "DECIMAL(18, 4)",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "boolean": "BOOLEAN",
}
TEXT, DATE, TIMESTAMP, BOOLEAN, UNKNOWN = (
    Kind(n) for n in ("text", "date", "timestamp", "boolean", "unknown")
)
INTEGER, DECIMAL = Kind("integer", 18, 0), Kind("decimal", 14, 4)
COUNT = Kind("integer", 12, 0)
_BY_NAME = {
    "text": TEXT, "integer": INTEGER, "decimal": DECIMAL, "money": DECIMAL, "quantity": DECIMAL,
    "date": DATE, "timestamp": TIMESTAMP, "boolean": BOOLEAN, "unknown": UNKNOWN,
}  # fmt: skip


MOST_DECIMALS = 10


def decimal_of(scale: int, width: int = 18) -> Kind:
    """A decimal of so many digits in all, `scale` of them behind the point. Raises `ExpressionError`."""
    if scale > min(MOST_DECIMALS, width) or not 1 <= width <= 28:
        said = f"a decimal has 1 to 28 digits, of them at most {MOST_DECIMALS} decimals"
        raise ExpressionError(said, suggestion="decimal(18, 6)")
    return Kind("decimal", width - scale, scale)


def kind_of(declared: str | Kind) -> Kind:
    """The kind of a declared column type; money and quantity are decimals."""
    return declared if isinstance(declared, Kind) else _BY_NAME[declared]


@dataclass(frozen=True, slots=True)
class Node:
    """An operation over typed arguments; `value` is what a leaf holds (a literal, a column, a parameter)."""

    op: str
    kind: Kind
    args: tuple[Node, ...] = ()
    value: Any = None

    @property
    def depth(self) -> int:
        """How many operations stand inside each other."""
        depth, level = 0, [self]
        while level:
            depth, level = depth + 1, [argument for node in level for argument in node.args]
        return depth

    def walk(self) -> Iterator[Node]:
        """The node and everything below it."""
        yield self
        for argument in self.args:
            yield from argument.walk()


def _cut(digits: int, scale: int) -> Kind:
    return Kind("decimal", digits, min(scale, WIDEST - digits))


def common(left: Kind, right: Kind) -> Kind | None:
    """The kind that holds both; None when they do not go together."""
    if right in (left, UNKNOWN):
        return left
    if left == UNKNOWN:
        return right
    if not (left.is_number and right.is_number):
        return None
    digits, scale = max(left.digits, right.digits), max(left.scale, right.scale)
    return Kind("integer", digits) if left.name == right.name == "integer" else _cut(digits, scale)


def total(left: Kind, right: Kind) -> Kind:
    """The kind of a sum or difference: one digit more than the longer one."""
    both = common(left, right) or left
    if both.digits >= WIDEST - min(_FEWEST_DECIMALS, both.scale):
        raise ExpressionError("the result may have more than 38 digits")
    return Kind("integer", both.digits + 1) if both.name == "integer" else _cut(both.digits + 1, both.scale)


def factors(left: Kind, right: Kind) -> tuple[Kind, Kind]:
    """What the two sides of a product are cast to, so that it fits 38 digits. Raises `ExpressionError`."""
    spare = WIDEST - left.digits - right.digits
    if spare < min(_FEWEST_DECIMALS, left.scale + right.scale) or spare < 0:
        raise ExpressionError("the product may have more than 38 digits; multiply at most two columns")
    scales = [left.scale, right.scale]
    while sum(scales) > spare:
        scales[scales.index(max(scales))] -= 1
    return Kind(left.name, left.digits, scales[0]), Kind(right.name, right.digits, scales[1])


def product(left: Kind, right: Kind) -> Kind:
    """The kind of a product of two sides that were cast to `factors`."""
    name = "integer" if left.name == right.name == "integer" else "decimal"
    return Kind(name, left.digits + right.digits, left.scale + right.scale)


def joined(op: str, parts: Sequence[Node]) -> Node:
    """Conditions joined by AND or OR, halved again and again: a thousand of them are ten deep."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return Node(op, BOOLEAN, (joined(op, parts[:half]), joined(op, parts[half:])))
