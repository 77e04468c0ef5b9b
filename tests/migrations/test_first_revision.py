"""The migrations make, from nothing, exactly the tables that the models describe."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from exceptions_app import models
from exceptions_app.extensions import Base
from exceptions_app.models.search import belongs_to_search
from exceptions_app.services import schema
from tests.conftest import Database


def compared(name: str | None, kind: str, parents: object) -> bool:
    """Full text is searched by tables that no metadata can describe alike for both databases."""
    del parents
    return not (kind == "table" and belongs_to_search(name))


def test_migrations_make_the_tables_of_the_models(database: Database) -> None:
    assert models.__all__
    with database.engine.begin() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": compared}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    schema.upgrade(database.engine)
    newest = ScriptDirectory.from_config(schema.alembic_config()).get_current_head()
    with database.engine.begin() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == newest


def test_the_first_revision_goes_down_and_up_again(database: Database) -> None:
    from alembic import command

    with database.engine.begin() as connection:
        command.downgrade(schema.alembic_config(connection), "base")
        tables = set(connection.dialect.get_table_names(connection))
        assert tables <= {"alembic_version"}
    schema.upgrade(database.engine)
