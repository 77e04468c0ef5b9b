"""Finds causes after a flow was compared: one look at what is live, then short transactions.

Killed in between, the next comparison does the rest: everything follows from what is stored.
"""

from __future__ import annotations

import logging

from exceptions_app.milestones import reached
from exceptions_app.services import causes
from exceptions_app.services.bulk import in_batches
from exceptions_app.services.intake import CHUNK

from .work import Work

log = logging.getLogger(__name__)


def find_causes(work: Work) -> int:
    """Open and close causes, and put what follows from them under them; how many exceptions moved."""
    with work.reading() as session:
        planned = causes.plan(session, work.context())
    if not planned.causes and not planned.children:
        return 0
    with work.transaction() as session:
        counts = causes.report(session, work.context(), planned)
    reached("intake.chunk")
    with work.reading() as session:
        wanted = causes.changes(session, planned)
    moved = 0
    for chunk in in_batches(wanted, CHUNK):
        work.go_on()
        with work.transaction() as session:
            moved += causes.attach(session, work.context(), chunk)
    if moved or counts.opened or counts.closed:
        log.info("causes: %d new, %d gone, %d exceptions moved", counts.opened, counts.closed, moved)
    return moved
