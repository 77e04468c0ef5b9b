"""A hospital whose ERP takes orders back: a real HTTP server on loopback that keeps its own books."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Attempt, Delivery, RetryBatch, Role, SystemGate, User
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from exceptions_app.services import people, retry_asking
from exceptions_app.services.context import ActionContext, Actor
from jobs.install import Install
from tests.connectors.loopback import Asked, Loopback, Reply

from .conftest import SITE, Clock, Hospital, order

TARGET = """\
systems:
  - code: TARGET
    name: The target
    kind: other
"""
SENDS = """\
operations:
  - code: send.order
    title: Send the order again
    system: TARGET
    category: [nothing_received, quantity_differs]
    fields:
      order: {{source: key.order_number}}
      quantity: {{source: ordered.quantity, type: quantity, edit: true}}
"""
_OVER_REST = """\
    connector: rest
    connection: {{base_url: "{url}", timeout: 2s}}
    delivery: {delivery}
"""
_TO_ORDERS = """\
      supplier: {{source: ordered.supplier, required: false, sensitivity: internal}}
    order_key: {order_key}
    submit: {{path: "/orders/{{order}}", body: {{order: "{{order}}", quantity: "{{quantity}}"}}{job}}}
    {read_back}
    backoff: {{first_wait: 1s, shortest_wait: 1s, longest_wait: 60s, max_tries: {max_tries}}}
"""
WRITES = TARGET + _OVER_REST + SENDS + _TO_ORDERS
READ_BACK = 'read_back: {{path: "/orders/{{order}}", found: {{path: order, equals: "{{order}}"}}}}'


@dataclass
class Target:
    """The system that is written to. `behave` says what it does with a write that it has been sent."""

    honours: bool = True
    behave: Callable[[Asked, int], Reply] | None = None
    applied: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    posts: int = 0

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            name = asked.path.rpartition("/")[2]
            return Reply({"order": name}) if name in self.applied else Reply({}, 404)
        with self.lock:
            self.posts += 1
            number = self.posts
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.behave(asked, number) if self.behave else self.apply(asked)
        finally:
            with self.lock:
                self.at_once -= 1

    def apply(self, asked: Asked) -> Reply:
        """Do it, once per key where keys are honoured."""
        key, name = asked.headers["idempotency-key"], json.loads(asked.body)["order"]
        with self.lock:
            if not (self.honours and key in self.keys):
                self.applied.append(name)
            self.keys[key] = name
        return Reply({"order": name, "status": "done"}, 201)


@dataclass
class Writing:
    """One install that writes to the target, with its exceptions and who may retry them."""

    hospital: Hospital
    target: Target
    server: Loopback | None
    asker: int

    @property
    def install(self) -> Install:
        return self.hospital.install

    def wrong(self, *orders: str) -> list[int]:
        """So many orders of which nothing was received; the ids of their exceptions, in order."""
        self.hospital.source("orders", [order(name) for name in orders])
        self.hospital.tick()
        cases = {case.reference: case.id for case in self.hospital.cases("nothing_received")}
        return [cases[name] for name in orders]

    def ask(self, case_ids: list[int], *, dry_run: bool = False, token: str = "t", **given: Any) -> int:
        """Ask for a batch; its id."""
        with self.install.transaction() as session:
            user = session.get_one(User, self.asker)
            viewer = viewer_for(user, self.hospital.runtime.catalog)
            context = self.context(session, user)
            return retry_asking.start(
                session, context, viewer, token=token, case_ids=case_ids, title="Retry", dry_run=dry_run, **given
            ).id  # fmt: skip

    def context(self, session: Session, user: User) -> ActionContext:
        runtime = self.hospital.runtime
        snapshot = runtime.snapshot_id(session, "test", utc_now())
        return ActionContext(runtime.catalog, utc_now(), Actor("user", user.name, user.id), snapshot, "c")

    def prepare(self) -> None:
        self.hospital.runner("retry_prepare").drain()

    def deliver(self) -> dict[str, Any]:
        """One turn of the deliver task; what it says."""
        task_id = self.hospital.request("deliver", "TARGET", system="TARGET")
        self.hospital.runner("deliver").run_one()
        return self.hospital.result(task_id)

    def send(self, case_ids: list[int], **given: Any) -> int:
        batch = self.ask(case_ids, **given)
        self.prepare()
        return batch

    def deliveries(self) -> list[Delivery]:
        return self.hospital.all(Delivery)

    def statuses(self) -> list[str]:
        return [delivery.status for delivery in self.deliveries()]

    def attempts(self) -> list[Attempt]:
        return self.hospital.all(Attempt)

    def outcomes(self) -> list[str | None]:
        return [attempt.outcome for attempt in self.attempts()]

    def batch(self, batch_id: int) -> RetryBatch:
        return self.hospital.all(RetryBatch, RetryBatch.id == batch_id)[0]

    def gate(self) -> SystemGate:
        [gate] = self.hospital.all(SystemGate)
        return gate


def make(
    database: Any, clock: Clock, tmp_path: Path, server: Loopback | None, target: Target, *, read_back: bool = False,
    order_key: str = "[order]", max_tries: int = 4, job: dict[str, Any] | None = None, writes: str | None = None,
    **delivery: Any,
) -> Writing:  # fmt: skip
    """An install on a fresh database. `delivery`: how the target takes writes; `writes`: another target's YAML."""
    site = tmp_path / "catalog"
    shutil.copytree(SITE, site)
    rules = {"idempotent": target.honours, "concurrency": 4, **delivery}
    text = WRITES.format(
        url=server.url if server else "", delivery=json.dumps(rules), order_key=order_key, max_tries=max_tries,
        read_back=READ_BACK.format() if read_back else "", job=f", job: {json.dumps(job)}" if job else "",
    )  # fmt: skip
    (site / "writes.yaml").write_text(writes or text)
    catalog = load_catalog(site, connector_models())
    settings = Settings(
        instance=tmp_path / "instance", catalog=site, duck_memory="500MB", cheap_passwords=True
    )
    runtime = Runtime(settings, catalog, RecordStore(settings.records_uri, catalog))
    hospital = Hospital(Install(runtime, database.engine), clock)
    with hospital.install.transaction() as session:
        asker = people.create_user(
            session, email="a@example.org", name="Asker", password="correct horse battery", role=Role.SPECIALIST,
            queues=("*",), entities=("*",), time_zone="UTC", by="system:test", now=utc_now(), cheap=True,
        )  # fmt: skip
        asker_id = asker.id
    return Writing(hospital, target, server, asker_id)
