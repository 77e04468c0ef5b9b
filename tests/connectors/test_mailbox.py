"""The `files` connector over a mailbox.

The server is a small one of our own that speaks as much IMAP as `imaplib` asks of it here; it is not a real
mail server, and what differs between real ones (folder separators, quotas) is not tried.
"""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.base import Connector, FeedContentError, TransportError
from exceptions_app.connectors.registry import build_connector

CAME = '"23-Nov-2026 08:00:00 +0100"'


class MailServer(socketserver.ThreadingTCPServer):
    """Folders of mail by UID, for one user. `move`: whether it knows MOVE."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, move: bool) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.move = move
        self.folders: dict[str, dict[int, bytes]] = {"INBOX": {}}
        self.next_uid = 1
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def add(self, message: EmailMessage) -> None:
        self.folders["INBOX"][self.next_uid] = message.as_bytes()
        self.next_uid += 1


class Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.selected: dict[int, bytes] = {}
        self.deleted: set[int] = set()
        self._say(b"* OK ready")
        while line := self.rfile.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            if self._answer(tag, rest) is False:
                return

    def _answer(self, tag: str, rest: str) -> bool | None:
        words = re.findall(r'"[^"]*"|\S+', rest)
        command = words[0].upper()
        if command == "CAPABILITY":
            self._say(f"* CAPABILITY IMAP4rev1{' MOVE' if self.server.move else ''}".encode())
        elif command == "LOGIN" and words[1:] != ["in@site.example", '"s3cret"']:
            self._say(f"{tag} NO wrong".encode())
            return None
        elif command == "SELECT" and words[1].strip('"') not in self.server.folders:
            self._say(f"{tag} NO no such folder".encode())
            return None
        elif command == "SELECT":
            self.selected = self.server.folders[words[1].strip('"')]
            self._say(f"* {len(self.selected)} EXISTS".encode())
        elif command == "CREATE":
            self.server.folders.setdefault(words[1].strip('"'), {})
        elif command == "EXPUNGE":
            for uid in self.deleted:
                self.selected.pop(uid, None)
        elif command == "LOGOUT":
            self._say(b"* BYE")
        elif command == "UID":
            self._uid(words[1].upper(), words[2:])
        self._say(f"{tag} OK done".encode())
        return command != "LOGOUT"

    def _uid(self, command: str, words: list[str]) -> None:
        if command == "SEARCH":
            self._say(f"* SEARCH {' '.join(map(str, self.selected))}".encode())
            return
        uid = int(words[0])
        message = self.selected.get(uid)
        if message is None:
            return
        if command == "FETCH" and "INTERNALDATE" in words[1]:
            self._say(f"* 1 FETCH (UID {uid} INTERNALDATE {CAME})".encode())
        elif command == "FETCH":
            self._say(f"* 1 FETCH (UID {uid} BODY[] {{{len(message)}}}".encode() + b"\r\n" + message + b")")
        elif command in ("COPY", "MOVE"):
            self.server.folders[words[1].strip('"')][uid] = message
            if command == "MOVE":
                self.selected.pop(uid)
        elif command == "STORE":
            self.deleted.add(uid)

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@pytest.fixture(params=[True, False], ids=["move", "copy"])
def server(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    made = MailServer(move=request.param)
    yield made
    made.shutdown()
    made.server_close()


def mail(sender: str = "erp@vendor.example", **attachments: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"] = f"ERP <{sender}>", "Daily file"
    message.set_content("see attached")
    for name, text in attachments.items():
        message.add_attachment(text.encode(), maintype="text", subtype="csv", filename=f"{name}.csv")
    return message


def connect(server: MailServer, **connection: Any) -> Connector:
    root = f"imap://127.0.0.1:{server.server_address[1]}/INBOX"
    options = {"root": root, "username": "in@site.example", "password": "env:MAIL_PASSWORD", **connection}
    system = {"code": "m", "name": "M", "kind": "other", "connector": "files", "connection": options}
    feed = {
        "code": "f",
        "system": "m",
        "record_type": "t",
        "read": {"pattern": "receipts*.csv"},
        "mapping": {"a": "a"},
    }
    return build_connector(System.model_validate(system), Feed.model_validate(feed))


def held(server: MailServer) -> dict[str, list[int]]:
    return {name: sorted(messages) for name, messages in server.folders.items() if messages}


def test_attachments_are_read_and_their_mail_is_put_away(server: MailServer) -> None:
    server.add(mail(receipts="a\n1\n", terms="no\n"))
    server.add(mail(news="hello\n"))
    source = connect(server)
    pages = list(source.read(None))
    assert [(row.position, row.values["a"]) for page in pages for row in page.rows] == [
        ("1/receipts.csv:2", "1")
    ]
    source.acknowledge()
    source.close()
    source.close()
    assert held(server) == {"INBOX": [2], "archive": [1]}


def test_the_same_attachment_again_is_recognised_by_its_content(server: MailServer) -> None:
    server.add(mail(receipts="a\n1\n"))
    server.add(mail(receipts="a\n1\n"))
    source = connect(server)
    assert [len(page.rows) for page in source.read(None) if page.rows] == [1]
    source.acknowledge()
    assert held(server) == {"archive": [1, 2]}


def test_mail_with_an_attachment_that_cannot_be_read_goes_to_the_errors(server: MailServer) -> None:
    server.add(mail(receipts="", receipts2="a\n1\n"))
    source = connect(server)
    with pytest.raises(FeedContentError, match="the file is empty"):
        list(source.read(None))
    source.acknowledge()
    assert held(server) == {"errors": [1]}
    with pytest.raises(FeedContentError, match="was refused and has not been delivered again"):
        list(connect(server).read(None))


def test_only_mail_of_known_senders_is_looked_at(server: MailServer) -> None:
    server.add(mail("mallory@evil.example", receipts="a\n1\n"))
    server.add(mail("erp@vendor.example", receipts="a\n2\n"))
    source = connect(server, senders=["@vendor.example"])
    assert [row.values["a"] for page in source.read(None) for row in page.rows] == ["2"]


def test_a_wrong_password_and_a_folder_that_is_not_there_are_named(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TransportError, match=r"connection\.username is missing"):
        connect(server, username=None)
    lost = connect(server, root=f"imap://127.0.0.1:{server.server_address[1]}/Bills")
    with pytest.raises(TransportError, match="no mail folder Bills"):
        list(lost.read(None))
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    with pytest.raises(TransportError, match="refuses username or password") as refused:
        connect(server)
    assert refused.value.permanent


def test_a_mail_server_that_is_away_may_come_back(server: MailServer, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="cannot be reached") as away:
        connect(server, root="imaps://127.0.0.1:1/INBOX")
    assert not away.value.permanent
