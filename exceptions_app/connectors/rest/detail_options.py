"""How further requests are made for each row of a list, as integrators write it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from exceptions_app.catalog.schema import Shape


class RestDetail(Shape):
    """One further request for each row of the list. `{field}` stands for a field of the row."""

    path: str = Field(description="below base_url; values are percent-encoded")
    params: dict[str, str] = Field(default_factory=dict)
    records: str = Field("", description="where its answer holds them; empty: the answer is it")
    shape: Literal["object", "list"] = Field(
        "object", description="what stands there: one object; or a list, each item of which becomes a row"
    )
    into: str | None = Field(
        None, description="the field that gets the object or item; default: its fields join the row's"
    )
    concurrency: int = Field(4, ge=1, le=32, description="so many at once")
    missing: Literal["reject", "skip", "keep"] = Field(
        "reject", description="404: the row is refused, left out, or kept as the list gave it"
    )

    @model_validator(mode="after")
    def _of_the_row(self) -> RestDetail:
        if "{" not in self.path and not any("{" in value for value in self.params.values()):
            raise ValueError("path or params must name a field of the row, such as /orders/{id}")
        return self
