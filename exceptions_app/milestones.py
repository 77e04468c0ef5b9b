"""Named points between commits. Nothing happens there, unless a crash test asks a process to die at one.

`CRASH_AT=outbox.sent:3` in the environment: the third time this process reaches `outbox.sent`, it is killed as by
`kill -9`, without any clean-up. In production the variable is not set and a milestone costs one comparison.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Literal, get_args

Milestone = Literal[
    "poll.landed",
    "poll.marked",
    "intake.chunk",
    "action.committed",
    "outbox.claimed",
    "outbox.sent",
    "outbox.answered",
    "outbox.recorded",
    "task.finished",
]
MILESTONES: tuple[str, ...] = get_args(Milestone)
"""In the order in which a transaction passes them."""

_seen: Counter[str] = Counter()


def reached(name: Milestone) -> None:
    """A commit boundary has just been passed (or, for `outbox.sent`, a request has left and no answer come)."""
    wanted = os.environ.get("CRASH_AT")
    if wanted is None:
        return
    at, _, times = wanted.partition(":")
    if at == name:
        _seen[name] += 1
        if _seen[name] >= int(times or 1):
            os.kill(os.getpid(), signal.SIGKILL)
