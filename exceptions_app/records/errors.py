"""What can go wrong with records, said so that a person can act on it."""

from __future__ import annotations


class RecordError(Exception):
    """Anything wrong with records at rest or on their way there."""


class StoredTypeError(RecordError):
    """A column changed its type in the configuration, and records are stored with the old one."""

    def __init__(self, record_type: str, column: str, stored: str, wanted: str) -> None:
        super().__init__(
            f"record type {record_type}, column {column}: stored as {stored}, configured as {wanted}; "
            "give the new meaning a new column name, or clear the record type's store and read its feeds anew"
        )


class StaleRunError(RecordError):
    """A run lands rows although a newer run of its feed has: it was given up, and must not write any more."""

    def __init__(self, feed: str, run_id: int, newest: int) -> None:
        super().__init__(
            f"feed {feed}: run {run_id} is over, run {newest} has landed since; its rows are refused"
        )


class AsOfError(RecordError):
    """A past state was asked for that cannot be given truthfully."""


class ShrunkenReadError(RecordError):
    """A whole read with far fewer records than are known: half a delivery and a list that ended early look like this,
    a deletion hardly ever.
    """

    def __init__(self, feed: str, found: int, known: int, most_gone: int) -> None:
        super().__init__(
            f"feed {feed}: expected all records, found {found or 'none'} where {known} are known; nothing was deleted,"
            f" because more than {most_gone} % would be (most_gone of the feed's contract)"
        )


class MappingError(RecordError):
    """The source no longer looks as the mapping says. `where` is the feed, the column and, where rows say
    so, the first of them; `expected` what it names.
    """

    def __init__(self, message: str, where: str, expected: str) -> None:
        super().__init__(f"{where}: {message}; expected {expected}")
        self.where = where
        self.expected = expected
