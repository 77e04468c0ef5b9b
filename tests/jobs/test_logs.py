"""What the log says of requests that are tried again."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import stamina
from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks

from jobs import logs


@pytest.fixture
def hooks() -> Iterator[None]:
    before = get_on_retry_hooks()
    set_on_retry_hooks([logs.tell_retry])
    yield
    set_on_retry_hooks(before)


@pytest.mark.usefixtures("hooks")
def test_retry_is_told_as_news_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConnectionError):
        for attempt in stamina.retry_context(on=ConnectionError, attempts=2, wait_initial=0, wait_max=0):
            with attempt:
                raise ConnectionError("erp /orders page 3: 503")
    [record] = caplog.records
    assert record.levelno == logging.INFO and "erp /orders page 3: 503" in record.getMessage()
