"""How the next page of a list is asked for, as integrators write it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from exceptions_app.catalog.schema import Shape

PagingType = Literal["none", "next_link", "odata", "link_header", "cursor", "page", "offset", "range"]
_PARAMS = {"page": "page", "offset": "offset", "odata": "$skiptoken", "range": "Range"}


class RestPaging(Shape):
    """How the next page is asked for. Every way ends, or refuses to go on, when the source repeats itself."""

    type: PagingType = "none"
    field: str | None = Field(
        None, description="next_link, cursor: where the body holds the next one; page, offset: total"
    )
    header: str | None = Field(
        None, description="the header that holds it instead: the next cursor or link, or the total"
    )
    param: str | None = Field(None, description="the parameter that carries cursor, page number or offset")
    place: Literal["query", "body"] = Field(
        "query", description="body: it is sent where the body says {cursor}, {page}, {offset} or {size}"
    )
    size_param: str | None = Field(None, description="the parameter that carries the page size")
    size: int = Field(500, ge=1, le=100_000, description="rows asked for per page, where size_param is given")
    start: int = Field(
        1, ge=0, description="page: the number of the first page; offset: of the first row (0)"
    )
    order: str | None = Field(
        None, description="asked for with every page, so that none is lost between them: modifiedAt,id"
    )
    order_param: str | None = Field(None, description="the parameter that carries order ($orderby for odata)")
    unit: str = Field("items", description="range: the unit, as in items=0-499; empty: none is written")
    most_pages: int = Field(10_000, ge=1, description="a list of more pages never ends: it is broken off")

    @model_validator(mode="after")
    def _fits(self) -> RestPaging:
        if self.order and not (self.order_param or self.type == "odata"):
            raise ValueError("order_param is missing: the parameter that carries the order, such as sort")
        if self.place == "body" and self.type not in ("cursor", "page", "offset"):
            raise ValueError("place: body is for cursor, page and offset")
        return self

    @property
    def links(self) -> tuple[str, ...]:
        """Where the body may hold the next link or cursor."""
        if self.field:
            return (self.field,)
        match self.type:
            case "odata":
                return ("@odata.nextLink", "odata.nextLink", "d.__next")
            case "next_link":
                return ("@odata.nextLink",)
            case _:
                return ("next_cursor",)

    @property
    def next_param(self) -> str:
        return self.param or _PARAMS.get(self.type, "cursor")

    @property
    def first(self) -> int:
        """The number of the first page, or of the first row."""
        return self.start if self.type == "page" or "start" in self.model_fields_set else 0

    @property
    def fixed(self) -> dict[str, str]:
        """What is asked for with every page: its size and order."""
        size = self.size_param or (
            "$top" if self.type == "odata" and "size" in self.model_fields_set else None
        )
        asked = {size: str(self.size)} if size and self.place == "query" else {}
        order = self.order_param or "$orderby"
        return {**asked, order: self.order} if self.order else asked
