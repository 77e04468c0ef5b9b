"""`python -m demo` as people start it: a process that says when it is ready, and ends on SIGTERM."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from demo.redis_server import available


class _Running:
    """A network in a process of its own; `env` is what it wrote for the catalog."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "demo", "--home", str(home), "--scale", "0.2", "--calm", "--quiet"]
        self.home = home
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        self.description: dict[str, Any] = json.loads((home / "network.json").read_text(encoding="utf-8"))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=120)


def _control(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo.control", "--home", str(home), *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_serves_is_controlled_ends_and_resumes_on_the_same_ports(tmp_path: Path) -> None:
    running = _Running(tmp_path / "home")
    try:
        assert running.description["ready"] is True
        assert running.description["pid"] == running.process.pid
        broker = "redis://127.0.0.1:" if available() else "filesystem://"
        assert running.description["env"]["DEMO_HCM_BROKER"].startswith(broker)
        assert f"python -m demo.control --home {running.home}" in running.said
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(running.description["env"]["DEMO_AP_URL"] + "/rest/v1/invoice-lines")

        said = _control(running.home, "outage", "ap_automation", "120")
        assert json.loads(said.stdout)["moods"]["ap_automation"] == ["outage"]
        said = _control(running.home, "plant", "price_variance")
        (planted,) = json.loads(said.stdout)["planted"]
        said = _control(running.home, "repair", str(planted))
        assert json.loads(said.stdout)["repaired"].startswith("price_variance")
        said = _control(running.home, "repair", str(planted))
        assert said.returncode == 1 and "was already repaired" in said.stderr
        rows = json.loads(_control(running.home, "ledger", "--category", "price_variance").stdout)
        assert rows[-1]["id"] == planted and rows[-1]["healed_at"]
    finally:
        assert running.stop() == 0
    assert not (running.home / "network.json").exists()
    assert "no network runs in" in _control(running.home, "status").stderr

    again = _Running(tmp_path / "home")
    try:
        assert again.description["env"] == running.description["env"]
    finally:
        assert again.stop() == 0


def test_a_connection_that_is_cut_after_a_write_leaves_it_in_the_book(tmp_path: Path) -> None:
    running = _Running(tmp_path / "home")
    try:
        environment = running.description["env"]
        said = _control(running.home, "trouble", "portal", "drop", "1")
        assert json.loads(said.stdout)["troubles"]["portal"] == {"drop": 1}
        headers = {"X-Api-Key": environment["DEMO_PORTAL_API_KEY"], "Content-Type": "application/json"}
        headers["Idempotency-Key"] = "k1"
        request = urllib.request.Request(
            environment["DEMO_PORTAL_URL"] + "/v1/invoice-requests", b'{"order": "4500117001"}', headers
        )
        with pytest.raises(http.client.RemoteDisconnected):
            urllib.request.urlopen(request)
        (entry,) = json.loads(_control(running.home, "book", "portal").stdout)
        assert (entry["idempotency_key"], entry["applied"]) == ("k1", 1)
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
    finally:
        assert running.stop() == 0
