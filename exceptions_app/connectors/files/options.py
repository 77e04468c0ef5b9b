"""What the `files` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

import codecs
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from exceptions_app.catalog.schema import Duration, Shape


def _inside(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError("expected a name below root, without '..'")
    return text


def _known_encoding(text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise ValueError("expected an encoding such as utf-8, cp1252, latin-1 or utf-16") from None


_DELIMITERS = {"auto": "", "tab": "\t"}


def _delimiter(text: str) -> str:
    text = _DELIMITERS.get(text, text)
    if len(text) > 1 or text in {'"', "\n", "\r"}:
        raise ValueError("expected one character, 'tab' or 'auto'")
    return text


Inside = Annotated[str, AfterValidator(_inside)]


class FilesConnection(Shape):
    """Where files are dropped. Folders are below `root` and are made when first needed."""

    root: str = Field(
        min_length=1, description="a directory, an fsspec address such as sftp://host/out, or env:NAME"
    )
    archive: Inside = Field("archive", min_length=1, description="where files go once what they held is kept")
    errors: Inside = Field(
        "errors", min_length=1, description="where files go that could not be read as a whole"
    )
    settle: Duration = Field(
        timedelta(seconds=2), description="a file must have kept size and time for so long"
    )


class FilesTrailer(Shape):
    """The last record says how many there are; otherwise the file was delivered by halves and is not read."""

    first_field: str = Field("TRL", description="what its first field says")
    count_field: int = Field(2, ge=1, description="which field (from 1) holds the number of data rows")


class FilesRead(Shape):
    """What one feed reads."""

    pattern: Inside = Field(min_length=1, description="file names, with * and ?, e.g. receipts-*.csv")
    format: Literal["csv", "xlsx", "json", "ndjson"] = "csv"
    compression: Literal["auto", "none", "gzip"] = Field(
        "auto", description="auto: by what the file begins with"
    )
    encoding: Annotated[str, AfterValidator(_known_encoding)] = Field(
        "utf-8", description="a byte order mark wins over it"
    )
    delimiter: Annotated[str, AfterValidator(_delimiter)] = Field(
        "auto", description="csv: one character, tab or auto", validate_default=True
    )
    skip_rows: int = Field(0, ge=0, description="lines at the top that are titles, not data")
    header_row: int = Field(1, ge=1, description="which line holds the names, counted after skip_rows")
    no_header: list[str] = Field(
        default_factory=list, description="the names of the columns, where no line holds them"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="a name in the file -> the name the mapping uses"
    )
    required: list[str] = Field(default_factory=list, description="columns without which the file is refused")
    trailer: FilesTrailer | None = Field(None, description="csv, xlsx: how the last record counts the others")
    decimal_comma: bool | list[str] = Field(
        False, description="1.234,56 is a number: in the columns named, or wherever it looks so"
    )
    pad: dict[str, int] = Field(
        default_factory=dict, description="column -> width: digits that a spreadsheet robbed of leading zeros"
    )
    sheet: str | None = Field(None, description="xlsx: default the first sheet")
    records: str = Field(
        "", description="json: where the list of rows is (dots for nested); empty: the document is it"
    )
    keep: bool = Field(False, description="leave files in place; what was read is known by its content")
    take: Literal["all", "newest"] = Field(
        "all", description="newest: older files are passed over (dated full extracts)"
    )

    @model_validator(mode="after")
    def _fits(self) -> FilesRead:
        if self.trailer and self.format not in {"csv", "xlsx"}:
            raise ValueError(f"a {self.format} file has no trailer record")
        if len(set(self.no_header)) != len(self.no_header):
            raise ValueError("no_header names a column twice")
        return self
