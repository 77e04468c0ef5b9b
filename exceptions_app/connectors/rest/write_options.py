"""What a write over the `rest` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from exceptions_app.catalog.schema import Shape

from .header_names import HEADER, checked
from .plain_path import plain_path

Format = Literal["json", "form", "xml", "text"]

_OWN = frozenset(
    {
        "authorization", "connection", "content-length", "host", "idempotency-key", "traceparent",
        "transfer-encoding", "x-correlation-id",
    }
)  # fmt: skip
"""Headers that we write ourselves; secrets belong into the connection's auth."""


class _Request(Shape):
    """One request. `{field}` stands for a field of the operation; `{idempotency_key}` and `{correlation_id}` too."""

    path: str = Field(description="appended to base_url; values are percent-encoded")
    query: dict[str, str] = Field(default_factory=dict, description="an absent optional field is left out")
    headers: dict[str, str] = Field(default_factory=dict, description="no secrets here")
    format: Format = Field("json", description="how the body is written")
    body: Any = Field(None, description="json: any value; form: names and values; xml, text: a text")

    @field_validator("headers")
    @classmethod
    def _allowed(cls, headers: dict[str, str]) -> dict[str, str]:
        return checked(headers, _OWN)

    @field_validator("path")
    @classmethod
    def _stays_here(cls, path: str) -> str:
        return plain_path(path)

    @model_validator(mode="after")
    def _body_fits(self) -> _Request:
        if self.format in ("xml", "text") and not isinstance(self.body, str):
            raise ValueError(f"a body of format {self.format} is a text")
        scalars = str | int | bool
        if self.format == "form" and not (
            isinstance(self.body, dict) and all(isinstance(item, scalars) for item in self.body.values())
        ):
            raise ValueError("a body of format form is a mapping of names to texts")
        return self


class RestSubmit(_Request):
    """The request that makes the write."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    idempotency_header: str | None = Field(
        "Idempotency-Key", description="the header that carries the key; null: none"
    )
    success: str | None = Field(
        None, description="a text that the answer to a success holds; without it nobody knows what came of it"
    )

    @field_validator("idempotency_header")
    @classmethod
    def _header(cls, name: str | None) -> str | None:
        if name is not None and (not HEADER.match(name) or name.lower() in _OWN - {"idempotency-key"}):
            raise ValueError(f"{name!r} cannot carry the key; expected the name of a header")
        return name


class RestFound(Shape):
    """What the answer says when the write has arrived."""

    rows: str | None = Field(None, description="where the body holds a list: one fitting row is enough")
    path: str = Field("", description="dots for nested; empty: the body, or a row, itself")
    equals: str | None = Field(
        None, description="what stands there then, e.g. {status}; default: anything but nothing"
    )


class RestReadBack(_Request):
    """The request that shows whether a write has arrived. It must change nothing."""

    method: Literal["GET", "POST"] = "GET"
    found: RestFound | None = Field(None, description="default: a 2xx answer says so")
    absent: list[int] = Field([404, 410], description="statuses that say: it has not arrived")
