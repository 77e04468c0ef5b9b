"""Keeps two job processes and the web running, and kills them: at every milestone, and from outside at any moment.

Meanwhile the town grows, every newly opened exception is asked to be retried, and a person works in the web.
"""

from __future__ import annotations

import random
import signal
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.milestones import MILESTONES
from exceptions_app.models import Delivery, ExceptionCase, Task, User
from exceptions_app.services import retry_asking, tasks
from exceptions_app.services.context import ActionContext, Actor
from exceptions_app.services.engine import reading
from jobs.install import Install
from jobs.serve import web_command

from .processes import Processes
from .town import Town
from .visitor import Visitor

WEB = "action.committed"
OUTSIDE = "from outside"
TURN = 15.0
"""Seconds that a process gets to reach its milestone; then it is killed from outside, and the milestone comes again."""
GROW_EVERY = 0.7
MOST_UNAPPLIED = 8
"""The town waits for its retries, so that a slow machine is not given ever more to read."""
WEB_KILLS = 4
ON_THEIR_WAY = ("ready", "waiting", "sending", "unsure")
"""What a delivery may not be once all is quiet."""
_WRONG = (ExceptionCase.status == "open", ExceptionCase.category == "nothing_received")
_PREPARING = (Task.kind == "retry_prepare", Task.status.in_(("queued", "running")))
OFTEN = ("poll.landed", "poll.marked", "task.finished")
"""These are passed several times in a short life: a process may die at a later one."""
COMMITS = 3
"""The web dies after so many commits."""


@dataclass
class Life:
    """One job process: what kills it, and when its time is up at the latest."""

    pid: int
    end: str | None
    until: float
    done: bool = False


@dataclass
class Driver:
    """`kills` at least, all milestones at least once."""

    town: Town
    install: Install
    processes: Processes
    asker: int
    kills: int
    seed: int
    hits: Counter[str] = field(default_factory=Counter)
    lives: dict[str, Life] = field(default_factory=dict)
    web: int = 0
    web_outside: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.plan = list(self._plan())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.visitor = Visitor(f"http://127.0.0.1:{self.port}", self._choose)
        self._grown = self._asked = self._compared = 0.0

    # -- killing

    def kill_them(self, deadline: float) -> None:
        """Until enough have died everywhere. Raises AssertionError when that takes longer than `deadline` seconds."""
        until = time.monotonic() + deadline
        self._start_web(CRASH_AT=f"{WEB}:{COMMITS}")
        self.visitor.armed.set()
        self.visitor.start()
        for name in ("jobs-1", "jobs-2"):
            self._start_jobs(name)
        while self.missing or self.total < self.kills:
            assert time.monotonic() < until, f"{self.total} kills, not yet: {self.missing}; {dict(self.hits)}"
            assert self.visitor.error is None, self.visitor.error
            self._live_on()
            for name, life in list(self.lives.items()):
                self._watch(name, life)
            if self.visitor.deaths >= WEB_KILLS and not self.web_outside:
                self._kill_web()

    @property
    def total(self) -> int:
        return self.hits.total() + self.visitor.deaths + self.web_outside

    @property
    def missing(self) -> list[str]:
        """The milestones at which nothing has died yet."""
        deaths = {**self.hits, WEB: self.visitor.deaths}
        return [name for name in (*MILESTONES, OUTSIDE) if not deaths.get(name)]

    def counts(self) -> dict[str, int]:
        """How many died where."""
        deaths = {**self.hits, WEB: self.visitor.deaths, OUTSIDE: self.hits[OUTSIDE] + self.web_outside}
        return {name: deaths.get(name, 0) for name in (*MILESTONES, OUTSIDE)}

    def _plan(self) -> Iterator[str | None]:
        """Rounds of all milestones of a job process and some kills from outside (None), each shuffled."""
        names: list[str | None] = [name for name in MILESTONES if name != WEB]
        while len(names) < self.kills:
            names += names[: len(MILESTONES) - 1]
        a_round = len(MILESTONES) - 1
        for start in range(0, len(names), a_round):
            batch = [*names[start : start + a_round], None, None]
            self.chance.shuffle(batch)
            yield from batch

    def _start_jobs(self, name: str) -> None:
        end = self.plan.pop(0) if self.plan else self.chance.choice(self.missing or [None])
        end = None if end in (WEB, OUTSIDE) else end
        environ = {}
        if end is not None:
            times = self.chance.randint(1, 3) if end in OFTEN else 1
            environ = {"CRASH_AT": f"{end}:{times}"}
        turn = TURN if end else self.chance.uniform(1.0, 5.0)
        pid = self.processes.start(name, "command", "jobs", **environ)
        self.lives[name] = Life(pid, end, time.monotonic() + turn)

    def _watch(self, name: str, life: Life) -> None:
        if life.done:
            self._start_jobs(name)
        elif time.monotonic() > life.until:
            life.until += 60
            if life.end is not None:
                self.plan.append(life.end)
                life.end = None
            self.processes.kill(life.pid)

    def _live_on(self) -> None:
        """What happens all the time: deaths are noticed, the town grows, retries are asked for."""
        for pid, code in self.processes.ended(0.1).items():
            for life in self.lives.values():
                if life.pid == pid:
                    assert code == -signal.SIGKILL, f"a job process ended with {code}"
                    life.done = True
                    self.hits[life.end or OUTSIDE] += 1
        now = time.monotonic()
        if now - self._grown > GROW_EVERY and self.town.unapplied < MOST_UNAPPLIED:
            self._grown = now
            self.town.grow(4)
        self._ask_for_retries(now)

    def _start_web(self, **environ: str) -> None:
        command = web_command("127.0.0.1", self.port, processes=1)
        self.web = self.processes.start("web", "web", *command[3:-1], **environ)

    def _kill_web(self) -> None:
        """Once from outside, master and worker; from then on it lives."""
        self.visitor.armed.clear()
        self.processes.kill(self.web)
        self.web_outside = 1
        self._start_web()

    # -- peace

    def let_live(self, quiet: Callable[[], str | None], deadline: float) -> None:
        """No more kills, no more orders: until `quiet` names nothing that is still to come."""
        if not self.web_outside:
            self._kill_web()
        for name, life in self.lives.items():
            if not life.done:
                self.processes.kill(life.pid)
            self.lives[name] = Life(self.processes.start(name, "command", "jobs"), None, 0)
        until = time.monotonic() + deadline
        while (waits_for := quiet()) is not None:
            assert time.monotonic() < until, f"not quiet: {waits_for}"
            self.processes.ended(0.5)
            now = time.monotonic()
            self._ask_for_retries(now)
            self._ask_to_compare(now)
        self.visitor.stop()
        assert self.visitor.error is None, self.visitor.error

    def _ask_to_compare(self, now: float) -> None:
        if now - self._compared > 4:
            self._compared = now
            with self.install.transaction() as session:
                tasks.request(session, "reconcile", "reconcile:goods", {"flow": "goods"}, None, utc_now())

    # -- people

    def _ask_for_retries(self, now: float) -> None:
        """One batch for the exceptions that are open and of which nothing is on its way."""
        if now - self._asked < 1:
            return
        self._asked = now
        live = select(Delivery.case_id).where(Delivery.status.in_(ON_THEIR_WAY))
        wanted = select(ExceptionCase.id).where(*_WRONG, ExceptionCase.id.not_in(live))
        with Session(self.install.engine) as session:
            found = list(reading(session).scalars(wanted.limit(10)))
            preparing = select(func.count()).select_from(Task).where(*_PREPARING)
            if not found or session.scalar(preparing):
                return
        with self.install.transaction() as session:
            user, runtime, at = session.get_one(User, self.asker), self.install.runtime, utc_now()
            snapshot, actor = runtime.snapshot_id(session, "test", at), Actor("user", user.name, user.id)
            context = ActionContext(runtime.catalog, at, actor, snapshot, uuid.uuid4().hex)
            retry_asking.start(
                session, context, viewer_for(user, runtime.catalog), token=uuid.uuid4().hex, case_ids=found,
                title="Retry", reason="The receiver says it is there.",
            )  # fmt: skip

    def _choose(self) -> tuple[str, str] | None:
        """Open exceptions are claimed; those that have ended, which no job changes any more, are commented on."""
        deed = random.choice(("claim", "comment"))
        mine = ExceptionCase.owner_id.is_(None) if deed == "claim" else ExceptionCase.id.is_not(None)
        status = "open" if deed == "claim" else "resolved"
        wanted = (
            select(ExceptionCase.id)
            .where(ExceptionCase.status == status, mine)
            .order_by(ExceptionCase.id.desc())
        )
        with Session(self.install.engine) as session:
            found = reading(session).scalar(wanted.limit(1))
        return None if found is None else (public_id.encode(found), deed)
