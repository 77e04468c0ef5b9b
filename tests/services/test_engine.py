"""Writers queue up, readers never wait for them, and what is shared between them is never half-done."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import NullPool, create_engine, insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from exceptions_app.models import FeedState
from exceptions_app.services import engine
from exceptions_app.services.engine import done_reading, reading
from tests.conftest import Database


def test_a_reader_is_not_kept_waiting_by_a_writer(database: Database) -> None:
    with Session(database.engine) as writer, Session(database.engine) as reader:
        writer.add(FeedState(feed="f"))
        writer.flush()
        assert reading(reader).get(FeedState, "f") is None


def test_a_reader_sees_one_state_throughout(database: Database) -> None:
    """Else a run that ends in between counts as read while its rows are still hidden."""
    with Session(database.engine) as reader, Session(database.engine) as writer:
        assert reading(reader).get(FeedState, "first") is None
        writer.add(FeedState(feed="second"))
        writer.commit()
        assert reader.get(FeedState, "second") is None
        reader.rollback()
        assert reading(reader).get(FeedState, "second") is not None


def test_writers_that_read_first_do_not_lose_each_others_work(database: Database) -> None:
    with Session(database.engine) as session:
        session.add(FeedState(feed="f", consecutive_failures=0))
        session.commit()

    def count_up() -> None:
        for _ in range(5):
            with Session(database.engine) as session:
                state = session.get_one(FeedState, "f", with_for_update=True)
                state.consecutive_failures += 1
                session.commit()

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(database.engine) as session:
        assert session.get_one(FeedState, "f").consecutive_failures == 20


def test_sqlite_is_set_up_for_several_processes(database: Database) -> None:
    if database.name != "sqlite":
        return
    with database.engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.scalar(text("PRAGMA busy_timeout")) == 30_000


def test_what_strictly_reads_is_refused_what_writes(database: Database) -> None:
    if database.name != "postgres":
        return
    with Session(database.engine) as session:
        reading(session, strictly=True)
        with pytest.raises(DBAPIError, match="read-only"):
            session.execute(insert(FeedState).values(feed="f"))
    with Session(database.engine) as session:
        session.execute(insert(FeedState).values(feed="f"))  # the connection is as it was
        session.commit()


def test_statements_stay_prepared_from_one_reading_to_the_next(database: Database) -> None:
    if database.name != "postgres":
        return
    prepared = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%feed_state%'")
    for _ in range(7):
        with Session(database.engine) as session:
            reading(session, strictly=True).get(FeedState, "f")
            done_reading(session)
    with Session(database.engine) as session:
        assert session.scalar(prepared) == 1
        assert session.scalar(text("SHOW plan_cache_mode")) == "force_custom_plan"


def test_a_transaction_that_writes_is_not_ended_as_a_reading(database: Database) -> None:
    with Session(database.engine) as session:
        session.add(FeedState(feed="f"))
        session.flush()
        done_reading(session)
    with Session(database.engine) as session:
        assert session.get(FeedState, "f") is None


def test_a_connection_that_the_server_closed_is_made_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.name != "postgres":
        return
    monkeypatch.setattr(engine, "TRUSTED_SECONDS", 0.0)
    with Session(database.engine) as session:
        first = session.scalar(text("SELECT pg_backend_pid()"))
    with create_engine(database.url, poolclass=NullPool).connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
    with Session(database.engine) as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != first
