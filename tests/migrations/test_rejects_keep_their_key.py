"""An install that has run before gets what rejects know, and loses nothing."""

from __future__ import annotations

from typing import Any

from alembic import command
from sqlalchemy import Connection, MetaData, insert, inspect, select

from exceptions_app.services import schema
from tests.conftest import NOW, Database

SNAPSHOT = {
    "id": 1, "digest": bytes(32), "content": b"{}", "summary": "test", "accepted_by": "system:test",
    "accepted_at": NOW,
}  # fmt: skip
RUN = {
    "id": 7, "feed": "receipts", "status": "complete", "started_at": NOW, "read_started_at": NOW, "rows_read": 1,
    "rows_stored": 0, "rows_rejected": 1, "rows_deleted": 0, "correlation_id": "c", "config_snapshot_id": 1,
}  # fmt: skip
REJECT = {
    "id": 3, "run_id": 7, "feed": "receipts", "position": "row 2", "source_id": "R2/PO-2",
    "column_name": "quantity", "reason": "quantity: expected a number", "raw_masked": "{}", "created_at": NOW,
}  # fmt: skip
COUNTS = ("compared", "matched", "found", "opened", "changed", "seen", "reopened", "closed", "confirmed")
CHECK_RUN = {
    "id": 9, "check_code": "goods.received", "scope": "H01", "status": "complete", "started_at": NOW,
    "sides": "{}", "correlation_id": "c", "config_snapshot_id": 1, **dict.fromkeys(COUNTS, 4),
}  # fmt: skip


def _row(connection: Connection, table: str) -> dict[str, Any]:
    found = MetaData()
    found.reflect(connection, only=[table])
    return dict(connection.execute(select(found.tables[table])).mappings().one())


def _fill(connection: Connection) -> None:
    tables = MetaData()
    tables.reflect(connection)
    for name, row in (
        ("config_snapshot", SNAPSHOT), ("sync_run", RUN), ("reject", REJECT), ("check_run", CHECK_RUN),
    ):  # fmt: skip
        columns = tables.tables[name].columns.keys()
        connection.execute(
            insert(tables.tables[name]).values({key: row[key] for key in columns if key in row})
        )


def test_upgrade_from_the_first_revision_keeps_rejects_and_runs(database: Database) -> None:
    with database.engine.begin() as connection:
        command.downgrade(schema.alembic_config(connection), "0001")
        _fill(connection)
    schema.upgrade(database.engine)
    with database.engine.begin() as connection:
        reject, run = _row(connection, "reject"), _row(connection, "check_run")
    assert (reject["reason"], reject["known"], reject["ended_at"]) == (REJECT["reason"], None, None)
    assert (run["compared"], run["unjudged"]) == (4, 0)


def test_going_back_keeps_rejects_and_runs_too(database: Database) -> None:
    with database.engine.begin() as connection:
        _fill(connection)
        command.downgrade(schema.alembic_config(connection), "0002")
        assert "known" not in {column["name"] for column in inspect(connection).get_columns("reject")}
        assert _row(connection, "reject")["source_id"] == "R2/PO-2"
    schema.upgrade(database.engine)
