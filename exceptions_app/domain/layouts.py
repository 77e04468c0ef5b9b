"""The columns of the queue as a person keeps them: their own, and those chosen within colleagues' views.

Kept as one text: the own codes between commas, then for each such view `;number:density:codes`. Does not know which
columns there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Chosen:
    """Columns in order, as codes between commas, and how dense the rows are; empty: not chosen."""

    columns: str = ""
    density: str = ""


@dataclass(frozen=True, slots=True)
class Layouts:
    """`within`: by the number of a colleague's view."""

    own: str = ""
    within: Mapping[int, Chosen] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Layouts:
        own, *others = text.split(";")
        within = {}
        for each in others:
            number, _, chosen = each.partition(":")
            density, _, columns = chosen.partition(":")
            within[int(number)] = Chosen(columns, density)
        return cls(own, within)

    def in_view(self, number: int, chosen: Chosen) -> Layouts:
        """With another choice in a colleague's view; an empty one: as its owner has it."""
        others = {view: each for view, each in self.within.items() if view != number}
        return replace(self, within=others | ({} if chosen == Chosen() else {number: chosen}))

    def __str__(self) -> str:
        others = (f"{view}:{each.density}:{each.columns}" for view, each in self.within.items())
        return ";".join((self.own, *others))
