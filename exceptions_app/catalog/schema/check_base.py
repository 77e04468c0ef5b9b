"""What every kind of check says of itself, and how its rows stand side by side on screen."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from pydantic import Field

from .base import Code, Name, Shape
from .storm import Storm


class CompareRow(Shape):
    """One line of the side-by-side on screen: the same fact as each side says it."""

    label: str
    format: Literal["text", "number", "quantity", "money", "price", "date", "timestamp"] = "text"
    comparable: bool = Field(default=True, description="false: may differ without being wrong, never marked")
    cells: dict[Name, Name] = Field(description="side -> its column")


class BaseCheck(Shape):
    code: Code
    title: str
    flow: Code
    description: str = ""
    enabled: bool = True
    storm: Storm | None = Field(default_factory=Storm, description="when a run is held; null: never")

    @property
    @abstractmethod
    def categories(self) -> list[str]:
        """What the check raises, in its order."""

    @property
    def compared_in_full(self) -> bool:
        """Whether a run must look at all records: what a change concerns cannot be told from its key."""
        return False
