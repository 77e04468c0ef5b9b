"""One line per event, each with the correlation id of the task it belongs to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from stamina.instrumentation import RetryDetails, set_on_retry_hooks

log = logging.getLogger(__name__)

_correlation: ContextVar[str] = ContextVar("correlation", default="-")


class _WithCorrelation(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.correlation = _correlation.get()[:12]
        return True


def configure(level: str) -> None:
    """Log to standard error. Libraries that talk a lot are asked to warn only."""
    handler = logging.StreamHandler()
    handler.addFilter(_WithCorrelation())
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)-7s %(name)s [%(correlation)s] %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("apscheduler", "alembic", "asyncssh", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    set_on_retry_hooks([tell_retry])


def tell_retry(details: RetryDetails) -> None:
    """What is tried again, and why: a passing failure is no warning, and one that stays fails the run."""
    log.info("%s; trying again in %.1f s (%d)", details.caused_by, details.wait_for, details.retry_num)


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """What is logged inside carries this id."""
    token = _correlation.set(correlation_id)
    try:
        yield
    finally:
        _correlation.reset(token)
