"""What the `files` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

import codecs
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from exceptions_app.catalog.schema import Duration, Interval, SecretRef, Shape

from .date_forms import pattern_problem
from .foreign import SHIPPED, offered, told


def _inside(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError("expected a name below root, without '..'")
    return text


def _known_encoding(text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise ValueError("expected an encoding such as utf-8, cp1252, latin-1 or utf-16") from None


def _known_format(text: str) -> str:
    known = [*SHIPPED, *offered()]
    if text not in known:
        said = ", ".join(f"'{name}'" for name in known)
        raise PydanticCustomError("literal_error", "expected {expected}", {"expected": said})
    return text


_DELIMITERS = {"auto": "", "tab": "\t"}


def _delimiter(text: str) -> str:
    text = _DELIMITERS.get(text, text)
    if len(text) > 1 or text in {'"', "\n", "\r"}:
        raise ValueError("expected one character, 'tab' or 'auto'")
    return text


def _span(text: str) -> str:
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last)):
        raise ValueError("expected characters counted from 1, such as 11-18")
    return text


Span = Annotated[str, AfterValidator(_span)]
Inside = Annotated[str, AfterValidator(_inside)]
Encoding = Annotated[str, AfterValidator(_known_encoding)]


class FilesConnection(Shape):
    """Where files are dropped. Folders are below `root` and are made when first needed."""

    root: str = Field(
        min_length=1,
        description="a directory, sftp://host/out, s3://bucket/out, imaps://host/INBOX, or env:NAME with one of them",
    )
    archive: Inside = Field("archive", min_length=1, description="where files go once what they held is kept")
    errors: Inside = Field(
        "errors", min_length=1, description="where files go that could not be read as a whole"
    )
    settle: Duration = Field(
        timedelta(seconds=2), description="a file must have kept size and time for so long"
    )
    timeout: Interval = Field(
        timedelta(seconds=30), description="sftp, s3, imap: for connecting, and for each answer"
    )
    username: str | None = Field(None, description="sftp, imap: the user, or env:NAME")
    password: SecretRef | None = Field(None, description="sftp, imap: a secret")
    key: SecretRef | None = Field(None, description="sftp: the private key, a secret (file:/run/secrets/key)")
    passphrase: SecretRef | None = Field(None, description="sftp: what opens the private key, a secret")
    host_key: str | None = Field(
        None,
        description="sftp: the host's public key, as ssh-keyscan prints it (ssh-ed25519 AAAA…), or env:NAME",
    )
    access_key: SecretRef | None = Field(None, description="s3: the access key, a secret")
    secret_key: SecretRef | None = Field(None, description="s3: the secret key, a secret")
    endpoint: str | None = Field(None, description="s3: the store's address where it is not AWS, or env:NAME")
    region: str | None = Field(None, description="s3: the region")
    senders: list[str] = Field(
        default_factory=list, description="imap: only mail from these addresses or @domains is looked at"
    )


class FilesTrailer(Shape):
    """The last record says how many there are; otherwise the file was delivered by halves and is not read."""

    first_field: str = Field(
        "TRL", min_length=1, description="what its first field says, or how its line begins"
    )
    count_field: int = Field(2, ge=1, description="which field (from 1) holds the number of data rows")
    total_column: str | None = Field(None, description="the column whose total the trailer holds as well")
    total_field: int = Field(3, ge=1, description="which field (from 1) holds that total")
    total_decimals: int = Field(
        0, ge=0, le=6, description="digits after a point that the total does not write"
    )
    count_at: Span | None = Field(None, description="fixed: the characters that hold the number, e.g. 4-12")
    total_at: Span | None = Field(None, description="fixed: the characters that hold the total")


class FilesControl(Shape):
    """json, xml: where the document says how many rows it holds, and what a column adds up to."""

    count: str | None = Field(None, description="where the number of rows stands, dots for nested")
    total: str | None = Field(None, description="where the total stands")
    column: str | None = Field(None, description="the column that it is the total of")

    @model_validator(mode="after")
    def _whole(self) -> FilesControl:
        if not (self.count or self.total):
            raise ValueError("say where the count or the total stands")
        if (self.total is None) != (self.column is None):
            raise ValueError("total and column belong together")
        return self


class FixedColumn(Shape):
    """A column of a fixed-width line."""

    at: Span = Field(description="its characters, counted from 1: 11-18")
    decimals: int = Field(0, ge=0, le=6, description="so many digits stand after a point that is not written")


class FilesRead(Shape):
    """What one feed reads."""

    pattern: Inside = Field(min_length=1, description="file names, with * and ?, e.g. receipts-*.csv")
    format: Annotated[str, AfterValidator(_known_format)] = Field(
        "csv", description="how they are written; another package may bring more"
    )
    format_options: dict[str, Any] = Field(
        default_factory=dict, description="what a format of another package is told, by its own model"
    )
    compression: Literal["auto", "none", "gzip", "zip"] = Field(
        "auto", description="auto: by what the file begins with (a workbook is never taken for a zip)"
    )
    member: str = Field("*", min_length=1, description="zip: which of its files is read")
    ready: str | None = Field(
        None, description="a file beside that says that this one is whole: {name}.done or {stem}.ok"
    )
    encoding: Encoding = Field("utf-8", description="a byte order mark wins over it")
    delimiter: Annotated[str, AfterValidator(_delimiter)] = Field(
        "auto", description="csv: one character, tab or auto", validate_default=True
    )
    quotes: bool = Field(True, description="csv: false: a quote is a character like any other")
    skip_rows: int = Field(0, ge=0, description="lines at the top that are titles, not data")
    header_row: int = Field(1, ge=1, description="which line holds the names, counted after skip_rows")
    no_header: list[str] = Field(
        default_factory=list, description="the names of the columns, where no line holds them"
    )
    layout: dict[str, Span | FixedColumn] = Field(
        default_factory=dict, description="fixed: column -> its characters, counted from 1: 11-18"
    )
    starts: str | None = Field(None, description="fixed: only lines that begin so are rows")
    columns: dict[str, str] = Field(
        default_factory=dict, description="a name in the file -> the name the mapping uses"
    )
    required: list[str] = Field(default_factory=list, description="columns without which the file is refused")
    trailer: FilesTrailer | None = Field(
        None, description="csv, xlsx, fixed: how the last record counts the others"
    )
    control: FilesControl | None = Field(None, description="json, xml: where the document counts its rows")
    decimal_comma: bool | list[str] = Field(
        False, description="1.234,56 is a number: in the columns named, or wherever it looks so"
    )
    dates: dict[str, list[str]] = Field(
        default_factory=dict,
        description="column -> the forms its dates have, the first that fits: dd/mm/yyyy",
    )
    pad: dict[str, int] = Field(
        default_factory=dict, description="column -> width: digits that a spreadsheet robbed of leading zeros"
    )
    sheet: str | None = Field(None, description="xlsx: default the first sheet")
    records: str = Field(
        "", description="json, xml: where the rows are (dots for nested); empty: the document is the list"
    )
    transactions: list[str] = Field(
        default_factory=list, description="x12: the sets that are read, e.g. 850; others are passed over"
    )
    messages: list[str] = Field(
        default_factory=list, description="hl7: the messages that are read, e.g. MFN; others are passed over"
    )
    row: str | None = Field(
        None, description="x12, hl7: the segment that begins a row; default by set and message"
    )
    envelope: Literal["check", "ignore"] = Field(
        "check", description="x12, hl7: control numbers and counts that disagree refuse what they enclose"
    )
    keep: bool = Field(False, description="leave files in place; what was read is known by its content")
    take: Literal["all", "newest"] = Field(
        "all", description="newest: older files are passed over (dated full extracts)"
    )

    @property
    def own_names(self) -> list[str]:
        """The columns where the configuration names them, not the file."""
        return list(self.layout) or list(self.no_header)

    @model_validator(mode="after")
    def _fits(self) -> FilesRead:
        if self.trailer and self.format not in {"csv", "xlsx", "fixed"}:
            raise ValueError(f"a {self.format} file has no trailer record (json, xml: use control)")
        if self.control and self.format not in {"json", "xml"}:
            raise ValueError(f"control is for json and xml; a {self.format} file has a trailer")
        if self.ready is not None and not ("{name}" in self.ready or "{stem}" in self.ready):
            raise ValueError("ready needs {name} or {stem}: {name}.done")
        if len(set(self.no_header)) != len(self.no_header):
            raise ValueError("no_header names a column twice")
        if (self.format == "fixed") != bool(self.layout):
            raise ValueError(
                "layout and the format fixed belong together: column -> its characters, e.g. 1-10"
            )
        if self.format == "fixed" and self.trailer and not self.trailer.count_at:
            raise ValueError("the trailer of a fixed file needs count_at, e.g. 4-12")
        if self.format == "xml" and not self.records:
            raise ValueError("xml needs records: the path from the root to the rows, e.g. Orders.Order")
        if self.format == "x12" and not self.transactions:
            raise ValueError("x12 needs transactions: the sets to read, e.g. [850]")
        return self

    @model_validator(mode="after")
    def _format_is_told_what_it_knows(self) -> FilesRead:
        if self.format in SHIPPED and self.format_options:
            raise ValueError(f"the format {self.format} has no format_options; those of another package have")
        if self.format not in SHIPPED:
            told(self.format, self.format_options)
        return self

    @model_validator(mode="after")
    def _dates_are_forms(self) -> FilesRead:
        for column, patterns in self.dates.items():
            for problem in map(pattern_problem, patterns):
                if problem:
                    raise ValueError(f"dates.{column}: {problem}")
        return self
