"""The `files` connector over an S3-compatible store.

The store is a small one of our own (`object_store`). A real store's permissions and limits are not tried here.
"""

from __future__ import annotations

from typing import Any

import pytest
from object_store import Store

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.base import Connector, TransportError
from exceptions_app.connectors.registry import build_connector


def connect(store: Store, **connection: Any) -> Connector:
    options = {"root": "s3://drop/out", "endpoint": store.url, "access_key": "env:S3_KEY",
               "secret_key": "env:S3_SECRET", "timeout": "5s", **connection}  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    system = {"code": "m", "name": "M", "kind": "other", "connector": "files", "connection": given}
    feed = {
        "code": "f",
        "system": "m",
        "record_type": "t",
        "read": {"pattern": "*.csv"},
        "mapping": {"a": "a"},
    }
    return build_connector(System.model_validate(system), Feed.model_validate(feed))


def test_objects_are_read_and_put_into_the_archive(store: Store) -> None:
    store.objects = {"out/r.csv": b"a\n1\n2\n", "out/r.csv.tmp": b"a\n", "elsewhere/s.csv": b"a\n9\n"}
    source = connect(store)
    pages = list(source.read(None))
    assert [(row.position, row.values["a"]) for page in pages for row in page.rows] == [
        ("r.csv:2", "1"), ("r.csv:3", "2")
    ]  # fmt: skip
    source.acknowledge()
    source.close()
    assert sorted(store.objects) == ["elsewhere/s.csv", "out/archive/r.csv", "out/r.csv.tmp"]


def test_a_folder_of_a_store_without_objects_is_empty_and_not_missing(store: Store) -> None:
    assert list(connect(store).read(None)) == []


def test_a_bucket_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(TransportError, match="s3://nowhere/out: there is no such folder"):
        list(connect(store, root="s3://nowhere/out").read(None))


def test_keys_that_are_missing_or_refused_are_named(store: Store) -> None:
    with pytest.raises(TransportError, match=r"connection\.access_key is missing"):
        connect(store, secret_key=None)
    store.refuses = True
    with pytest.raises(TransportError) as refused:
        list(connect(store).read(None))
    assert refused.value.permanent


def test_a_store_that_is_away_may_come_back(store: Store) -> None:
    with pytest.raises(TransportError) as away:
        list(connect(store, endpoint="http://127.0.0.1:1", timeout="1s").read(None))
    assert not away.value.permanent
