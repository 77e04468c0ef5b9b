"""Shows what an addition to the configuration would do: the affected flows are compared twice over the same newest
records, as they are and with it, and what differs is told. Nothing is taken in, and nothing is put in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from exceptions_app.catalog.additions import Addition, overlaid
from exceptions_app.services import fix_once

from . import twice
from .work import Work

_ADDITION: TypeAdapter[Any] = TypeAdapter(Addition)


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `preview` tasks; payload `{"addition": …}`. The result says what would clear, open, change."""
    now = work.runtime.catalog
    after, aside = overlaid(now, [_ADDITION.validate_python(work.payload["addition"])])
    flows = fix_once.affected_flows(now, after)
    if aside[0] or not flows:
        return {"refused": aside[0] or "it changes nothing that any check looks at", "flows": []}
    work.progress(0, 2, "comparing the newest records as they are")
    before, then = twice.both(
        work, now, after, flows, halfway=lambda: work.progress(1, 2, "comparing them with the addition")
    )
    return {"flows": flows, **twice.told(work, after, twice.difference(before, then, after))}
