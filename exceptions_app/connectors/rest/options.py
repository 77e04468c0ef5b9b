"""What one feed over the `rest` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from exceptions_app.catalog.schema import Duration, Shape, TimeZone

from ..separators import one_character
from .bulk_options import RestBulk
from .connection_options import RestConnection
from .delta_options import RestDelta
from .detail_options import RestDetail
from .header_names import checked
from .paging_options import RestPaging
from .plain_path import plain_path
from .silence import Empty

__all__ = [
    "RestBulk",
    "RestConnection",
    "RestDelta",
    "RestDetail",
    "RestKeys",
    "RestOne",
    "RestPaging",
    "RestRead",
    "RestWatermark",
]

Kind = Literal["decimal", "integer", "text", "date", "timestamp", "epoch", "epoch_ms"]
_OWN = frozenset({"authorization", "host", "content-length", "transfer-encoding", "range", "if-none-match"})


class RestWatermark(Shape):
    """How changed rows are asked for. The mark never passes the start of the read, whatever a row claims."""

    place: Literal["query", "header", "path", "body"] = Field(
        "query", description="where the condition goes: param's value, or {watermark} in the path or the body"
    )
    param: str | None = Field(None, description="query, header: its name, e.g. $filter or updated_since")
    template: str = Field("{watermark}", description="the condition; {watermark} is replaced")
    encode: Literal["none", "base64", "base64url"] = Field(
        "none", description="how the finished condition is written"
    )
    field: str = Field(description="the field of a row that says when it changed (dots for nested)")
    format: Literal["timestamp", "date", "number"] = Field("timestamp", description="what kind of mark it is")
    written: str = Field(
        "iso", description="how {watermark} is written: iso, epoch, epoch_ms, or a pattern such as %Y%m%d"
    )
    zone: TimeZone = Field(
        "UTC", description="the zone of times that name none, read or written by a pattern"
    )
    overlap: Duration = Field(
        timedelta(seconds=60), description="read again so far back, for what committed late"
    )
    initial: str | None = Field(
        None, description="the first read starts here; default: without the condition"
    )
    ordered: bool = Field(
        False, description="the source sorts by field: each page read is kept, even when a later one fails"
    )

    @model_validator(mode="after")
    def _has_place(self) -> RestWatermark:
        if "{watermark}" not in self.template:
            raise ValueError("template must contain {watermark}")
        if self.place in ("query", "header") and not self.param:
            raise ValueError(f"param is missing: the name of what carries the condition in the {self.place}")
        if self.place == "path" and self.initial is None:
            raise ValueError("initial is missing: a path cannot be asked without its condition")
        if self.written not in ("iso", "epoch", "epoch_ms") and "%" not in self.written:
            raise ValueError("written is iso, epoch, epoch_ms or a pattern such as %Y-%m-%d %H:%M:%S")
        return self


class RestRpc(Shape):
    """The call is JSON-RPC: the feed's `body` holds its parameters, `records` leads on from its result."""

    method: str = Field(min_length=1, description="the procedure")
    version: Literal["2.0", "1.0"] = "2.0"
    transient: list[int] = Field(
        [-32603, -32000], description="error codes that pass; any other is wrong until somebody changes it"
    )


class RestKeys(Shape):
    """The list of all keys, for feeds of mode keys_and_changes. `records` and `paging` are the feed's own."""

    path: str | None = Field(None, description="default: the feed's path")
    params: dict[str, str] = Field(
        default_factory=dict, description="e.g. $select to ask for the key columns only"
    )
    body: Any = Field(None, description="sent by the feed's method; json_rpc: the parameters")


class RestOne(Shape):
    """Asking again for the rows of one key. `{column}` stands for a canonical column of the record."""

    path: str | None = Field(None, description="default: the feed's path; values are percent-encoded")
    params: dict[str, str] = Field(default_factory=dict, description="sent with the request")
    body: Any = Field(None, description="sent by the feed's method; json_rpc: the parameters")
    records: str | None = Field(None, description="default: the feed's; an object there is the one row")


class RestExpected(Shape):
    """What a good answer says, where failures come as 200 too."""

    path: str = Field(description="where to look in the answer; dots for nested")
    equals: str | None = Field(None, description="what stands there; default: nothing at all may stand there")
    message: str | None = Field(None, description="where the answer says what went wrong")


class RestRead(Shape):
    """What one feed reads."""

    path: str = Field(description="appended to base_url")
    method: Literal["GET", "POST"] = Field("GET", description="POST: a search; it must change nothing")
    params: dict[str, str] = Field(default_factory=dict, description="sent with the first page of every read")
    headers: dict[str, str] = Field(default_factory=dict, description="no secrets here")
    body: Any = Field(None, description="POST: what is sent; {watermark} and paging's places are replaced")
    body_format: Literal["json", "form", "xml", "text"] = Field("json", description="how body is written")
    json_rpc: RestRpc | None = None
    bulk: RestBulk | None = Field(None, description="the rows are made by a job: submit, poll, download")
    format: Literal["json", "ndjson", "xml", "csv"] = Field("json", description="how the answer is written")
    delimiter: str = Field(",", min_length=1, description="csv: one character, or tab")
    records: str = Field(
        "", description="where the body holds the rows: dots for nested, [] goes through a list"
    )
    shape: Literal["list", "object", "map"] = Field(
        "list", description="what stands there: rows, the one row, or names with a row each"
    )
    map_key: str = Field("key", description="map: the field that gets the name")
    inherit: dict[str, str] = Field(
        default_factory=dict, description="field -> path in the objects around a row, innermost first"
    )
    types: dict[str, Kind] = Field(
        default_factory=dict, description="objects of this one name are a value: {__decimal__: decimal}"
    )
    may_lack: list[str] = Field(
        default_factory=list, description="fields that rows without a value leave out: they are empty then"
    )
    expected: RestExpected | None = None
    empty: list[Empty] = Field(
        ["204"], description="what says that there are no rows: 204, blank, null, absent, object, list, text"
    )
    conditional: bool = Field(False, description="ask whether it changed at all (ETag, Last-Modified)")
    read_ahead: bool = Field(True, description="ask for the next page while this one is stored")
    store_at_once: int = Field(
        5000, ge=1, description="about so many rows of small pages are stored together"
    )
    paging: RestPaging = Field(default_factory=lambda: RestPaging.model_validate({}))
    watermark: RestWatermark | None = None
    delta: RestDelta | None = Field(
        None, description="instead: the source says itself where the next read begins"
    )
    detail: RestDetail | None = None
    keys: RestKeys | None = None
    one: RestOne | None = None

    @field_validator("path")
    @classmethod
    def _stays_here(cls, path: str) -> str:
        return plain_path(path)

    @field_validator("headers")
    @classmethod
    def _allowed(cls, headers: dict[str, str]) -> dict[str, str]:
        return checked(headers, _OWN)

    @field_validator("delimiter")
    @classmethod
    def _separates(cls, text: str) -> str:
        return one_character(text)

    @property
    def posts(self) -> bool:
        return self.method == "POST" or self.json_rpc is not None

    @model_validator(mode="after")
    def _fits(self) -> RestRead:
        mark = self.watermark
        if mark and mark.place == "query" and mark.param in self.params:
            raise ValueError(
                f"{mark.param} is both a parameter and the watermark's: put both into its template"
            )
        self._watermark_stands_somewhere()
        self._delta_fits()
        if self.body is not None and self.bulk:
            raise ValueError("what submits a bulk job stands under bulk: move body there")
        if self.body is not None and not self.posts:
            raise ValueError("a body is sent by POST: add method: POST")
        if self.json_rpc and (self.body_format != "json" or self.format != "json"):
            raise ValueError("json_rpc is JSON both ways: leave format and body_format out")
        if self.body_format in ("xml", "text") and not isinstance(self.body, str | None):
            raise ValueError(f"a body of body_format {self.body_format} is a text")
        if self.body_format == "form" and not isinstance(self.body, dict | None):
            raise ValueError("a body of body_format form is a mapping of names to texts")
        if self.conditional and (self.paging.type != "none" or self.posts or self.bulk or self.detail):
            raise ValueError(
                "conditional asks about one answer: it cannot be combined with paging, detail, bulk or POST"
            )
        return self

    def _watermark_stands_somewhere(self) -> None:
        mark = self.watermark
        if mark is None:
            return
        places = {"path": self.path, "body": _text(self.body) + (_text(self.bulk.body) if self.bulk else "")}
        if mark.place in places and "{watermark}" not in places[mark.place]:
            raise ValueError(f"the {mark.place} must contain {{watermark}}, the place of the condition")
        alone = re.sub(r'"\{watermark\}"', "", places["body"])
        if mark.place == "body" and mark.initial is None and "{watermark}" in alone:
            raise ValueError("initial is missing: without it, {watermark} must stand alone in the body")
        if mark.place == "path" and self.bulk:
            raise ValueError("a bulk job is told the watermark in its query, header or body")

    def _delta_fits(self) -> None:
        delta = self.delta
        if delta is None:
            return
        if self.watermark or self.conditional or self.bulk:
            raise ValueError(
                "delta says where a read begins: it cannot be combined with watermark, conditional or bulk"
            )
        if delta.place == "body" and "{watermark}" not in _text(self.body):
            raise ValueError("the body must contain {watermark}, the place of delta's token")
        whole = delta.param is None and delta.place == "query"
        if whole and self.paging.type in ("page", "offset", "range"):
            raise ValueError(f"a delta link is no beginning for paging {self.paging.type}; name delta.param")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
