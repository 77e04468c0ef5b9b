"""The kinds of connector there are. A new one is a module, a line here, and the shared contract test.

A connector's own libraries are imported when one is built, so that checking a catalog stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from exceptions_app.catalog.problems import ConnectorModels
from exceptions_app.catalog.schema import Feed, Operation, System

from .base import Connector, Submitter, TransportError
from .events.options import EventsConnection, EventsRead, fits
from .files.options import FilesConnection, FilesRead
from .rest.options import RestConnection, RestRead
from .rest.write_options import RestReadBack, RestSubmit
from .rows import RowsConnection, RowsConnector, RowsRead
from .sql.options import SqlConnection, SqlRead

Left = Callable[[], None]
"""Called in the sending thread when a write has left and no answer has come."""


@dataclass(frozen=True, slots=True)
class ConnectorType:
    """The option models of one kind of connector, how one is made for a feed, and, where it can write, how a
    submitter is made for an operation.
    """

    models: ConnectorModels
    build: Callable[[System, Feed], Connector]
    submitter: Callable[[System, Operation, Left], Submitter] | None = None


def _rest(system: System, feed: Feed) -> Connector:
    from .rest.connector import RestConnector

    return RestConnector.of(system, feed)


def _rest_submitter(system: System, operation: Operation, left: Left) -> Submitter:
    from .rest.submit import RestSubmitter

    return RestSubmitter.of(system, operation, left)


def _files(system: System, feed: Feed) -> Connector:
    from .files.connector import FilesConnector

    return FilesConnector.of(system, feed)


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
    "files": ConnectorType(ConnectorModels(FilesConnection, FilesRead), _files),
    "sql": ConnectorType(ConnectorModels(SqlConnection, SqlRead), _sql),
    "events": ConnectorType(
        ConnectorModels(EventsConnection, EventsRead, modes=frozenset({"changes"}), together=fits), _events
    ),
    "rows": ConnectorType(ConnectorModels(RowsConnection, RowsRead), _rows),
}


def connector_models() -> Mapping[str, ConnectorModels]:
    """The option models by kind, as the catalog's reader wants them."""
    return {kind: connector.models for kind, connector in CONNECTORS.items()}


def build_connector(system: System, feed: Feed) -> Connector:
    """A connector for one run of `feed`; the caller closes it."""
    return CONNECTORS[system.connector].build(system, feed)


def _nobody() -> None:
    """Nobody wants to know when a write has left."""


def build_submitter(system: System, operation: Operation, left: Left = _nobody) -> Submitter:
    """A submitter for the writes of `operation`; the caller closes it. Raises TransportError where its connection
    cannot be set up (a secret that is not there).
    """
    made = CONNECTORS[system.connector].submitter
    if made is None:
        message = f"the connector '{system.connector}' cannot write"
        raise TransportError(message, permanent=True, where=system.code)
    return made(system, operation, left)
