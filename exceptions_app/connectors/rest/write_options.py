"""What a write over the `rest` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from exceptions_app.catalog.schema import Shape

from .bulk_options import JobOptions, apart
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


class RestJob(JobOptions):
    """Work that the system does later: how it is asked what came of it. Everything that it says and that is neither
    `done`, `failed` nor `transient` means that it is still at work.
    """

    answer: list[int] = Field([202], description="statuses of the submit's answer that name a job")
    state: str | None = Field(
        "state", description="where the job says how it stands; null: 202 means at work, any other 2xx done"
    )
    done: list[str] = Field(default_factory=list, description="what it says once it is done")
    transient: list[str] = Field(
        default_factory=list, description="what it says when it failed and may work later: it is sent again"
    )
    done_status: list[int] = Field(
        default_factory=list, description="statuses that say by themselves that it is done, such as 303"
    )
    failed_status: list[int] = Field(
        default_factory=list, description="statuses that say by themselves that it failed"
    )

    @model_validator(mode="after")
    def _fits(self) -> RestJob:
        if self.state is not None and not (self.done or self.done_status):
            raise ValueError("done is missing: what the job says at state once it is done")
        if self.state is None and (self.done or self.failed or self.transient):
            raise ValueError(
                "done, failed and transient are words that stand at state: say where, or leave them out"
            )
        apart(done=self.done, failed=self.failed, transient=self.transient)
        if both := set(self.done_status) & set(self.failed_status):
            raise ValueError(f"{', '.join(map(str, sorted(both)))} is both done_status and failed_status")
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
    job: RestJob | None = Field(
        None,
        description="where the system does it later: how it is asked what came of it; default: 202 is accepted",
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
