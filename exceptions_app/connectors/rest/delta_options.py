"""How a source says at the end of a list where the next read begins, as integrators write it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from exceptions_app.catalog.schema import Shape


class RestDelta(Shape):
    """The source gives a link or a token with its last page, and all that changed since it when asked with that."""

    field: str = Field("@odata.deltaLink", description="where the body of the last page holds link or token")
    header: str | None = Field(None, description="the header that holds it instead")
    param: str | None = Field(
        None, description="the parameter that carries a token, e.g. syncToken; default: it is a whole address"
    )
    place: Literal["query", "body"] = Field(
        "query", description="body: a token is sent where the body says {watermark}"
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> RestDelta:
        if self.place == "body" and self.param is not None:
            raise ValueError("place: body has no param; {watermark} in the body says where the token belongs")
        return self
