"""The four patterns of the demo are what they say: signed webhooks, files over SFTP, a database read as one."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from demo.life import Life
from demo.network import Network
from demo.sftp import USER, SftpServer
from demo.webhooks import Webhooks, secret_of
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import System
from exceptions_app.connectors.events.arriving import events_in
from exceptions_app.connectors.events.options import EventsRead, EventsSignature
from exceptions_app.connectors.events.said import Kept, rows_of
from exceptions_app.connectors.events.signatures import verify
from exceptions_app.connectors.registry import build_connector, connector_models

CATALOG = Path(__file__).parents[2] / "demo" / "catalog"


@pytest.fixture
def network(tmp_path: Path) -> Network:
    found = Network(tmp_path, scale=0.02, calm=True)
    found.build(datetime.now(UTC).replace(microsecond=0))
    return found


def test_the_patterns_of_the_catalog_are_all_four() -> None:
    catalog = load_catalog(CATALOG, connector_models())
    read = {catalog.systems[feed.system].connector for feed in catalog.feeds.values()}
    assert {"rest", "events", "sql", "files"} <= read


def test_webhooks_of_new_orders_are_signed_and_become_records(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[tuple[dict[str, str], bytes]] = []
    enough = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(503 if len(got) == 1 else 202)
            self.end_headers()
            if len(got) >= 7:
                enough.set()

        def log_message(self, format: str, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("demo.webhooks._PAUSE", 0.01)
    secret = secret_of("s3cret")
    webhooks = Webhooks(f"http://127.0.0.1:{server.server_port}/", secret)
    sending = threading.Thread(target=webhooks.run, daemon=True)
    sending.start()
    Life(network, webhooks=webhooks).live_on(datetime.now(UTC).replace(microsecond=0), 3)
    assert enough.wait(10)
    webhooks.stop()
    sending.join(5)
    server.shutdown()
    server.server_close()
    monkeypatch.setenv("PORTAL", secret)
    signature = EventsSignature.model_validate({"type": "standard", "secrets": ["env:PORTAL"]})
    feed = load_catalog(CATALOG, connector_models()).feeds["portal_acknowledgements"]
    options, now = EventsRead.model_validate(feed.read), datetime.now(UTC)
    for headers, body in got:
        verify(signature, headers, body, now)
        [event] = events_in(options, headers, body)
        [row] = rows_of(
            options,
            Kept(1, event.id, event.source, event.type, event.time, now, event.correlation_id, event.body),
        )
        assert row.values["order"] == event.correlation_id
        assert {"facility", "supplier", "status"} <= set(row.values)


def test_payroll_is_read_over_sftp_with_the_key_that_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "a.csv").write_text("x\n1\n")
    server = SftpServer(folder, tmp_path / "key", "pw")
    monkeypatch.setenv("PW", "pw")
    system = System.model_validate(
        {
            "code": "s", "name": "S", "kind": "payroll", "connector": "files",
            "connection": {
                "root": f"sftp://127.0.0.1:{server.port}/", "username": USER, "password": "env:PW",
                "host_key": server.host_key, "settle": "0s",
            },
        }
    )  # fmt: skip
    feed = load_catalog(CATALOG, connector_models()).feeds["identity_accounts"]
    feed = feed.model_copy(update={"read": {"pattern": "*.csv"}, "mode": "changes"})
    source = build_connector(system, feed)
    try:
        assert [row.values["x"] for page in source.read(None) for row in page.rows] == ["1"]
        source.acknowledge()
        assert (folder / "archive" / "a.csv").exists()
    finally:
        source.close()
        server.stop()
    again = SftpServer(folder, tmp_path / "key", "pw")
    assert again.host_key == server.host_key
    again.stop()


def test_accounts_are_read_from_the_identity_platforms_own_database(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = load_catalog(CATALOG, connector_models())
    monkeypatch.setenv("DEMO_IDENTITY_DATABASE", f"sqlite:///{network.home / 'identity.sqlite'}")
    feed = catalog.feeds["identity_accounts"]
    source = build_connector(catalog.systems[feed.system], feed)
    rows = [row for page in source.read(None) for row in page.rows]
    source.close()
    held = network.identity.rows("SELECT count(*) AS n FROM accounts")
    assert len(rows) == held[0]["n"] > 0
    assert {"account", "worker", "kind", "enabled", "gone"} <= set(rows[0].values)
