"""Writers queue up, readers never wait for them, and what is shared between them is never half-done."""

from __future__ import annotations

import threading

from sqlalchemy import text
from sqlalchemy.orm import Session

from exceptions_app.models import FeedState
from exceptions_app.services.engine import reading
from tests.conftest import Database


def test_a_reader_is_not_kept_waiting_by_a_writer(database: Database) -> None:
    with Session(database.engine) as writer, Session(database.engine) as reader:
        writer.add(FeedState(feed="f"))
        writer.flush()
        assert reading(reader).get(FeedState, "f") is None


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
