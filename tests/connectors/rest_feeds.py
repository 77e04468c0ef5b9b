"""Feeds over REST for tests: one system `erp`, one feed, and what came of reading it. Each page is a page here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from loopback import Loopback

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.base import FeedContentError, Page, TransportError
from exceptions_app.connectors.registry import build_connector
from exceptions_app.connectors.rest.connector import RestConnector

Serve = Callable[..., Loopback]


def connector(url: str, read: dict[str, Any], *, mode: str = "changes", **connection: Any) -> RestConnector:
    system = System.model_validate(
        {
            "code": "erp",
            "name": "ERP",
            "kind": "erp",
            "connector": "rest",
            "connection": {"base_url": url, **connection},
        }
    )
    feed = Feed.model_validate(
        {
            "code": "orders",
            "system": "erp",
            "record_type": "order",
            "mode": mode,
            "read": {"store_at_once": 1, **read},
            "mapping": {"a": "a"},
        }
    )
    built = build_connector(system, feed)
    assert isinstance(built, RestConnector)
    return built


def read_all(pages: Iterator[Page]) -> tuple[list[Page], Exception | None]:
    got: list[Page] = []
    try:
        for page in pages:
            got.append(page)
    except (TransportError, FeedContentError) as error:
        return got, error
    return got, None


def ids(pages: list[Page]) -> list[Any]:
    return [row.values["id"] for page in pages for row in page.rows]


def reasons(pages: list[Page]) -> list[str]:
    return [problem.reason for page in pages for problem in page.problems]
