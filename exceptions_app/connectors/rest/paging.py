"""Turns a list into pages of rows, however a source pages. What goes in circles or never ends is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base import FeedContentError
from .bodies import Body
from .more import left_out, next_link
from .options import RestPaging
from .seen import Seen

_CONTENT_RANGE = re.compile(r"^\s*\S*?\s*(?:(\d+)-(\d+)|\*)\s*/\s*(\d+|\*)\s*$")


@dataclass(frozen=True, slots=True)
class Step:
    """What one page is asked with. `url`: a whole address that the source gave; `fields`: what the body names."""

    url: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """One page: where it stood, its rows as given, whether a row repeats a key, whether it is the last."""

    where: str
    rows: list[Any]
    repeats: bool
    last: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    unchanged: bool = False
    """The source says that it is what it was, and gave no rows."""


Ask = Callable[[Step, str], tuple[Body, str]]
"""Asks for a page; gives the body and the address that answered."""
Follow = Callable[[str, str, str], str]


@dataclass(frozen=True, slots=True)
class Walk:
    """How one list is read. `begin`: the address of its first page, where that is not the feed's own."""

    ask: Ask
    follow: Follow
    paging: RestPaging
    label: str
    begin: str | None = None
    begin_as_given: bool = False
    """`begin` is asked as it is, without size and order: a mark of the source's own."""

    def pages(self) -> Iterator[Batch]:
        """Every page in order. Raises FeedContentError where an answer is not what was agreed."""
        match self.paging.type:
            case "none":
                body, _ = self.ask(Step(self.begin), self._where(1))
                yield from self._ended(body, self._where(1))
            case "page" | "offset":
                yield from self._counted()
            case "range":
                yield from self._ranged()
            case _:
                yield from self._linked()

    def _linked(self) -> Iterator[Batch]:
        fixed = {} if self.begin and self.begin_as_given else self.paging.fixed
        step, seen, pages = Step(self.begin, fixed, fields=self._size()), set[str](), Seen()
        for number in self._numbers():
            where = self._where(number)
            body, url = self.ask(step, where)
            pages.look_at(body.rows, number, where, "")
            following = self._following(body, where)
            if following is None:
                yield from self._ended(body, where) if number == 1 else [_batch(body, where, last=True)]
                return
            yield _batch(body, where, last=False)
            if str(following) in seen:
                raise FeedContentError("the next page is one already read", where, "an end")
            seen.add(str(following))
            step = self._next(step, following, url, where)

    def _ended(self, body: Body, where: str) -> Iterator[Batch]:
        """The last page of a list. Raises FeedContentError after it where it says itself that there are more rows."""
        more = left_out(self.paging, body.value, body.records)
        yield _batch(body, where, last=more is None)
        if more is not None:
            raise FeedContentError(more, where, "paging that finds them")

    def _next(self, step: Step, following: str | int, url: str, where: str) -> Step:
        if self.paging.type != "cursor":
            return Step(self.follow(str(following), url, where))
        if self.paging.place == "body":
            return Step(step.url, step.params, fields={**step.fields, "cursor": following})
        return Step(
            step.url, {**self.paging.fixed, self.paging.next_param: str(following)}, fields=step.fields
        )

    def _following(self, body: Body, where: str) -> str | int | None:
        """The next link or cursor; None at the end."""
        if self.paging.type == "link_header":
            return next_link(body.headers.get(self.paging.header or "link", "")) or None
        if self.paging.header:
            told = body.headers.get(self.paging.header, "").strip()
            return None if told.lower() in ("", "null", "none") else told
        found = next((value for path in self.paging.links if (value := body.at(path))), None)
        if isinstance(found, str | int) and not isinstance(found, bool):
            return found
        if found in (None, False):
            return None
        said = f"{self.paging.links[0]} is {type(found).__name__}"
        raise FeedContentError(said, where, "the next page, or nothing")

    def _counted(self) -> Iterator[Batch]:
        """Page numbers or offsets, until a page is empty or the total is reached.

        A source may give fewer rows a page than it was asked for, so a short page is not the end. Where rows
        are lines inside orders, it pages by orders: counting lines would step over some and end too early.
        """
        read, rows, pages = 0, 0, Seen()
        for number in self._numbers():
            where = self._where(number)
            place = self.paging.first + (read if self.paging.type == "offset" else number - 1)
            body, _ = self.ask(self._numbered(place), where)
            pages.look_at(body.rows, number, where, f"; the source ignores {self.paging.next_param}")
            read, rows = read + body.items, rows + len(body.rows)
            total = self._total(body, where)
            if not body.items and rows != total:  # a source may also tell how many lines there are
                _refuse_short(read, total, where)
            last = not body.items or (total is not None and read >= total)
            yield from [_batch(body, where, last=last)] if body.items else self._ended(body, where)
            if last:
                return

    def _numbered(self, place: int) -> Step:
        if self.paging.place == "body":
            return Step(self.begin, self.paging.fixed, fields={**self._size(), self.paging.type: place})
        return Step(self.begin, {**self.paging.fixed, self.paging.next_param: str(place)})

    def _ranged(self) -> Iterator[Batch]:
        """`Range: items=0-499`, and what `Content-Range` says of it."""
        read, pages = 0, Seen()
        for number in self._numbers():
            where = self._where(number)
            unit = f"{self.paging.unit}=" if self.paging.unit else ""
            asked = {self.paging.next_param: f"{unit}{read}-{read + self.paging.size - 1}"}
            body, _ = self.ask(Step(self.begin, self.paging.fixed, asked), where)
            if body.status == 416:
                yield Batch(where, [], False, last=True, headers=body.headers)
                return
            pages.look_at(body.rows, number, where, f"; the source ignores {self.paging.next_param}")
            first, total, partial = self._content_range(body, where)
            if partial and body.items and first != read:
                raise FeedContentError(
                    f"it gave rows from {first}, not from {read}", where, "the rows asked for"
                )
            read += body.items
            if not body.items:
                _refuse_short(read, total, where)
            last = not body.items or not partial or (total is not None and read >= total)
            yield _batch(body, where, last=last)
            if last:
                return

    def _content_range(self, body: Body, where: str) -> tuple[int, int | None, bool]:
        """Where its rows begin, how many there are in all, and whether it is only a part."""
        told = body.headers.get(self.paging.header or "content-range", "")
        found = _CONTENT_RANGE.match(told)
        if found is None:
            if body.status == 206:
                message = f"a part without a usable Content-Range ({told!r})"
                raise FeedContentError(message, where, "Content-Range: items 0-499/1234")
            return 0, None, False
        total = None if found[3] == "*" else int(found[3])
        return int(found[1] or 0), total, True

    def _total(self, body: Body, where: str) -> int | None:
        if self.paging.header:
            told: Any = body.headers.get(self.paging.header, "")
            told = int(told) if told.strip().isdigit() else told
            name = self.paging.header
        elif self.paging.field:
            told, name = body.at(self.paging.field), self.paging.field
            told = int(told) if isinstance(told, str) and told.isdigit() else told
        else:
            return None
        if isinstance(told, int) and not isinstance(told, bool):
            return told
        if body.silent and told in (None, ""):
            return None
        raise FeedContentError(f"{name} is {told!r}", where, "the total number of rows")

    def _size(self) -> dict[str, Any]:
        return {"size": self.paging.size} if self.paging.place == "body" else {}

    def _numbers(self) -> Iterator[int]:
        yield from range(1, self.paging.most_pages + 1)
        raise FeedContentError(
            f"{self.paging.most_pages:,} pages and no end",
            self._where(self.paging.most_pages),
            "an end; where the list is that long, a larger paging.size or paging.most_pages",
        )

    def _where(self, number: int) -> str:
        return f"{self.label} page {number}"


def _batch(body: Body, where: str, *, last: bool) -> Batch:
    return Batch(where, body.rows, body.repeats, last, body.headers, unchanged=body.status == 304)


def _refuse_short(read: int, total: int | None, where: str) -> None:
    if total is not None and read < total:
        message = f"it says that there are {total} rows, and gave {read}"
        raise FeedContentError(
            message, where, "all of them; was the order of the rows asked for (paging.order)?"
        )
