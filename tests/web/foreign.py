"""A small world of one entity and queue, to see what of it shows to others."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.models import Delivery, RetryBatch
from tests.conftest import NOW

MARK = "Quagga charged too much."
"""The sentence of every exception here: wherever it stands, an exception is shown."""
OWN = ("H01", "ap")
SCOPES = [pair for pair in product(("H01", "H02"), ("ap", "stores")) if pair != OWN]


def world_of(
    session: Session, make_case: Callable[..., Any], user: Callable[..., Any], evidence: str
) -> dict[str, Any]:
    """Exceptions of one entity and queue: open, and with a retry in each state that has a page of its own."""
    asker = user("manager")
    cases = {
        name: make_case(
            entity=OWN[0], queue=OWN[1], sentence=MARK, evidence=evidence, reference=f"REF-{name}",
            fingerprint=name.encode().ljust(16), line_key=None, id=number,
        )
        for number, name in enumerate(("open", "failed", "awaiting_approval", "unsure"), 710_000)
    }  # fmt: skip
    batch = RetryBatch(
        token="t", title="Prices", status="sending", selection=json.dumps({"cases": []}), total=3,
        requested_by_id=asker.id, created_at=NOW, correlation_id="c",
        config_snapshot_id=cases["open"].config_snapshot_id,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    deliveries = {
        name: _delivery(session, case, batch, asker) for name, case in cases.items() if name != "open"
    }
    session.commit()
    return {"cases": cases, "batch": batch.id, "deliveries": deliveries}


def _delivery(session: Session, case: Any, batch: RetryBatch, asker: Any) -> int:
    status = case.reference.removeprefix("REF-")
    made = Delivery(
        id=case.id + 100_000, batch_id=batch.id, case_id=case.id, operation="amend_price", system="DESK",
        idempotency_key=status, order_key=status, fields='{"order":"PO-1","price":"31"}', status=status,
        max_tries=8, not_before=NOW,
        requested_by_id=asker.id, created_at=NOW, first_error="no", last_error="no", error_class="cancelled",
        correlation_id="c", config_snapshot_id=case.config_snapshot_id,
    )  # fmt: skip
    session.add(made)
    case.retry_state = status
    session.flush()
    return int(made.id)
