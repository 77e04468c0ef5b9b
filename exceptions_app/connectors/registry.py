"""The kinds of connector there are. A new one is a module, a line here, and the shared contract test; or another
package's, found by its entry point.

A connector's own libraries are imported when one is built, so that checking a catalog stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NoReturn

from exceptions_app.catalog.problems import ConnectorModels
from exceptions_app.catalog.schema import Feed, Operation, System

from . import plugins
from .base import Connector, TransportError
from .events.options import EventsConnection, EventsRead, fits
from .files.foreign import SHIPPED as SHIPPED_FORMATS
from .files.options import FilesConnection, FilesRead
from .files.submit_options import FILE, STEM, FilesReadBack, FilesSubmit
from .plugin import ConnectorType, Left
from .plugins import Plugin
from .rest.options import RestConnection, RestRead
from .rest.write_options import RestReadBack, RestSubmit
from .rows import RowsConnection, RowsConnector, RowsRead
from .sql.options import SqlConnection, SqlRead
from .writing import Submitter


def _rest(system: System, feed: Feed) -> Connector:
    from .rest.connector import RestConnector

    return RestConnector.of(system, feed)


def _rest_submitter(system: System, operation: Operation, left: Left) -> Submitter:
    from .rest.submit import RestSubmitter

    return RestSubmitter.of(system, operation, left)


def _files(system: System, feed: Feed) -> Connector:
    from .files.connector import FilesConnector

    return FilesConnector.of(system, feed)


def _files_submitter(system: System, operation: Operation, left: Left) -> Submitter:
    from .files.submit import FilesSubmitter

    return FilesSubmitter.of(system, operation, left)


def _sql(system: System, feed: Feed) -> Connector:
    from .sql.connector import SqlConnector

    return SqlConnector.of(system, feed)


def _events(system: System, feed: Feed) -> Connector:
    from .events.connector import EventsConnector

    return EventsConnector.of(system, feed)


def _rows(_system: System, feed: Feed) -> Connector:
    return RowsConnector(RowsRead.model_validate(feed.read))


CONNECTORS: dict[str, ConnectorType] = {
    "rest": ConnectorType(
        ConnectorModels(RestConnection, RestRead, RestSubmit, RestReadBack), _rest, _rest_submitter
    ),
    "files": ConnectorType(
        ConnectorModels(FilesConnection, FilesRead, FilesSubmit, FilesReadBack, places=(FILE, STEM)),
        _files,
        _files_submitter,
    ),
    "sql": ConnectorType(ConnectorModels(SqlConnection, SqlRead), _sql),
    "events": ConnectorType(
        ConnectorModels(EventsConnection, EventsRead, modes=frozenset({"changes"}), together=fits), _events
    ),
    "rows": ConnectorType(ConnectorModels(RowsConnection, RowsRead), _rows),
}


def connector(kind: str) -> ConnectorType:
    """A shipped one, or another package's. One that cannot be loaded says so when it is asked for anything."""
    shipped = CONNECTORS.get(kind)
    return shipped if shipped is not None else _of_plugin(offered()[kind])


def offered() -> Mapping[str, Plugin]:
    """What other packages offer, without the names that are shipped."""
    found = plugins.plugins(plugins.CONNECTORS, frozenset(CONNECTORS))
    return {name: plugin for name, plugin in found.items() if name not in CONNECTORS}


def foreign() -> list[Plugin]:
    """Every connector and file format of another package, those that cannot be used among them."""
    formats = plugins.plugins(plugins.FILE_FORMATS, SHIPPED_FORMATS)
    return [*plugins.plugins(plugins.CONNECTORS, frozenset(CONNECTORS)).values(), *formats.values()]


def connector_models() -> Mapping[str, ConnectorModels]:
    """The option models by kind, as the catalog's reader wants them."""
    return {kind: connector(kind).models for kind in (*CONNECTORS, *offered())}


def build_connector(system: System, feed: Feed) -> Connector:
    """A connector for one run of `feed`; the caller closes it."""
    return connector(system.connector).build(system, feed)


def _nobody() -> None:
    """Nobody wants to know when a write has left."""


def build_submitter(system: System, operation: Operation, left: Left = _nobody) -> Submitter:
    """A submitter for the writes of `operation`; the caller closes it. Raises TransportError where its connection
    cannot be set up (a secret that is not there).
    """
    made = connector(system.connector).submitter
    if made is None:
        message = f"the connector '{system.connector}' cannot write"
        raise TransportError(message, permanent=True, where=system.code)
    return made(system, operation, left)


def _of_plugin(plugin: Plugin) -> ConnectorType:
    if isinstance(plugin.value, ConnectorType):
        return plugin.value
    return ConnectorType(plugins.UNJUDGED, partial(_unusable, plugin), partial(_unusable, plugin))


def _unusable(plugin: Plugin, system: System, *_rest: object) -> NoReturn:
    message = f"{plugin.said} cannot be used: {plugin.problem}"
    raise TransportError(message, permanent=True, where=system.code)
