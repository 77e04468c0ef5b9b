"""CAST: what may become what, and which literals could never be what they are cast to."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from sqlglot import exp

from .expression_nodes import CASTS
from .expression_tree import ExpressionError, Kind, Node, decimal_of, kind_of

MADE_OF = {
    "integer": ("text", "integer", "decimal"),
    "decimal": ("text", "integer", "decimal"),
    "date": ("text", "date", "timestamp"),
    "timestamp": ("text", "date", "timestamp"),
    "boolean": ("text", "boolean"),
}
_INSTEAD = {"boolean": "a comparison such as x <> 0", "date": "parse_date", "timestamp": "parse_timestamp"}
_LITERALS = {
    "integer": r"[+-]?[0-9]{1,18}",
    "decimal": r"[+-]?[0-9]{1,14}([.][0-9]{1,10})?",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "timestamp": r"[0-9]{4}(-[0-9]{2}){2}[T ][0-9]{2}(:[0-9]{2}){1,2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?",
    "boolean": r"(?i)true|false|yes|no|t|f|y|n|1|0",
}


def cast_to(node: exp.Cast, inner: Node) -> Node:
    """A CAST of `inner`. Raises `ExpressionError` where it could give nothing but NULL."""
    target = CASTS.get(node.to.this)
    if target is None or node.args.get("format"):
        raise ExpressionError("CAST goes to text, integer, decimal, date, timestamp or boolean")
    if node.to.expressions and target != "decimal":
        raise ExpressionError(f"CAST goes to {target} without a length", suggestion=f"CAST(… AS {target})")
    kind = _decimal(node.to.expressions) if node.to.expressions else kind_of(target)
    if target != "text" and inner.kind.name not in (*MADE_OF[target], "unknown"):
        said = f"CAST makes no {target} of {inner.kind.name}"
        raise ExpressionError(said, suggestion=_INSTEAD.get(target, "CASE WHEN x THEN 1 ELSE 0 END"))
    if inner.op == "literal" and inner.kind.name == "text" and target != "text":
        _judge_literal(str(inner.value), target)
    return Node("cast", kind, (inner,))


def _decimal(given: list[Any]) -> Kind:
    said = [str(part.this) for part in given]
    if len(said) == 2 and all(re.fullmatch("[0-9]{1,2}", part) for part in said):
        return decimal_of(int(said[1]), int(said[0]))
    raise ExpressionError("a decimal has digits and decimals", suggestion="decimal(18, 6)")


def _judge_literal(text: str, target: str) -> None:
    fits = re.fullmatch(_LITERALS[target], text)
    try:
        if fits and target == "date":
            date.fromisoformat(text)
        elif fits and target == "timestamp" and datetime.fromisoformat(text).tzinfo is None:
            raise ExpressionError(f"'{text}' has no zone", suggestion=f"'{text}Z'")
    except ValueError:
        fits = None
    if not fits:
        raise ExpressionError(f"'{text}' is not a {target}")
