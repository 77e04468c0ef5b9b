"""A page of the work queue: 50 rows at 100,000 exceptions, as the server renders it for a signed-in person.

Measured: from the request to the finished HTML, through the whole application (session, gate, queries,
template), in one process, without the socket. Counted: the SQL statements of one page, BEGIN included. Goals:
median at most 10 ms, at most 6 statements. The floor beside it: the page's own two queries, alone.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Subject, figure, interleave

SIZE = 100_000
GOAL_MS, GOAL_STATEMENTS = 10.0, 6
NOW = datetime.now(UTC).replace(microsecond=0)
SITE = Path(__file__).resolve().parent.parent / "tests" / "web" / "site"
EMAIL, SCOPED, PASSWORD = "bench@example.org", "scoped@example.org", "correct horse battery"
DEEP = "deep"


def application(instance: str) -> Any:
    from exceptions_app import create_app
    from exceptions_app.config import Settings

    settings = Settings(instance=Path(instance), catalog=SITE, secret_key="bench", cheap_passwords=True)
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def fill(instance: str) -> None:
    """One person who sees everything, and `SIZE` live exceptions in two queues and two hospitals."""
    from exceptions_app.config import Settings
    from exceptions_app.extensions import db
    from exceptions_app.models import EVERYTHING, ExceptionCase, Role
    from exceptions_app.runtime import runtime
    from exceptions_app.services import people, schema

    schema.upgrade(Settings(instance=Path(instance)).sqlalchemy_url)
    app = application(instance)
    with app.app_context():
        snapshot = runtime().snapshot_id(db.session(), "system:bench", NOW)
        person = people.create_user(
            db.session(), email=EMAIL, name="Bench", password=PASSWORD, role=Role.MANAGER, by="system:bench",
            queues=(EVERYTHING,), entities=(EVERYTHING,), now=NOW, cheap=True,
        )  # fmt: skip
        people.create_user(
            db.session(), email=SCOPED, name="Scoped", password=PASSWORD, role=Role.SPECIALIST, now=NOW,
            by="system:bench", queues=("ap", "stores"), entities=("H01",), cheap=True,
        )  # fmt: skip
        db.session.flush()
        db.session.execute(
            ExceptionCase.__table__.insert(), [_row(i, snapshot, person.id) for i in range(1, SIZE + 1)]
        )
        db.session.commit()


def _row(i: int, snapshot: int, owner: int) -> dict[str, Any]:
    opened = NOW - timedelta(minutes=i * 37 % 86_400)
    due = opened + timedelta(days=3, minutes=i % 600)
    amount = (i * 7919 % 500_000) * 100
    return {
        "fingerprint": sha256(b"%d" % i).digest()[:16], "check_code": "p2p.order_match", "scope": "H01",
        "category": "price_variance" if i % 3 else "bank_differs", "entity": f"H0{i % 2 + 1}",
        "queue": "ap" if i % 4 else "stores", "severity": "medium", "status": "open",
        "reference": f"PO-{i:07d}/1", "counterparty": f"Supplier {i % 900}",
        "sentence": f"Supplier {i % 900} charged $43.75, the order says $31.00.",
        "business_key": "{}", "line_key": f"order_line|H01|PO-{i:07d}|1", "facts": "{}", "also": "[]",
        "evidence_hash": bytes(16), "evidence_version": 1, "amount_e4": amount, "currency": "USD",
        "reporting_amount_e4": amount, "rate_e8": 10**8, "owner_id": owner if i % 5 == 0 else None,
        "recurring": i % 40 == 0, "cycle": 1, "since_at": opened, "first_seen_at": opened,
        "opened_at": opened,
        "on_hold": i % 17 == 0, "paused_seconds": 0, "sla_target": "3 business days",
        "sla_calendar": "office", "sla_stage": "on_track", "due_at": due,
        "due_soon_at": due - timedelta(hours=6), "next_sla_at": due,
        "retry_count": 0, "version": 1, "audit_head": bytes(32), "config_snapshot_id": snapshot,
    }  # fmt: skip


def _client(instance: str, email: str = EMAIL) -> tuple[Any, Any]:
    app = application(instance)
    client = app.test_client()
    assert client.post("/sign-in", data={"email": email, "password": PASSWORD}).status_code == 303
    return app, client


def page(instance: str, path: str, email: str = EMAIL) -> Callable[[], int]:
    """Returns the number of statements of one rendering."""
    from sqlalchemy import event

    from exceptions_app.extensions import db

    app, client = _client(instance, email)
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    if path == DEEP:
        path = "/queue"
        for _ in range(40):
            text = client.get(path).text
            path = text.partition('rel="next"')[2].partition('href="')[2].partition('"')[0]
            path = path.replace("&amp;", "&")

    def render() -> int:
        statements.clear()
        answer = client.get(path)
        assert answer.status_code == 200 and answer.text.count('name="pick"') == 50, answer.status_code
        return len(statements)

    return render


def queries(instance: str) -> Callable[[], int]:
    """The floor: what the page asks the database, without the rest of the page."""
    from exceptions_app.access import viewer_for
    from exceptions_app.extensions import db
    from exceptions_app.queries.cases import page as queue_page
    from exceptions_app.queries.filters import QueueFilter
    from exceptions_app.runtime import runtime
    from exceptions_app.services.engine import reading
    from exceptions_app.services.people import user_by_email

    app = application(instance)
    app.app_context().push()
    user = user_by_email(db.session(), EMAIL)
    assert user is not None
    viewer = viewer_for(user, runtime().catalog)
    db.session.rollback()

    def ask() -> int:
        rows = queue_page(reading(db.session()), viewer, runtime().catalog, QueueFilter(), now=NOW).rows
        db.session.rollback()
        return len(rows)

    return ask


PAGES = {
    "by due time": "/queue",
    "page 40": DEEP,
    "one queue, breached": "/queue?queue=ap&stage=breached",
    "by amount": "/queue?sort=-amount",
    "one entity, oldest first": "/queue?entity=H02&sort=opened",
    "mine": "/queue?owner=me",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as instance:
        fill(instance)
        subjects = {name: Subject(page, (instance, path)) for name, path in PAGES.items()}
        subjects["one of two queues, one hospital"] = Subject(page, (instance, "/queue", SCOPED))
        found = interleave(subjects | {"floor": Subject(queries, (instance,))}, turns=3, calls=40, warm=5)
        floor = found.pop("floor").seconds * 1000
        for name, measured in found.items():
            value = measured.seconds * 1000
            figure(
                f"queue page: {name}", SIZE, value, "ms", against="its own queries", ratio=value / floor,
                goal=f"<= {GOAL_MS:.0f} ms", met=value <= GOAL_MS, peak=measured.peak_mb,
            )  # fmt: skip
        most = max(measured.result for measured in found.values())
        figure(
            "queue page: SQL statements", SIZE, most, "statements", goal=f"<= {GOAL_STATEMENTS}",
            met=most <= GOAL_STATEMENTS,
        )  # fmt: skip


if __name__ == "__main__":
    main()
