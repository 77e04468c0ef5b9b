"""File formats of other packages: what they are told, and their content as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from .. import plugins
from ..base import FeedContentError, RawRow, RowProblem, TransportError
from ..plugin import FileFormat
from ..plugins import Plugin
from .content import Content

SHIPPED = ("csv", "xlsx", "fixed", "json", "ndjson", "xml", "x12", "hl7")


def offered() -> Mapping[str, Plugin]:
    """What other packages offer, without the names that are shipped."""
    found = plugins.plugins(plugins.FILE_FORMATS, SHIPPED)
    return {name: plugin for name, plugin in found.items() if name not in SHIPPED}


def told(name: str, given: Mapping[str, Any]) -> Any:
    """A format's options by its own model; None where it has none. Raises ValueError where they do not fit.

    Of a format that cannot be loaded nobody knows: they are left as they are.
    """
    made = offered()[name].value
    if not isinstance(made, FileFormat):
        return given
    if made.options is None:
        if given:
            raise ValueError(f"the format {name} has no format_options")
        return None
    try:
        return made.options.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, ("format_options", *first["loc"])))
        raise ValueError(f"{where}: {first['msg']}") from None


def ends_with_totals(name: str) -> bool:
    """Whether only the end of such a file says that it is whole."""
    made = offered()[name].value if name in offered() else None
    return isinstance(made, FileFormat) and made.ends_with_totals


def rows(content: Content, name: str, given: Mapping[str, Any]) -> Iterator[RawRow | RowProblem]:
    """The rows of one file. What breaks in the format refuses this file, and no other."""
    plugin = offered()[name]
    if not isinstance(plugin.value, FileFormat):
        message = f"{plugin.said} cannot be used: {plugin.problem}"
        raise TransportError(message, permanent=True, where=content.name)
    try:
        yield from plugin.value.read(content, told(name, given))
    except (FeedContentError, TransportError):
        raise
    except Exception as error:
        message = f"{plugin.said} broke: {type(error).__name__}: {error}"
        raise FeedContentError(message, content.name, "a file that it can read") from error
