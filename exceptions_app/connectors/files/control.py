"""What a file says of itself at its end: how many rows it holds, and what one column adds up to.

A file whose count or total disagrees was delivered by halves, or changed on its way: nothing of it is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from exceptions_app.domain.wording import plural

from ..base import FeedContentError
from ..columnar import ColumnRows
from .values import comma_number

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")


class Control:
    """Counts the rows of one file and adds up `column` (None: nothing to add). `comma`: decimal commas are used.

    A row that could not be read counts; after one, the total cannot be known and is not compared.
    """

    def __init__(self, name: str, column: str | None, *, comma: bool = False) -> None:
        self._name = name
        self._column = column
        self._comma = comma
        self._total: Decimal | None = Decimal(0)
        self.count = 0

    def add(self, values: Mapping[str, Any] | None) -> None:
        """One row; None for one that could not be read."""
        self.count += 1
        if self._column is None or self._total is None:
            return
        found = None if values is None else self._number(values.get(self._column))
        self._total = None if found is None else self._total + found

    def add_columns(self, rows: ColumnRows) -> None:
        """Many rows at once."""
        if self._column is None or self._column not in rows.names:
            self.count += len(rows)
            return
        for text in rows.columns.column(1 + rows.names.index(self._column)).to_pylist():
            self.add({self._column: text})

    def check_count(self, said: Any, where: str, who: str) -> None:
        """Raises FeedContentError where `said` is not the number of rows. `who` said it."""
        text = "" if said is None else str(said).strip()
        if not text.isdigit() or int(text) != self.count:
            message = f"{who} says {text.lstrip('0') or text or 'nothing'}, the file holds {plural(self.count, 'row')}"
            raise FeedContentError(message, where, f"as many rows as {who} says")

    def check_total(self, said: Any, where: str, who: str, decimals: int = 0) -> None:
        """Raises FeedContentError where `said` is not the sum. `decimals`: so many digits stand after a point that
        is not written.
        """
        wanted = self._number("" if said is None else said)
        if wanted is not None and decimals:
            wanted = wanted.scaleb(-decimals)
        if wanted is None or (self._total is not None and wanted != self._total):
            total = "" if self._total is None else f", {self._column!r} of the rows adds up to {self._total}"
            shown = str("" if said is None else said).strip() if wanted is None else wanted
            message = f"{who} says {shown or 'nothing'}{total}"
            raise FeedContentError(message, where, f"the total that {who} says")

    def _number(self, value: Any) -> Decimal | None:
        """An exact number, as files write them; nothing adds nothing."""
        if value is None:
            return Decimal(0)
        text = str(value).strip()
        if self._comma and (found := comma_number(text, whole=True)) is not None:
            return Decimal(found)
        text = (
            text.replace(",", "")
            if re.fullmatch(r"[^,]*[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?[-)]?", text)
            else text
        )
        negative = (text.startswith("(") and text.endswith(")")) or text.endswith("-")
        bare = text.strip("()").removesuffix("-").strip()
        if not _NUMBER.fullmatch(bare):
            return None
        return -Decimal(bare) if negative else Decimal(bare)
