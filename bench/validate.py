"""`POST /api/v1/validate/supplier` among 50,000 suppliers: from the request to the answer, in one process, warm.

Every second record asked about is one of them written again, so that there is a duplicate to find; none is asked about
twice. Records lie in the store as an install leaves them: a folded base, and changes of a day upon it. Beside it the
first question of a process, which no other has prepared; the first after suppliers have changed costs no more.
"""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.duplicates import names
from bench.measure import Subject, figure, interleave

SUPPLIERS = 50_000
CHANGED = 500
GOAL = 0.3
_AT = datetime(2026, 11, 24, 15, tzinfo=UTC)
_SITE = """
site: {name: Bench, packs: [procure_to_pay]}
entities: [{code: H1, name: North}]
systems: [{code: ERP, name: ERP, kind: erp, connector: rows}]
feeds:
  - {code: suppliers, system: ERP, record_type: supplier,
     mapping: {supplier_id: a, name: a, tax_id: a, status: a, street: a, postal_code: a}}
  - {code: invoices, system: ERP, record_type: invoice_line,
     mapping: {entity: "'H1'", supplier: a, supplier_name: a, invoice_number: a, invoice_line: a, quantity: a, unit: a,
     invoice_type: "'standard'", unit_price: a, amount: a, currency: a, status: a, invoice_date: a, entered_at: a}}
"""


def _install(directory: Path) -> tuple[Any, str]:
    """The application over an empty install, and a program's key."""
    from exceptions_app import create_app
    from exceptions_app.config import Settings
    from exceptions_app.extensions import db
    from exceptions_app.models import EVERYTHING, Role
    from exceptions_app.services import api_keys, people, schema

    site = directory / "catalog"
    site.mkdir(parents=True)
    (site / "site.yaml").write_text(_SITE)
    app = create_app(Settings(instance=directory, catalog=site, secret_key="bench", cheap_passwords=True))
    with app.app_context():
        schema.upgrade(db.engine)
        session = db.session()
        person = people.create_user(
            session, email="bench@example.org", name="Bench", password="correct horse battery", role=Role.MANAGER,
            queues=(EVERYTHING,), entities=(EVERYTHING,), by="system:bench", now=_AT, cheap=True,
        )  # fmt: skip
        session.flush()
        _, key = api_keys.make(session, person, "bench", by="system:bench", now=_AT)
        session.commit()
    return app, key


def _land(app: Any, first: int, said: list[str]) -> None:
    """A finished run that brought suppliers, numbered from `first`."""
    from exceptions_app.duck import closing_session
    from exceptions_app.extensions import db
    from exceptions_app.models import SyncRun
    from exceptions_app.runtime import runtime

    with app.app_context(), closing_session() as con:
        session = db.session()
        run = SyncRun(
            feed="suppliers", status="complete", started_at=_AT, read_started_at=_AT, finished_at=_AT,
            correlation_id="bench", config_snapshot_id=runtime().snapshot_id(session, "system:bench", _AT),
        )  # fmt: skip
        session.add(run)
        session.commit()
        con.execute(
            "CREATE TEMP TABLE told AS SELECT UNNEST($ids)::BIGINT AS i, UNNEST($names) AS name",
            {"ids": [*range(first, first + len(said))], "names": said},
        )
        rows = con.sql(
            "SELECT NULL::VARCHAR AS entity, 'ERP' AS source_system, format('V{:06d}', i) AS source_id,"
            " now() AS source_time, now() AS fetched_at, format('V{:06d}', i) AS supplier_id, name,"
            " format('{:02d}-{:07d}', i % 90 + 10, i * 7919 % 9999991) AS tax_id, 'active' AS status,"
            " format('{} Mill Road', i % 900 + 1) AS street, format('{:05d}', i % 40000) AS postal_code"
            " FROM told ORDER BY i"
        )
        runtime().store.land("supplier", "suppliers", run.id, 0, rows)


def asking(directory: str) -> Callable[[], int]:
    """A subject: one question; how many objections there were."""
    from exceptions_app.runtime import runtime

    place = Path(tempfile.mkdtemp(dir=directory))
    app, key = _install(place)
    known, _ = names(SUPPLIERS)
    _land(app, 0, known)
    runtime(app).store.fold("supplier")
    _land(app, 0, known[:CHANGED])
    client, numbers, rng = app.test_client(), itertools.count(), random.Random(3)
    head = {"Authorization": f"Bearer {key}"}

    def ask() -> int:
        number = next(numbers)
        name = known[rng.randrange(SUPPLIERS)]
        said = f"{name[:-3]}LIMITED" if number % 2 else f"{name[::-1]} {number}"
        record = {
            "supplier_id": f"W{number:06d}",
            "name": said,
            "status": "active",
            "street": f"{number} Low Lane",
        }
        asked = {"system": "ERP", "new": True, "record": record}
        answer = client.post("/api/v1/validate/supplier", json=asked, headers=head)
        assert answer.status_code == 200, answer.text
        assert not answer.json["not_run"], answer.text
        assert bool(answer.json["objections"]) >= bool(number % 2), (said, answer.text)
        return len(answer.json["objections"])

    return ask


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="bench-validate-") as directory:
        asked = Subject(asking, (directory,))
        warm = interleave({"asked": asked}, turns=2, calls=15, warm=2)["asked"]
        first = interleave({"asked": asked}, turns=3, calls=1, warm=0)["asked"]
    figure(
        "validate a supplier", SUPPLIERS, warm.seconds, "s", goal=f"<= {GOAL:g} s", met=warm.seconds <= GOAL,
        peak=warm.peak_mb,
    )  # fmt: skip
    figure("validate a supplier, the first of a process", SUPPLIERS, first.seconds, "s", peak=first.peak_mb)


if __name__ == "__main__":
    main()
