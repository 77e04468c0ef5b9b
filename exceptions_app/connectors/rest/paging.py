"""Turns an address into pages of rows, however a source pages. What goes in circles is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from ..base import FeedContentError
from ..exact_json import Parsed, RepeatingObject, find, parse
from .masking import masked
from .options import RestPaging


class Answer(Protocol):
    """What paging needs of an HTTP response."""

    @property
    def content(self) -> bytes: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """One page: where it stood, its rows as given, whether a row repeats a key, whether it is the last."""

    where: str
    rows: list[Any]
    repeats: bool
    last: bool


Get = Callable[[str, Mapping[str, str], str], Answer]
Follow = Callable[[str, str, str], str]


@dataclass(frozen=True, slots=True)
class Walk:
    """How one list is read: where the body holds its rows, how the next page is asked for."""

    get: Get
    follow: Follow
    records: str
    paging: RestPaging
    label: str
    single: bool = False
    """An object where the list should be is the one row."""

    def pages(self, url: str, params: Mapping[str, str]) -> Iterator[Batch]:
        """Every page in order. Raises FeedContentError where an answer is not what was agreed."""
        match self.paging.type:
            case "none":
                yield self._batch(self._ask(url, params, 1), 1, last=True)
            case "next_link" | "cursor":
                yield from self._linked(url, params)
            case _:
                yield from self._counted(url, params)

    def _linked(self, url: str, params: Mapping[str, str]) -> Iterator[Batch]:
        current, query = url, {**params, **self._size()}
        seen: set[str] = set()
        number = 1
        while True:
            body = self._ask(current, query, number)
            following = find(body.value, self.paging.next_field) if isinstance(body.value, dict) else None
            yield self._batch(body, number, last=not following)
            if not following:
                return
            text = str(following)
            if text in seen:
                raise FeedContentError("the next page is one already read", self._where(number), "an end")
            seen.add(text)
            if self.paging.type == "next_link":
                current, query = self.follow(text, current, self._where(number)), {}
            else:
                query = {**params, **self._size(), self.paging.next_param: text}
            number += 1

    def _counted(self, url: str, params: Mapping[str, str]) -> Iterator[Batch]:
        """Page numbers or offsets, until a page is empty or the total is reached.

        A source may give fewer rows a page than it was asked for, so a short page is not the end.
        """
        read, number, before = 0, 1, b""
        while True:
            place = read if self.paging.type == "offset" else self.paging.start + number - 1
            body = self._ask(url, {**params, **self._size(), self.paging.next_param: str(place)}, number)
            rows = self._rows(body, number)
            digest = sha256(repr(rows).encode()).digest()
            if rows and digest == before:
                raise FeedContentError(
                    f"page {number} is page {number - 1} again; the source ignores {self.paging.next_param}",
                    self._where(number),
                    "the page asked for",
                )
            before, read = digest, read + len(rows)
            last = not rows or read >= self._total(body, number, read + 1)
            yield Batch(self._where(number), rows, body.repeats, last)
            if last:
                return
            number += 1

    def _total(self, body: Parsed, number: int, unknown: int) -> int:
        if not self.paging.field:
            return unknown
        total = find(body.value, self.paging.field)
        if isinstance(total, int) and not isinstance(total, bool):
            return total
        raise FeedContentError(
            f"{self.paging.field} is {total!r}", self._where(number), "the total number of rows"
        )

    def _size(self) -> dict[str, str]:
        return {self.paging.size_param: str(self.paging.size)} if self.paging.size_param else {}

    def _ask(self, url: str, params: Mapping[str, str], number: int) -> Parsed:
        where = self._where(number)
        answer = self.get(url, params, where)
        kind = answer.headers.get("content-type", "no content type").split(";")[0]
        try:
            text = answer.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            byte = answer.content[error.start]
            raise FeedContentError(
                f"byte 0x{byte:02X} at {error.start} is not UTF-8", where, "JSON in UTF-8"
            ) from None
        try:
            return parse(text)
        except ValueError as error:
            message = f"the answer is not JSON ({kind}; {error}): {masked(text)}"
            raise FeedContentError(message, where, "JSON") from None

    def _rows(self, body: Parsed, number: int) -> list[Any]:
        if isinstance(body.value, RepeatingObject):
            raise FeedContentError(
                f"the answer says {body.value.key!r} twice", self._where(number), "each key once"
            )
        rows = find(body.value, self.records)
        if isinstance(rows, list):
            return rows
        if self.single and isinstance(rows, dict):
            return [rows]
        found = (
            ", ".join(map(repr, list(body.value)[:8]))
            if isinstance(body.value, dict)
            else type(body.value).__name__
        )
        wanted = f"a list at {self.records!r}" if self.records else "a list"
        raise FeedContentError(
            f"no list of rows; the answer holds {found or 'nothing'}", self._where(number), wanted
        )

    def _batch(self, body: Parsed, number: int, *, last: bool) -> Batch:
        return Batch(self._where(number), self._rows(body, number), body.repeats, last)

    def _where(self, number: int) -> str:
        return f"{self.label} page {number}"
