"""The ways in which an answer says that there are no rows, other than an empty list.

Must not take silence for an answer: a place that holds nothing may also be a wrong place. So somebody says so, or the
source itself does, by a total of 0 beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from ..exact_json import find
from .more import beside, is_told
from .paging_options import RestPaging

Word = Literal["204", "blank", "null", "absent", "object", "list", "text"]

_TOTALS = frozenset(("count", "itemcount", "itemscount", "listcount", "numberofelements", "numfound", "numresults",
                     "odatacount", "recordcount", "recordscount", "resultcount", "resultscount", "rowcount",
                     "rowscount", "total", "totalcount", "totalelements", "totalhits", "totalitems", "totalnumber",
                     "totalrecords", "totalresults", "totalrows"))  # fmt: skip
_FAULTS = frozenset(("error", "errors", "exception", "fault", "faults"))
_HOLLOW: tuple[tuple[type, Word], ...] = ((dict, "object"), (list, "list"), (str, "text"))


def _word(written: Any) -> Any:
    """YAML reads 204 as a number and null as nothing."""
    return "null" if written is None else str(written) if type(written) is int else written


Empty = Annotated[Word, BeforeValidator(_word)]


@dataclass(frozen=True, slots=True)
class Silence:
    """What one feed takes for no rows."""

    words: frozenset[Word] = frozenset({"204"})
    paging: RestPaging | None = None
    rooted: bool = False
    """The first name must stand there in any case: the root of an XML document."""

    def without_body(self, status: int, content: bytes) -> bool:
        """Whether an answer without any body says so."""
        return not content.strip() and ("204" if status == 204 else "blank") in self.words

    def holds(self, value: Any, path: str, headers: Mapping[str, str]) -> bool:
        """Whether what stands where the rows should be says so: by itself, or by the total beside it."""
        stands = self.stands(value, path)
        return stands is not None and (stands in self.words or self._none_in_all(value, path, headers))

    def stands(self, value: Any, path: str) -> Word | None:
        """What stands there instead of rows; None: something that says nothing of the kind."""
        path = path.partition("[]")[0]
        root = path.partition(".")[0]
        if self.rooted and not (isinstance(value, dict) and root in value):
            return None
        return _stands(value, path)

    def _none_in_all(self, value: Any, path: str, headers: Mapping[str, str]) -> bool:
        told = list(beside(value, path.partition("[]")[0]))
        if any(_plain(name) in _FAULTS and held not in (None, "", [], {}, False) for name, held in told):
            return False
        paging = self.paging
        if paging is not None and paging.type in ("page", "offset"):
            if paging.header:
                return _zero(headers.get(paging.header, ""))
            if paging.field:
                return _zero(find(value, paging.field))
        return any(_plain(name) in _TOTALS and _zero(held) for name, held in told)


def _stands(value: Any, path: str) -> Word | None:
    steps = path.split(".") if path and not (isinstance(value, dict) and path in value) else [path]
    for depth in range(1, len(steps) + 1):
        at = ".".join(steps[:depth])
        held = find(value, at)
        if held is None:
            return "null" if not at or is_told(value, at) else "absent" if _open(value, at) else None
        if depth == len(steps):
            return next((word for kind, word in _HOLLOW if isinstance(held, kind) and not held), None)
    return None


def _open(value: Any, path: str) -> bool:
    """Whether a name could stand there: what is around it is an object."""
    return isinstance(find(value, path.rpartition(".")[0]), dict)


def _plain(path: str) -> str:
    return re.sub(r"[^a-z]", "", path.rpartition(".")[2].lower())


def _zero(told: Any) -> bool:
    return not isinstance(told, bool) and str(told).strip() == "0"
