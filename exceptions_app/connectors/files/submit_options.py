"""What a write over the `files` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from exceptions_app.catalog.schema import Interval, Shape

from ..exact_xml import parse_xml
from ..separators import one_character
from .options import Encoding, Inside

KEY = "{idempotency_key}"
FILE, STEM = "file", "stem"
"""What stands for the name of the file that is put, with and without its ending."""
Scalar = str | int | bool


def _names_the_file(text: str) -> str:
    if not any(place in text for place in (KEY, f"{{{FILE}}}", f"{{{STEM}}}")):
        raise ValueError(f"expected {{{FILE}}}, {{{STEM}}} or {KEY} in it: it belongs to one file")
    return text


OfTheFile = Annotated[Inside, AfterValidator(_names_the_file)]


class FilesJob(Shape):
    """How it is known what became of a file. Each place is below `root`; `{file}` and `{stem}` stand for its name with
    and without its ending, and `*` in the last part for anything.
    """

    taken: OfTheFile | None = Field(
        None, description="where the system puts a file that it has read: archive/{file}"
    )
    errors: OfTheFile | None = Field(None, description="where it puts one that it refuses: errors/{file}")
    reason: OfTheFile | None = Field(
        None, description="a file that says why it is refused: errors/{stem}.log"
    )
    ack: OfTheFile | None = Field(None, description="a file that it answers with: acks/{stem}.ack")
    state: str | None = Field(
        None,
        description="where the answer, JSON or XML, says how it stands; default: the words anywhere in it",
    )
    done: list[str] = Field(
        default_factory=list, description="what it says of one that was taken; default: anything"
    )
    failed: list[str] = Field(default_factory=list, description="what it says of one that was refused")
    message: str | None = Field(None, description="where it says why; default: its whole text")
    gone: Literal["wait", "done"] = Field(
        "wait", description="a file that is nowhere any more: something is still to be heard, or it was taken"
    )
    every: Interval = Field(timedelta(seconds=30), description="how often it is looked for")
    longest: Interval = Field(timedelta(hours=24), description="longer than this is not waited")

    @model_validator(mode="after")
    def _can_be_told(self) -> FilesJob:
        if self.taken is None and self.ack is None and self.gone == "wait":
            raise ValueError("nothing says that a file was taken: name taken or ack, or say gone: done")
        if self.ack is None and (self.state or self.done or self.failed or self.message):
            raise ValueError("ack is missing: state, done, failed and message say what stands in it")
        if both := {word.casefold() for word in self.done} & {word.casefold() for word in self.failed}:
            raise ValueError(f"{', '.join(sorted(both))} is both done and failed")
        if self.every <= timedelta(0):
            raise ValueError("every must be longer than nothing")
        return self


class FilesSubmit(Shape):
    """The file that makes the write: written under a temporary name, then renamed."""

    folder: Inside = Field("", description="below root; it must be there")
    name: str = Field(description="the file's name, with {idempotency_key} in it")
    format: Literal["csv", "json", "xml", "text"] = Field("csv", description="how the body is written")
    body: Any = Field(
        description="csv: column -> value, or a list of such rows; json: any value; xml, text: a text"
    )
    encoding: Encoding = Field(
        "utf-8", description="csv, xml, text: a value that it cannot write is not sent"
    )
    delimiter: str = Field(",", min_length=1, description="csv: one character, or tab")
    header: bool = Field(True, description="csv: the first line names the columns")
    quote: Literal["needed", "all"] = Field("needed", description="csv: which values stand in quotes")
    line_end: Literal["lf", "crlf"] = Field("lf", description="csv, text: how a line ends")
    temporary: OfTheFile = Field(
        "{file}.part", description="its name while it is written, in the same folder"
    )
    ready: OfTheFile | None = Field(
        None, description="an empty file put beside it afterwards: {file}.done, {stem}.ok"
    )
    job: FilesJob | None = Field(
        None,
        description="how it is known what became of it; default: once it is there, it counts as accepted",
    )

    @field_validator("delimiter")
    @classmethod
    def _separates(cls, text: str) -> str:
        return one_character(text)

    @model_validator(mode="after")
    def _fits(self) -> FilesSubmit:
        if KEY not in self.name:
            raise ValueError(f"name needs {KEY}: only so is a second try of one write not a second file")
        for option in ("name", "temporary", "ready"):
            if "/" in (getattr(self, option) or ""):
                raise ValueError(f"{option} is a name in the folder, without '/'")
        if self.temporary in (f"{{{FILE}}}", self.ready):
            raise ValueError("temporary must differ from the file's own name and from ready")
        self._body_fits()
        return self

    def _body_fits(self) -> None:
        if self.format in ("xml", "text") and not isinstance(self.body, str):
            raise ValueError(f"a body of format {self.format} is a text")
        if self.format == "xml":
            try:
                parse_xml(re.sub(r"\{[a-z][a-z0-9_]*\}", "x", self.body).strip().encode())
            except ValueError as error:
                raise ValueError(f"the body is no XML: {error}") from None
        if self.format != "csv":
            return
        rows = self.rows
        if not rows or not all(isinstance(row, dict) and row for row in rows):
            raise ValueError("a body of format csv is a mapping of columns to values, or a list of such rows")
        if any(list(row) != list(rows[0]) for row in rows):
            raise ValueError("the rows of a csv body have the same columns, in the same order")
        if not all(isinstance(value, Scalar) for row in rows for value in row.values()):
            raise ValueError("a value of a csv body is a text, a number, true or false")

    @property
    def rows(self) -> list[Any]:
        """csv: its rows."""
        return self.body if isinstance(self.body, list) else [self.body]


class FilesReadBack(Shape):
    """Whether a file has arrived: it is looked for where it was put, and where `submit.job` says it goes."""

    nowhere: Literal["unknown", "absent"] = Field(
        "unknown",
        description="a file that is nowhere: nobody can tell, or it has never come and may be put again",
    )
