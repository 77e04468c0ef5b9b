"""What `docs/first-exception.md` says is what happens: its files are written, its commands are run, in its order."""

from __future__ import annotations

import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from exceptions_app import create_app
from exceptions_app.config import load_settings
from jobs.cli import tieout

GUIDE = Path(__file__).parents[2] / "docs" / "first-exception.md"
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Newcomer:
    """Somebody who does what the guide says, in an empty directory."""

    monkeypatch: pytest.MonkeyPatch
    said: str = ""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def follow(self, kind: str, file: str, text: str) -> None:
        if kind == "sh":
            for line in text.splitlines():
                self._type(line)
        elif kind == "text":
            told = {" ".join(line.split()) for line in self.said.splitlines()}
            for line in text.splitlines():
                assert any(_says(one, line) for one in told), (line, self.said)
        elif kind == "sql":
            with closing(sqlite3.connect(file)) as database, database:
                database.executescript(text)
        else:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(text, encoding="utf-8")

    def _type(self, line: str) -> None:
        words = shlex.split(line)
        match words[0]:
            case "cd":
                self.monkeypatch.chdir(words[1])
            case "export":
                self.monkeypatch.setenv(*words[1].split("=", 1))
            case "python3":
                self.running.append(subprocess.Popen([sys.executable, words[1]], stderr=subprocess.DEVNULL))
                _listens(8099)
            case "curl":
                self._post(line)
            case "tieout":
                result = CliRunner().invoke(tieout, words[1:])
                assert result.exit_code == 0, result.output
                self.said = result.output
            case other:
                raise AssertionError(f"the guide types {other}")

    def _post(self, line: str) -> None:
        """What curl would send, to the application itself."""
        settings = load_settings()
        path = re.search(r"localhost:8080(/\S+)", line)
        secret = re.search(r"Bearer \$(\w+)", line)
        assert path and secret and "--data @event.json" in line
        headers = {
            "Authorization": f"Bearer {os.environ[secret[1]]}",
            "Content-Type": "application/cloudevents+json",
        }
        answer = (
            create_app(settings)
            .test_client()
            .post(path[1], headers=headers, data=Path("event.json").read_bytes())
        )
        assert answer.status_code == 202, answer.text


def _says(line: str, expected: str) -> bool:
    """Whether a line begins and ends as is expected, with other counts between."""
    return all(re.search(rf"(^|\s){re.escape(part)}(\s|,|$)", line) for part in _parts(expected))


def _parts(expected: str) -> list[str]:
    return re.findall(r"[a-z]+ \d+|\S+", expected)


def _listens(port: int) -> None:
    for _ in range(200):
        with closing(socket.socket()) as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens at {port}")


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newcomer]:
    for name in ("TIEOUT_INSTANCE", "TIEOUT_CATALOG", "TIEOUT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TIEOUT_CHEAP_PASSWORDS", "true")
    monkeypatch.chdir(tmp_path)
    found = Newcomer(monkeypatch)
    yield found
    for process in found.running:
        process.kill()
        process.wait()


def test_each_of_the_four_ways_ends_in_an_exception_that_the_data_closes(newcomer: Newcomer) -> None:
    blocks = _BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert len([kind for kind, _, _ in blocks if kind == "text"]) == 8
    for kind, file, text in blocks:
        newcomer.follow(kind, file, text)
