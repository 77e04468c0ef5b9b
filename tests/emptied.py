"""One PostgreSQL database a worker, emptied after each test: making one anew took half of the time of all tests."""

from __future__ import annotations

import psycopg
from sqlalchemy.engine import make_url

MUCH = 2_000
"""Rows after which a new database is quicker, and has no statistics of what was there."""

_EMPTY = """
DO $$
DECLARE name text; removed bigint; total bigint := 0;
BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('DELETE FROM %I', name);
    GET DIAGNOSTICS removed = ROW_COUNT;
    total := total + removed;
  END LOOP;
  PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL;
  PERFORM set_config('tests.removed', total::text, false);
END $$
"""
_SHAPE = """
SELECT md5(string_agg(
  concat_ws('.', c.oid, a.attnum, a.attname, a.attisdropped, c.relhastriggers), ',' ORDER BY c.oid, a.attnum
))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i', 'v', 'S')
"""
"""What tells whether a test has changed tables or indexes: one that is made again has another number."""


def postgres_url(server: str, name: str) -> str:
    """The URL of one database on the test server."""
    return make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)


class Emptied:
    """Hands out the same database again and again, each time as if it were new."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template, self._name = server, template, f"test_{template}"
        self._shape: tuple[str, ...] | None = None
        self._own: psycopg.Connection[tuple[str, ...]] | None = None

    def take(self) -> str:
        """Its URL."""
        if self._shape is None:
            self.close()
            with psycopg.connect(self._server, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")
                connection.execute(f"CREATE DATABASE {self._name} TEMPLATE {self._template}")
            self._shape = self._connection().execute(_SHAPE).fetchone()
        return postgres_url(self._server, self._name)

    def give_back(self) -> None:
        """Nobody needs it any more."""
        connection = self._connection()
        connection.execute(_EMPTY)
        removed = connection.execute("SELECT current_setting('tests.removed')").fetchone()
        shape = connection.execute(_SHAPE).fetchone()
        if removed is None or int(removed[0]) > MUCH or shape != self._shape:
            self._shape = None

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None

    def _connection(self) -> psycopg.Connection[tuple[str, ...]]:
        """One that stays: a new one reads the catalog anew, which costs more than what it is asked."""
        if self._own is None or self._own.broken or self._own.closed:
            self._own = psycopg.connect(postgres_url(self._server, self._name), autocommit=True)
        return self._own
