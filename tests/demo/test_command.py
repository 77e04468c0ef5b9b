"""`tieout demo`, as a person starts and ends it: an address and accounts that work, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

STARTS_WITHIN = 180
"""Seconds, on a busy machine; a first start builds 120 days of history."""


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_it_prints_an_address_and_accounts_that_open_it_and_ends_whole(tmp_path: Path, port: int) -> None:
    command = [sys.executable, "-m", "jobs", "demo", "--port", str(port)]
    environ = {**os.environ, "TIEOUT_INSTANCE": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as demo:
        try:
            said = printed(demo, f"http://127.0.0.1:{port}")
            email, password = account(said)
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as client:
                form = client.get("/sign-in").text
                token = re.search(r'name="csrf_token" value="([^"]+)"', form)
                assert token is not None
                given = {"email": email, "password": password, "csrf_token": token[1]}
                assert "My work" in client.post("/sign-in", data=given).text
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=120)
    assert not alive(demo.pid)


def printed(demo: subprocess.Popen[str], wanted: str) -> str:
    """What it says until the address and the accounts are there."""
    lines: list[str] = []
    until = time.monotonic() + STARTS_WITHIN
    assert demo.stdout is not None
    while time.monotonic() < until:
        line = demo.stdout.readline()
        assert line, "it ended:\n" + "".join(lines)
        lines.append(line)
        if wanted in "".join(lines) and account("".join(lines)) != ("", ""):
            return "".join(lines)
    raise AssertionError("no address:\n" + "".join(lines))


def account(said: str) -> tuple[str, str]:
    """The first account and its password."""
    email = re.search(r"[\w.]+@larkhaven\.example", said)
    password = re.search(r"password is (\S+)", said, re.IGNORECASE)
    return (email[0], password[1]) if email and password else ("", "")


def alive(group: int) -> bool:
    """Whether anything of its process group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
