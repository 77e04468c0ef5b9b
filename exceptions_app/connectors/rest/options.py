"""What the `rest` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from exceptions_app.catalog.schema import Duration, SecretRef, Shape

AuthType = Literal["none", "api_key", "basic", "bearer", "oauth2"]

_NEEDED: dict[AuthType, tuple[str, ...]] = {
    "none": (),
    "api_key": ("value",),
    "basic": ("username", "password"),
    "bearer": ("token",),
    "oauth2": ("token_url", "client_id", "client_secret"),
}


class RestAuth(Shape):
    """How the system knows us. Each `type` needs its own fields; secrets are references."""

    type: AuthType = "none"
    header: str = Field("X-API-Key", description="api_key: the header that carries the key")
    value: SecretRef | None = Field(None, description="api_key: the key")
    username: str | None = Field(None, description="basic: the user")
    password: SecretRef | None = Field(None, description="basic: the password")
    token: SecretRef | None = Field(None, description="bearer: the token")
    token_url: str | None = Field(
        None, description="oauth2: where tokens are issued; relative to base_url, or env:NAME"
    )
    client_id: SecretRef | None = Field(None, description="oauth2: client credentials, the client")
    client_secret: SecretRef | None = Field(None, description="oauth2: client credentials, its secret")
    scope: str | None = Field(None, description="oauth2: the scope asked for")

    @model_validator(mode="after")
    def _complete(self) -> RestAuth:
        missing = [name for name in _NEEDED[self.type] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"auth of type {self.type} also needs {', '.join(missing)}")
        return self


class RestConnection(Shape):
    """Where a system answers, and how it is asked. No request ever goes to another host than these name."""

    base_url: str = Field(min_length=1, description="https://…, or env:NAME; paths of feeds are appended")
    auth: RestAuth = Field(default_factory=lambda: RestAuth.model_validate({}))
    timeout: Duration = Field(
        timedelta(seconds=30), description="for connecting, and between two pieces of an answer"
    )
    tries: int = Field(5, ge=1, le=20, description="attempts of one request that fails for a passing reason")
    rate_per_second: float = Field(0, ge=0, description="at most so many requests a second; 0: no limit")
    headers: dict[str, str] = Field(
        default_factory=dict, description="sent with every request; no secrets here"
    )


class RestPaging(Shape):
    """How the next page is asked for. Every way ends, or refuses to go on, when the source repeats itself."""

    type: Literal["none", "next_link", "cursor", "page", "offset"] = "none"
    field: str | None = Field(
        None, description="next_link, cursor: where the body holds the next one; page, offset: total"
    )
    param: str | None = Field(None, description="the parameter that carries cursor, page number or offset")
    size_param: str | None = Field(None, description="the parameter that carries the page size")
    size: int = Field(500, ge=1, le=100_000, description="rows asked for per page, where size_param is given")
    start: int = Field(1, ge=0, description="page: the number of the first page")

    @property
    def next_field(self) -> str:
        return self.field or ("@odata.nextLink" if self.type == "next_link" else "next_cursor")

    @property
    def next_param(self) -> str:
        return self.param or {"page": "page", "offset": "offset"}.get(self.type, "cursor")


class RestWatermark(Shape):
    """How changed rows are asked for. The mark never passes the start of the read, whatever a row claims."""

    param: str = Field(description="the parameter that carries the condition, e.g. $filter or updated_since")
    template: str = Field("{watermark}", description="its value; {watermark} is replaced")
    field: str = Field(description="the field of a row that says when it changed (dots for nested)")
    format: Literal["timestamp", "date", "number"] = Field(
        "timestamp", description="how field and parameter are written"
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
        return self


class RestKeys(Shape):
    """The list of all keys, for feeds of mode keys_and_changes. `records` and `paging` are the feed's own."""

    path: str | None = Field(None, description="default: the feed's path")
    params: dict[str, str] = Field(
        default_factory=dict, description="e.g. $select to ask for the key columns only"
    )


class RestOne(Shape):
    """Asking again for the rows of one key. `{column}` stands for a canonical column of the record."""

    path: str | None = Field(None, description="default: the feed's path; values are percent-encoded")
    params: dict[str, str] = Field(default_factory=dict, description="sent with the request")
    records: str | None = Field(None, description="default: the feed's; an object there is the one row")


class RestRead(Shape):
    """What one feed reads."""

    path: str = Field(description="appended to base_url")
    params: dict[str, str] = Field(default_factory=dict, description="sent with the first page of every read")
    records: str = Field(
        "", description="where the body holds the list of rows (dots for nested); empty: the body is it"
    )
    paging: RestPaging = Field(default_factory=lambda: RestPaging.model_validate({}))
    watermark: RestWatermark | None = None
    keys: RestKeys | None = None
    one: RestOne | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> RestRead:
        if self.watermark and self.watermark.param in self.params:
            raise ValueError(
                f"{self.watermark.param} is both a parameter and the watermark's: put both into its template"
            )
        if "://" in self.path or self.path.startswith("//"):
            raise ValueError("path is a path below base_url, not an address")
        return self
