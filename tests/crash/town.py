"""The world around the install: one source and two systems that are written to, on one real HTTP server.

The source's orders grow and change while they are read; some are never received: those are the planted faults. Both
systems keep books of what they applied; what they apply appears as a receipt at the source. One honours idempotency
keys. The other ignores them and applies whatever comes, but can be asked. Both now and then apply a write and hang up,
or say that they do it later, and are asked what came of it.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.connectors.loopback import Asked, Loopback, Reply

ENTITY_OF = {"honest": "H01", "deaf": "H02"}
"""Which hospital's orders go to which of the two systems."""

Row = dict[str, Any]

SITE = """\
systems:
  - {{code: SOURCE, name: The source, kind: erp, connector: rest, connection: {{base_url: "{url}", timeout: 5s}}}}
  - code: HONEST
    name: Honours keys
    kind: other
    connector: rest
    connection: {{base_url: "{url}/honest", timeout: 1s}}
    delivery: {{idempotent: true, concurrency: 2, breaker_failures: 50}}
  - code: DEAF
    name: Ignores keys
    kind: other
    connector: rest
    connection: {{base_url: "{url}/deaf", timeout: 1s}}
    delivery: {{idempotent: false, concurrency: 2, breaker_failures: 50}}
feeds:
  - code: orders
    title: Orders
    system: SOURCE
    record_type: goods_order
    mode: changes
    every: 1s
    lag: 1s
    read:
      path: /orders
      records: rows
      paging: {{type: cursor, field: next, param: after, size_param: limit, size: 50}}
      watermark: {{param: since, field: changed, format: number}}
    mapping:
      {{entity: entity, order_number: order, supplier: supplier, quantity: quantity,
        ordered_at: parse_timestamp(ordered_at)}}
  - code: receipts
    title: Receipts
    system: SOURCE
    record_type: goods_receipt
    mode: snapshot
    every: 1s
    lag: 1s
    read:
      path: /receipts
      records: rows
      paging: {{type: offset, field: total, size_param: limit, size: 100}}
    mapping:
      {{entity: entity, receipt_number: receipt, order_number: order, quantity: quantity,
        received_at: parse_timestamp(received_at)}}
operations:
  - code: send.honest
    title: Receive it
    system: HONEST
    category: [nothing_received]
    entity: [H01]
    fields: &fields
      order: {{source: key.order_number}}
      quantity: {{source: ordered.quantity, type: quantity}}
    order_key: [order]
    submit:
      path: /receipts/{{order}}
      body: {{order: "{{order}}", quantity: "{{quantity}}"}}
      job: &job {{job_header: Location, done: [done], every: 1s}}
    backoff: &backoff {{first_wait: 1s, shortest_wait: 1s, longest_wait: 2s, max_tries: 30}}
  - code: send.deaf
    title: Receive it
    system: DEAF
    category: [nothing_received]
    entity: [H02]
    fields: *fields
    order_key: [order]
    submit: {{path: "/receipts/{{order}}", body: {{order: "{{order}}", quantity: "{{quantity}}"}}, job: *job}}
    read_back: {{path: "/receipts/{{order}}", found: {{path: order, equals: "{{order}}"}}}}
    backoff: *backoff
"""


@dataclass
class Town:
    """What the systems hold. Safe to ask from any thread."""

    orders: dict[str, Row] = field(default_factory=dict)
    receipts: dict[str, Row] = field(default_factory=dict)
    faults: set[str] = field(default_factory=set)
    books: dict[str, list[str]] = field(default_factory=lambda: {"honest": [], "deaf": []})
    keys: set[str] = field(default_factory=set)
    posts: Counter[str] = field(default_factory=Counter)
    questions: Counter[str] = field(default_factory=Counter)
    """How often each job was asked about."""
    changes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server = Loopback(self.answer)

    @property
    def site(self) -> str:
        """The configuration of these systems, to stand beside the flow's."""
        return SITE.format(url=self.server.url)

    def grow(self, orders: int, fault_every: int = 4) -> None:
        """So many new orders; the first of every `fault_every` is a fault: never received. An older one changes."""
        with self.lock:
            for _ in range(orders):
                number = len(self.orders)
                name = f"PO-{number:04d}"
                entity = "H01" if number // fault_every % 2 else "H02"
                at = datetime.now(UTC)
                self._change({
                    "entity": entity, "order": name, "quantity": "10", "supplier": "Medline",
                    "ordered_at": at.isoformat(),
                })  # fmt: skip
                if number % fault_every == 0:
                    self.faults.add(name)
                else:
                    self._receive(name)
            oldest = self.orders[f"PO-{self.changes % len(self.orders):04d}"]
            self._change({**oldest, "supplier": f"Supplier {self.changes}"})

    @property
    def unapplied(self) -> int:
        """So many faults of which no write has arrived yet."""
        with self.lock:
            return len(self.faults - {name for book in self.books.values() for name in book})

    def received(self, name: str) -> int:
        """How often a system has applied the write of an order."""
        with self.lock:
            return sum(book.count(name) for book in self.books.values())

    def answer(self, asked: Asked) -> Reply:
        """What the server does with one request."""
        with self.lock:
            _, first, *rest = asked.path.split("/")
            if first in self.books and rest[0] == "jobs":
                return self._job(rest[-1])
            if first in self.books:
                return (
                    self._read_back(first, rest[-1]) if asked.method == "GET" else self._write(first, asked)
                )
            return self._changed_orders(asked.query) if first == "orders" else self._all_receipts(asked.query)

    def _changed_orders(self, query: dict[str, str]) -> Reply:
        """By change, up to the newest one when the first page was asked for: what changes between two pages is in
        the next read, and nothing is missed or told twice.
        """
        since, limit = int(query.get("since", 0)), int(query["limit"])
        after, newest = map(int, query.get("after", f"0-{self.changes}").split("-"))
        rows = sorted(self.orders.values(), key=lambda row: row["changed"])
        rows = [row for row in rows if max(after + 1, since) <= row["changed"] <= newest]
        following = f"{rows[limit - 1]['changed']}-{newest}" if len(rows) > limit else None
        return Reply({"rows": rows[:limit], "next": following})

    def _all_receipts(self, query: dict[str, str]) -> Reply:
        start, limit, rows = int(query.get("offset", 0)), int(query["limit"]), list(self.receipts.values())
        return Reply({"rows": rows[start : start + limit], "total": len(rows)})

    def _change(self, row: Row) -> None:
        self.changes += 1
        self.orders[row["order"]] = {**row, "changed": self.changes}

    def _receive(self, name: str) -> None:
        receipt = f"R{len(self.receipts):05d}"
        order = self.orders[name]
        at = datetime.now(UTC)
        self.receipts[receipt] = {
            "entity": order["entity"], "receipt": receipt, "order": name, "quantity": order["quantity"],
            "received_at": at.isoformat(),
        }  # fmt: skip

    def _read_back(self, system: str, name: str) -> Reply:
        return Reply({"order": name}) if name in self.books[system] else Reply({}, 404)

    def _write(self, system: str, asked: Asked) -> Reply:
        """Every fifth write is applied and not answered, every seventh is refused for now, every third is a job."""
        self.posts[system] += 1
        if self.posts[system] % 7 == 0:
            return Reply({"message": "busy"}, 503)
        name, key = json.loads(asked.body)["order"], asked.headers["idempotency-key"]
        if system == "deaf" or key not in self.keys:
            self.books[system].append(name)
            self._receive(name)
        self.keys.add(key)
        if self.posts[system] % 5 == 0:
            return Reply(dropped=True)
        if self.posts[system] % 3 == 0:
            return Reply({"order": name}, 202, {"Location": f"/{system}/jobs/{name}"})
        return Reply({"order": name}, 201)

    def _job(self, name: str) -> Reply:
        """At work when it is first asked about, then nobody answers, then it is done."""
        self.questions[name] += 1
        asked = self.questions[name]
        return Reply(dropped=True) if asked == 2 else Reply({"state": "running" if asked == 1 else "done"})
