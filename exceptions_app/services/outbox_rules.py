"""How the configuration says that an operation's writes are treated. Where it has dropped the operation: carefully."""

from __future__ import annotations

from dataclasses import dataclass

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Backoff


@dataclass(frozen=True, slots=True)
class Rules:
    """Whether the system honours idempotency keys, whether a write can be looked for, and how long waits are."""

    idempotent: bool
    can_read_back: bool
    backoff: Backoff


def rules_for(catalog: Catalog, operation: str) -> Rules:
    """The rules that hold now, whatever they were when the write was prepared."""
    known = catalog.operations.get(operation)
    if known is None:
        return Rules(idempotent=False, can_read_back=False, backoff=Backoff())
    system = catalog.systems[known.system]
    return Rules(system.delivery.idempotent, known.read_back is not None, known.backoff)
