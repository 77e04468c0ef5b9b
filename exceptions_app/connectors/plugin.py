"""What another package builds a connector or a file format from: everything that it may rely on, in one place.

Names that are not here may change with any release; those that are change only with `CONTRACT`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from exceptions_app.catalog.problems import ConnectorModels
from exceptions_app.catalog.schema import (
    Duration,
    Feed,
    Interval,
    Operation,
    Secret,
    SecretRef,
    Shape,
    System,
)

from .base import (
    Again,
    CannotReadAgainError,
    Connector,
    FeedContentError,
    Page,
    RawRow,
    ReadsAgain,
    ReadsOne,
    RowProblem,
    TransportError,
    cut,
)
from .exact_json import dump, flat
from .exact_json import parse as parse_json
from .files.content import Content
from .references import address, reveal
from .writing import Answer, Arrival, Submitter, Write

__all__ = [
    "CONTRACT", "Again", "Answer", "Arrival", "CannotReadAgainError", "Connector", "ConnectorModels", "ConnectorType",
    "Content", "Duration", "Feed", "FeedContentError", "FileFormat", "Interval", "Left", "Operation", "Page", "RawRow",
    "ReadsAgain", "ReadsOne", "RowProblem", "Secret", "SecretRef", "Shape", "Submitter", "System", "TransportError",
    "Write", "address", "cut", "dump", "flat", "parse_json", "reveal",
]  # fmt: skip

CONTRACT = 1
"""Raised when something here changes so that a plug-in must change, too."""

Left = Callable[[], None]
"""Called in the sending thread when a write has left and no answer has come."""


@dataclass(frozen=True, slots=True)
class ConnectorType:
    """The option models of one kind of connector, how one is made for a feed, and, where it can write, how a
    submitter is made for an operation. An entry point of the group `tieout.connectors` names one.
    """

    models: ConnectorModels
    build: Callable[[System, Feed], Connector]
    submitter: Callable[[System, Operation, Left], Submitter] | None = None
    contract: int = CONTRACT


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How the content of a file becomes rows, in order, each with its place (`name:42`). An entry point of the group
    `tieout.file_formats` names one; the entry point's name is what a feed says under `format`.

    `read` gets the unpacked content and the feed's `format_options`, as `options` made them (None: it has none). A
    file that cannot be read as a whole is a `FeedContentError`; a single bad row is a `RowProblem`.
    """

    read: Callable[[Content, Any], Iterator[RawRow | RowProblem]]
    options: type[Shape] | None = None
    ends_with_totals: bool = False
    """Only the end says whether the file is whole: it is read once for nothing before any of it is taken."""
    contract: int = CONTRACT
