"""An install that has run before can ask about jobs and end sessions, and keeps its writes and its people."""

from __future__ import annotations

from typing import Any

from alembic import command
from sqlalchemy import Connection, MetaData, insert, inspect, select

from exceptions_app.services import schema
from tests.conftest import NOW, Database

PERSON: dict[str, Any] = {
    "id": 5, "email": "a@example.org", "name": "A", "password_hash": "x", "role": "specialist", "active": True,
    "time_zone": "UTC", "theme": "auto", "failed_sign_ins": 0, "created_at": NOW,
}  # fmt: skip


def _table(connection: Connection, name: str) -> Any:
    found = MetaData()
    found.reflect(connection, only=[name])
    return found.tables[name]


def test_upgrade_from_the_first_revision_keeps_people(database: Database) -> None:
    with database.engine.begin() as connection:
        command.downgrade(schema.alembic_config(connection), "0001")
        people = _table(connection, "user_account")
        connection.execute(
            insert(people).values(
                {each.name: PERSON[each.name] for each in people.columns if each.name in PERSON}
            )
        )
    schema.upgrade(database.engine)
    with database.engine.begin() as connection:
        row = connection.execute(select(_table(connection, "user_account"))).mappings().one()
        assert (row["email"], row["ended_sessions"]) == ("a@example.org", "")
        for table, name in (("delivery", "job"), ("inbox_event", "digest")):
            assert name in {column["name"] for column in inspect(connection).get_columns(table)}


def test_going_back_keeps_people_too(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(insert(_table(connection, "user_account")).values(**PERSON))
        command.downgrade(schema.alembic_config(connection), "0018")
        row = connection.execute(select(_table(connection, "user_account"))).mappings().one()
        assert "ended_sessions" not in row and row["name"] == "A"
        assert "job" not in {column["name"] for column in inspect(connection).get_columns("delivery")}
    schema.upgrade(database.engine)
