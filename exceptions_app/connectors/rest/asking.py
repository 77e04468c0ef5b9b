"""How each request of a feed is put together from its options: address, parameters, headers, body.

Knows no answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

from ..base import FeedContentError, TransportError
from ..exact_json import dump, parse
from .masking import without_digits
from .options import RestRead
from .paging import Step
from .templates import UnfitValueError, entries, in_path, in_xml, text, value
from .transport import Call

_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
_ACCEPTED = {
    "json": "application/json, */*;q=0.1",
    "ndjson": "application/x-ndjson, application/json;q=0.9, */*;q=0.1",
    "xml": "application/xml, text/xml;q=0.9, */*;q=0.1",
    "csv": "text/csv, */*;q=0.1",
}
_NOT_YET: Mapping[str, Any] = {"watermark": None, "cursor": None, "page": None, "offset": None, "size": None}


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked: the feed's rows, all its keys, or one record. `fields`: what `{…}` stands for."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    method: str = "GET"
    fine: frozenset[int] = frozenset()


class Requests:
    """The requests of one feed. `address_of` gives the address of a path."""

    def __init__(self, read: RestRead, address_of: Callable[[str], str], label: str) -> None:
        self._read, self._address_of, self._label = read, address_of, label
        self._ids = count(1)

    def call(self, part: Part, step: Step) -> Call:
        """One request. An address that the source gave is fetched as it is."""
        headers = {
            "Accept": _ACCEPTED[self._read.format],
            **self._read.headers,
            **part.headers,
            **step.headers,
        }
        if step.url is not None:
            return Call(step.url, params=step.params, headers=headers, fine=part.fine)
        fields = {**_NOT_YET, **part.fields, **step.fields}
        try:
            url = self._address_of(text(part.path, fields, in_path))
            content = self._content(part, fields)
        except UnfitValueError as error:
            raise TransportError(str(error), permanent=True, where=self._label) from None
        if content is not None:
            headers = {"Content-Type": _TYPES[self._read.body_format], **headers}
        rpc = self._read.json_rpc is not None
        return Call(
            url, part.method, {**part.params, **step.params}, headers, content, part.fine,
            self._judge if rpc else None,
        )  # fmt: skip

    def _content(self, part: Part, fields: Mapping[str, Any]) -> bytes | None:
        if self._read.json_rpc is not None:
            return self._procedure(part.body, fields)
        if part.body is None:
            return None
        match self._read.body_format:
            case "json":
                return dump(value(part.body, fields)).encode()
            case "form":
                return urlencode(list(entries(part.body, fields))).encode()
            case "xml":
                return text(part.body, fields, in_xml).encode()
            case "text":
                return text(part.body, fields).encode()

    def _procedure(self, params: Any, fields: Mapping[str, Any]) -> bytes:
        rpc = self._read.json_rpc
        if rpc is None:
            raise ValueError("no JSON-RPC")
        call: dict[str, Any] = {"jsonrpc": "2.0"} if rpc.version == "2.0" else {}
        call |= {"method": rpc.method, "id": next(self._ids)}
        if params is not None:
            call["params"] = value(params, fields)
        elif rpc.version == "1.0":
            call["params"] = []
        return dump(call).encode()

    def _judge(self, content: bytes, where: str) -> None:
        """Raise what an error object says. Its code tells whether it passes."""
        try:
            answer = parse(content.decode("utf-8-sig")).value
        except (UnicodeDecodeError, ValueError):
            return  # whoever reads the rows says what it is instead
        if not isinstance(answer, dict):
            raise FeedContentError("the answer is no JSON-RPC", where, "an object with result or error")
        error = answer.get("error")
        if error is not None:
            raise self._error(error, where)
        if "result" not in answer:
            raise FeedContentError("the answer has neither result nor error", where, "a JSON-RPC answer")

    def _error(self, error: Any, where: str) -> TransportError:
        rpc = self._read.json_rpc
        code, told = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
        transient = rpc is not None and code in rpc.transient
        said = f"JSON-RPC error {'' if code is None else code}".strip()
        return TransportError(
            f"{said}: {without_digits(str(told))}", permanent=not transient, where=where, answered=True
        )
