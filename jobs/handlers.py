"""Which handler runs which kind of task, and which kinds share a lane.

Lanes keep waiting apart: a system that does not answer must not hold up the comparison of others, and a long
comparison must not hold up a person's export.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import (
    again,
    assign,
    bulk_actions,
    deliver,
    export,
    feed_preview,
    inbox,
    index,
    mail,
    maintain,
    poll,
    preview,
    reclock,
    reconcile,
    reread,
    retry_prepare,
    sweep,
    tally,
    try_out,
)
from .work import Handler

HANDLERS: Mapping[str, Handler] = {
    "poll": poll.run,
    "pull": poll.run_one,
    "again": again.run,
    "drain": inbox.drain,
    "reconcile": reconcile.run,
    "sweep": sweep.run,
    "tally": tally.run,
    "assign": assign.run,
    "reclock": reclock.run,
    "index": index.run,
    "maintain": maintain.run,
    "tell": mail.tell,
    "mail": mail.send,
    "export": export.run,
    "bulk": bulk_actions.run,
    "deliver": deliver.run,
    "retry_prepare": retry_prepare.run,
    "reread": reread.run,
    "preview": preview.run,
    "try": try_out.run,
    "feed_preview": feed_preview.run,
}


@dataclass(frozen=True, slots=True)
class Lane:
    """So many runners of one process that take only these kinds."""

    name: str
    kinds: frozenset[str]
    runners: int = 1


LANES = (
    Lane("poll", frozenset({"poll", "pull", "again"}), runners=3),
    Lane("inbox", frozenset({"drain"})),
    Lane("compare", frozenset({"reconcile"})),
    Lane("deliver", frozenset({"deliver"}), runners=3),
    Lane("retry", frozenset({"retry_prepare", "reread"}), runners=2),
    Lane("upkeep", frozenset({"sweep", "assign", "maintain"})),
    Lane("telling", frozenset({"tell", "mail"})),
    Lane("clocks", frozenset({"reclock", "index"})),
    Lane("people", frozenset({"export", "bulk", "preview", "try", "feed_preview"}), runners=2),
)
