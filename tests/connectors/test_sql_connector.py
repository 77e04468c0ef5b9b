"""The `sql` connector against real databases: SQLite, PostgreSQL, and MariaDB where it is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.base import Again, FeedContentError, Page, TransportError
from exceptions_app.connectors.registry import build_connector
from exceptions_app.connectors.sql.connector import SqlConnector
from exceptions_app.connectors.sql.dialects import open_engine
from exceptions_app.connectors.sql.options import SqlRead

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CREATE = """
CREATE TABLE movement (
  id INTEGER PRIMARY KEY, item VARCHAR(20), quantity NUMERIC(18,4), cost DOUBLE PRECISION,
  moved_on DATE, changed_at TIMESTAMP, seq INTEGER, note VARCHAR(50)
)
"""
INSERT = "INSERT INTO movement VALUES (:id, '00042', 12.3400, 0.1, '2026-11-02', :at, :seq, NULL)"


class Warehouse:
    """A database of movements, and the environment variable that holds its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(url, poolclass=NullPool)
        self.run(CREATE)

    def run(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def add(self, number: int, at: str) -> None:
        self.run(INSERT, id=number, at=at, seq=number * 10)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres), "mariadb"])
def warehouse(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    url = f"sqlite:///{tmp_path / 'wms.sqlite'}"
    if request.param == "postgres":
        url = request.getfixturevalue("empty_postgres_url")
    if request.param == "mariadb":
        url = request.getfixturevalue("empty_mariadb_url")
    monkeypatch.setenv("WMS_URL", url)
    made = Warehouse(url)
    yield made
    made.engine.dispose()


@pytest.fixture
def empty_mariadb_url(mariadb_socket: Path) -> Iterator[str]:
    """An empty database of its own on the test run's server."""
    server = f"mysql+pymysql://root@localhost/{{}}?unix_socket={mariadb_socket}"
    engine = create_engine(server.format(""), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE DATABASE wms"))
    yield server.format("wms")
    with engine.begin() as connection:
        connection.execute(text("DROP DATABASE wms"))


@pytest.fixture
def empty_postgres_url(request: Any, tmp_path: Path) -> Iterator[str]:
    """An empty database of its own on the test run's server."""
    import psycopg
    from sqlalchemy.engine import make_url

    server = request.getfixturevalue("postgres_server")
    name = f"wms_{abs(hash(str(tmp_path))):x}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def connector(read: dict[str, Any], mode: str = "changes") -> SqlConnector:
    named = {"code": "wms", "name": "WMS", "kind": "wms", "connector": "sql"}
    system = System.model_validate({**named, "connection": {"url": "env:WMS_URL"}})
    feed = Feed.model_validate(
        {"code": "f", "system": "wms", "record_type": "m", "mode": mode, "read": read, "mapping": {"a": "a"}}
    )
    built = build_connector(system, feed)
    assert isinstance(built, SqlConnector)
    return built


def ids(pages: list[Page]) -> list[list[Any]]:
    return [[row.values["id"] for row in page.rows] for page in pages]


CHANGES = {"table": "movement", "watermark": {"column": "changed_at"}, "page_size": 2}


def test_rows_come_in_order_by_page_with_exact_values(warehouse: Warehouse) -> None:
    for number in (3, 1, 2):
        warehouse.add(number, f"2026-11-0{number} 08:00:00")
    with time_machine.travel(NOW, tick=False):
        pages = list(connector(CHANGES).read(None))
    assert ids(pages) == [[1, 2], [3]]
    values = pages[0].rows[0].values
    assert not any(isinstance(value, float) for value in values.values())
    assert (str(values["cost"]), values["item"], values["note"]) == ("0.1", "00042", None)
    assert values["moved_on"] == "2026-11-02"
    assert pages[1].rows[0].position == "wms movement row 3"
    assert [json.loads(page.watermark or "")["since"] for page in pages] == [
        "2026-11-02T08:00:00Z",
        "2026-11-03T08:00:00Z",
    ]


def test_the_next_read_starts_at_the_watermark_less_its_overlap(warehouse: Warehouse) -> None:
    warehouse.add(1, "2026-11-01 08:00:00")
    warehouse.add(2, "2026-11-02 08:00:00")
    with time_machine.travel(NOW, tick=False):
        mark = list(connector(CHANGES).read(None))[-1].watermark
        warehouse.add(3, "2026-11-02 07:59:30")  # committed late
        again = list(connector(CHANGES).read(mark))
    assert ids(again) == [[3, 2]]
    assert again[-1].watermark == mark


def test_a_row_from_the_future_does_not_hide_later_changes(warehouse: Warehouse) -> None:
    warehouse.add(1, "2037-01-01 00:00:00")
    with time_machine.travel(NOW, tick=False):
        pages = list(connector(CHANGES).read(None))
    assert json.loads(pages[-1].watermark or "") == {"since": "2026-11-24T12:00:00Z"}


def test_a_query_and_a_number_that_grows(warehouse: Warehouse) -> None:
    for number in (1, 2, 3):
        warehouse.add(number, "2026-11-01 08:00:00")
    read = {
        "query": "SELECT id, seq AS version FROM movement WHERE id <> 2;",
        "watermark": {"column": "version", "format": "number"},
    }
    pages = list(connector(read).read(None))
    assert ids(pages) == [[1, 3]]
    assert json.loads(pages[-1].watermark or "") == {"since": "30"}
    assert ids(list(connector(read).read(pages[-1].watermark))) == [[3]]


def test_no_rows_are_one_empty_page_that_keeps_the_watermark(warehouse: Warehouse) -> None:
    mark = json.dumps({"since": "2026-11-02T08:00:00Z"})
    pages = list(connector(CHANGES).read(mark))
    assert [(page.rows, page.watermark) for page in pages] == [([], mark)]


def test_a_snapshot_reads_everything(warehouse: Warehouse) -> None:
    warehouse.add(1, "2026-11-01 08:00:00")
    mark = json.dumps({"since": "2026-11-20T08:00:00Z"})
    assert ids(list(connector(CHANGES, mode="snapshot").read(mark))) == [[1]]


def test_all_keys(warehouse: Warehouse) -> None:
    warehouse.add(1, "2026-11-01 08:00:00")
    keys = connector({**CHANGES, "keys": ["item", "id"]}).all_keys()
    assert keys is not None
    assert [dict(row.values) for row in keys] == [{"item": "00042", "id": 1}]
    assert connector(CHANGES).all_keys() is None


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM movement RETURNING id) SELECT id FROM gone",
        "SELECT id FROM movement; DELETE FROM movement",
    ],
)
def test_nothing_can_be_written_through_it(warehouse: Warehouse, query: str) -> None:
    warehouse.add(1, "2026-11-01 08:00:00")
    with pytest.raises(TransportError) as refused:
        list(connector({"query": query}).read(None))
    assert refused.value.permanent
    with warehouse.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM movement")).scalar() == 1


@pytest.mark.parametrize("read", [{"table": "nowhere"}, {**CHANGES, "watermark": {"column": "nothing"}}])
def test_what_the_database_refuses_is_said_in_its_words_and_is_permanent(
    warehouse: Warehouse, read: dict[str, Any]
) -> None:
    with pytest.raises(TransportError) as refused:
        list(connector(read).read(None))
    assert refused.value.permanent
    assert refused.value.where.startswith("wms ")
    assert "nowhere" in refused.value.message or "nothing" in refused.value.message


def test_a_watermark_that_cannot_be_ordered_names_the_row(warehouse: Warehouse) -> None:
    warehouse.add(1, "2026-11-01 08:00:00")
    read = {"table": "movement", "watermark": {"column": "item", "format": "timestamp"}}
    with pytest.raises(FeedContentError, match="wms movement row 1 item"):
        list(connector(read).read(None))


@pytest.mark.parametrize(
    ("url", "permanent"),
    [("nonsense", True), ("sqlite:////nowhere/at/all.sqlite", False), ("klingon://x/y", True)],
)
def test_an_address_that_cannot_be_opened_is_refused_without_being_said(
    monkeypatch: pytest.MonkeyPatch, url: str, permanent: bool
) -> None:
    monkeypatch.setenv("WMS_URL", url)
    with pytest.raises(TransportError) as refused:
        connector(CHANGES)
    assert refused.value.permanent is permanent
    assert refused.value.where == "connection.url"
    assert not Path("/nowhere").exists()


def test_a_database_that_does_not_answer_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WMS_URL", "postgresql://reader:s3cret@127.0.0.1:9/wms")
    with pytest.raises(TransportError) as refused:
        list(connector(CHANGES).read(None))
    assert not refused.value.permanent
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "either table or query"),
        ({"table": "a", "query": "SELECT 1"}, "either table or query"),
        ({"query": "DELETE FROM a"}, "must be a SELECT"),
    ],
)
def test_sql_options_that_cannot_work_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SqlRead.model_validate(options)


def test_one_record_is_asked_for_by_its_key_whatever_the_columns_type(warehouse: Warehouse) -> None:
    for number in (1, 2):
        warehouse.add(number, "2026-11-01 08:00:00")
    of_number, of_text = {**CHANGES, "one": {"number": "id"}}, {**CHANGES, "one": {"item": "item"}}
    one = connector(of_number).read_one({"number": "2", "entity": "H1"})
    assert one is not None and [row.values["id"] for row in one] == [2]
    both = connector(of_text).read_one({"item": "00042"})
    assert both is not None and len(both) == 2
    assert connector(of_text).read_one({"item": "x' OR '1'='1"}) == []
    assert connector(of_text).read_one({"number": "2"}) is None
    assert connector(CHANGES).read_one({"number": "2"}) is None


# ---- what the user may not do ---------------------------------------------------
@pytest.mark.postgres
def test_a_table_that_the_user_may_not_read_is_told_apart_from_one_that_is_not_there(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Warehouse(empty_postgres_url)
    role = f"reader_{abs(hash(empty_postgres_url)) % 10**9}"
    made.run(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        url = make_url(empty_postgres_url).set(username=role, password="x")
        monkeypatch.setenv("WMS_URL", url.render_as_string(hide_password=False))
        with pytest.raises(TransportError, match="the user may not read it: permission denied") as refused:
            list(connector({"table": "movement"}).read(None))
        assert refused.value.permanent
        assert "grant it SELECT" in refused.value.message
        monkeypatch.setenv("WMS_URL", url.set(username="nobody_here").render_as_string(hide_password=False))
        with pytest.raises(TransportError) as unknown:
            list(connector({"table": "movement"}).read(None))
        assert "refuses the user or the password of connection.url" in unknown.value.message
        assert unknown.value.permanent
    finally:
        made.run(f"DROP ROLE {role}")


def test_a_statement_of_sqlite_ends_at_its_time_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'wms.sqlite'}"
    monkeypatch.setenv("WMS_URL", url)
    Warehouse(url).engine.dispose()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
    source = SqlConnector(open_engine(url, 0.2), SqlRead(query=endless), label="wms query", timeout=0.2)
    with pytest.raises(TransportError, match="interrupted") as late:
        list(source.read(None))
    assert not late.value.permanent


# ---- rows that commit late ------------------------------------------------------
def test_the_mark_stays_behind_the_read_by_the_lag(warehouse: Warehouse) -> None:
    warehouse.add(1, "2026-11-24 11:59:00")
    mark = {"column": "changed_at", "lag": "15m", "overlap": "0s"}
    with time_machine.travel(NOW, tick=False):
        pages = list(connector({**CHANGES, "watermark": mark}).read(None))
        assert json.loads(pages[-1].watermark or "")["since"] == "2026-11-24T11:45:00Z"
        warehouse.add(2, "2026-11-24 11:46:00")  # its transaction was open when the first was read
        again = list(connector({**CHANGES, "watermark": mark}).read(pages[-1].watermark))
    assert ids(again) == [[2, 1]]


def test_numbers_are_read_again_so_many_back(warehouse: Warehouse) -> None:
    warehouse.add(10, "2026-11-24 11:00:00")
    mark = {"column": "seq", "format": "number", "step_back": 50}
    with time_machine.travel(NOW, tick=False):
        read = {**CHANGES, "watermark": mark}
        pages = list(connector(read).read(None))
        warehouse.add(6, "2026-11-24 11:00:00")
        warehouse.add(4, "2026-11-24 11:00:00")
        assert ids(list(connector(read).read(pages[-1].watermark))) == [[6, 10]]


def test_a_user_of_mariadb_that_may_not_read_is_told_so(
    empty_mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Warehouse(empty_mariadb_url)
    made.run("CREATE TABLE other (id INTEGER)")
    made.run("CREATE USER reader@localhost IDENTIFIED BY 'x'")
    made.run("GRANT SELECT ON wms.other TO reader@localhost")
    try:
        url = make_url(empty_mariadb_url).set(username="reader", password="x")
        monkeypatch.setenv("WMS_URL", url.render_as_string(hide_password=False))
        with pytest.raises(TransportError, match=r"the user may not read it: .*command denied") as refused:
            list(connector({"table": "movement"}).read(None))
        assert refused.value.permanent
        monkeypatch.setenv("WMS_URL", url.set(password="wrong").render_as_string(hide_password=False))
        with pytest.raises(
            TransportError, match=r"refuses the user or the password of connection\.url"
        ) as unknown:
            list(connector({"table": "movement"}).read(None))
        assert unknown.value.permanent
        assert "wrong" not in str(unknown.value)
    finally:
        made.run("DROP USER reader@localhost")


def test_a_statement_of_mariadb_ends_at_its_time_out(
    empty_mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WMS_URL", empty_mariadb_url)
    columns = "information_schema.columns"
    long = f"SELECT count(*) AS c FROM {columns} a, {columns} b, {columns} c"
    source = SqlConnector(
        open_engine(empty_mariadb_url, 1), SqlRead(query=long), label="wms query", timeout=0.2
    )
    with pytest.raises(TransportError, match="max_statement_time") as late:
        list(source.read(None))
    assert not late.value.permanent


# ---- local time -----------------------------------------------------------------
LOCAL = {"column": "changed_at", "zone": "America/Chicago", "lag": "15m", "overlap": "1m"}


def test_the_lag_binds_where_the_database_keeps_local_time_west_of_utc(warehouse: Warehouse) -> None:
    read = {**CHANGES, "watermark": LOCAL}
    warehouse.add(1, "2026-11-24 05:59:00")  # 11:59 in UTC
    with time_machine.travel(NOW, tick=False):
        pages = list(connector(read).read(None))
        assert json.loads(pages[-1].watermark or "")["since"] == "2026-11-24T11:45:00Z"
        warehouse.add(2, "2026-11-24 05:46:00")  # its transaction was open when the first was read
        warehouse.add(3, "2026-11-24 05:43:00")
        again = list(connector(read).read(pages[-1].watermark))
    assert ids(again) == [[2, 1]]


def test_what_changes_in_the_second_passing_of_an_hour_is_read(warehouse: Warehouse) -> None:
    read = {**CHANGES, "watermark": {**LOCAL, "lag": "0s"}}
    warehouse.add(1, "2026-11-01 01:50:00")  # an hour that comes twice there: 06:50 in UTC, or 07:50
    with time_machine.travel(datetime(2026, 11, 1, 6, 55, tzinfo=UTC), tick=False):
        mark = list(connector(read).read(None))[-1].watermark
    assert json.loads(mark or "")["since"] == "2026-11-01T06:50:00Z"
    warehouse.add(2, "2026-11-01 01:10:00")  # an hour and a quarter later
    with time_machine.travel(datetime(2026, 11, 1, 7, 15, tzinfo=UTC), tick=False):
        assert ids(list(connector(read).read(mark))) == [[2, 1]]


def test_a_stretch_is_read_again_by_local_time(warehouse: Warehouse) -> None:
    for number, at in enumerate(("00:59", "01:10", "01:50", "02:10"), 1):
        warehouse.add(number, f"2026-11-01 {at}:00")
    source = connector({**CHANGES, "watermark": LOCAL, "page_size": 9})
    first_hour = Again(since=datetime(2026, 11, 1, 6, tzinfo=UTC), until=datetime(2026, 11, 1, 7, tzinfo=UTC))
    assert ids(list(source.read_again(first_hour))) == [[1, 2, 3]]  # an hour more at its beginning


def test_days_are_those_of_the_zone(warehouse: Warehouse) -> None:
    warehouse.run("INSERT INTO movement (id, moved_on) VALUES (1, '2026-11-25')")
    mark = {"column": "moved_on", "format": "date", "zone": "America/Chicago"}
    with time_machine.travel(datetime(2026, 11, 25, 3, tzinfo=UTC), tick=False):  # still the 24th there
        pages = list(connector({**CHANGES, "watermark": mark}).read(None))
    assert json.loads(pages[-1].watermark or "") == {"since": "2026-11-24"}


@pytest.mark.postgres
def test_a_column_that_knows_its_zone_is_read_alike(empty_postgres_url: str, monkeypatch: Any) -> None:
    made = Warehouse(empty_postgres_url)
    monkeypatch.setenv("WMS_URL", empty_postgres_url)
    json_text, days = """'{"p": [12345678901234.5678, 1.10]}'::json""", "ARRAY['2026-11-24'::date]"
    [page] = connector({"query": f"SELECT {json_text} AS a, {json_text}::jsonb AS b, {days} AS d"}).read(None)
    both = '{"p":["12345678901234.5678",1.10]}'
    assert page.rows[0].values == {"a": both, "b": both, "d": '["2026-11-24"]'}
    made.run("ALTER TABLE movement ALTER changed_at TYPE timestamptz")
    made.add(1, "2026-11-24 11:40:00+00")
    made.add(2, "2026-11-24 11:50:00+00")
    monkeypatch.setenv("WMS_URL", empty_postgres_url)
    mark = json.dumps({"since": "2026-11-24T11:45:00Z"})
    with time_machine.travel(NOW, tick=False):
        pages = list(connector({**CHANGES, "watermark": {**LOCAL, "lag": "0s"}}).read(mark))
    assert ids(pages) == [[2]]
    assert json.loads(pages[-1].watermark or "") == {"since": "2026-11-24T11:50:00Z"}


def test_the_bytes_of_the_values_are_counted(warehouse: Warehouse) -> None:
    warehouse.run("INSERT INTO movement (id, item, seq, note) VALUES (1, 'Müll', 250, NULL), (2, 'x', 7, '')")
    source = connector({"query": "SELECT id, item, seq, note FROM movement"})
    list(source.read(None))
    assert source.bytes_read == len("1Müll2502x7".encode())


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a time zone such as Europe/Berlin"):
        SqlRead.model_validate({"table": "a", "watermark": {"column": "b", "zone": "Chicago"}})
