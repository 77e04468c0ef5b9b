"""DuckDB sessions: UTC, limited, and deaf to the network."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pytest

from exceptions_app import duck


def test_a_session_is_in_utc_within_its_limits_and_loads_nothing_by_itself() -> None:
    with duck.closing_session("300MB", 1) as con:
        settings = {
            name: duck.scalar(con, f"SELECT current_setting('{name}')")
            for name in ("TimeZone", "threads", "autoload_known_extensions", "autoinstall_known_extensions")
        }
        assert settings == {
            "TimeZone": "UTC",
            "threads": 1,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        }
        assert "MiB" in duck.scalar(con, "SELECT current_setting('memory_limit')")
    with pytest.raises(duckdb.Error):
        con.execute("SELECT 1")


def test_comparison_of_columns_that_hold_nothing_but_null_runs() -> None:
    with duck.closing_session() as con:
        con.execute(
            "CREATE TABLE t AS SELECT CAST(NULL AS VARCHAR) AS s, CAST(NULL AS BOOLEAN) AS f FROM range(5)"
        )
        assert duck.scalar(con, "SELECT f AND '0' = NULLIF(COALESCE(s, ''), '') FROM t LIMIT 1") is None


def test_identifiers_and_literals_survive_whatever_they_hold() -> None:
    with duck.closing_session() as con:
        name, text = 'a "b"; --', "it's; \\ 'quoted'"
        assert (
            duck.scalar(
                con, f"SELECT {duck.quoted(name)} FROM (SELECT {duck.literal(text)} AS {duck.quoted(name)})"
            )
            == text
        )
        assert duck.scalar(con, f"SELECT 2 IN ({duck.literals([1, 2])})") is True
        assert duck.scalar(con, f"SELECT {duck.literal(None)} IS NULL AND {duck.literal(True)}") is True


def test_a_time_is_written_in_utc_and_must_be_aware() -> None:
    at = datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=-5)))
    with duck.closing_session() as con:
        assert duck.scalar(con, f"SELECT epoch({duck.literal(at)})") == at.timestamp()
        assert duck.scalar(con, f"SELECT {duck.literal(at)}::VARCHAR") == at.astimezone(UTC).isoformat(
            " "
        ).replace(":00+00:00", ":00+00")
    with pytest.raises(ValueError, match="naive"):
        duck.literal(at.replace(tzinfo=None))


def test_no_row_has_no_single_value() -> None:
    with duck.closing_session() as con:
        assert duck.scalar(con, "SELECT 1 WHERE false") is None


def test_a_session_has_nothing_of_one_that_was_before_it() -> None:
    with duck.closing_session("200MB", 1) as con:
        con.execute("CREATE TEMP TABLE mine AS SELECT 1")
        con.execute("CREATE TEMP VIEW seen AS SELECT * FROM mine")
    with duck.closing_session("200MB", 1) as con:
        con.execute("CREATE TABLE shared AS SELECT 1")
    for _ in range(2):
        with duck.closing_session("200MB", 1) as con:
            assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == []
            assert duck.scalar(con, "SELECT count(*) FROM duckdb_views() WHERE NOT internal") == 0
    with pytest.raises(ZeroDivisionError), duck.closing_session("200MB", 1) as con:
        con.execute("CREATE TABLE left_behind AS SELECT 1")
        raise ZeroDivisionError
    with duck.closing_session("200MB", 1) as con:
        assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == []


def test_a_process_that_forks_hands_down_no_engine() -> None:
    with duck.closing_session("200MB", 1) as con:
        con.execute("SELECT 1")
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        with duck.closing_session("200MB", 1) as con:
            os._exit(0 if duck.scalar(con, "SELECT sum(range) FROM range(100000)") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
