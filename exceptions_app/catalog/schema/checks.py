"""Checks: what is compared, within what tolerance, and which category it raises. One kind, one module."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from .balance import AllocationCheck, BalanceCheck
from .clusters import DuplicateCheck, HierarchyCheck, SimilarCheck
from .match import MatchCheck
from .messages import MessagesCheck


def _which(value: Any) -> str:
    """`match` where a check does not say what kind it is."""
    kind = value.get("kind", "match") if isinstance(value, dict) else getattr(value, "kind", "")
    return str(kind)


Check = Annotated[
    Annotated[MatchCheck, Tag("match")]
    | Annotated[BalanceCheck, Tag("balance")]
    | Annotated[AllocationCheck, Tag("allocation")]
    | Annotated[MessagesCheck, Tag("messages")]
    | Annotated[DuplicateCheck, Tag("duplicate")]
    | Annotated[SimilarCheck, Tag("similar")]
    | Annotated[HierarchyCheck, Tag("hierarchy")],
    Discriminator(_which),
]
