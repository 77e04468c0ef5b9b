"""A mailbox as a drop folder: the attachments of the mail in one of its folders are the files.

Mail moves as a whole, into the mailbox's own folders for what was read and what could not be. Reading marks
nothing as seen. Must not know what attachments hold.
"""

from __future__ import annotations

import email
import email.policy
import imaplib
import io
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parseaddr
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from exceptions_app.domain.instant import utc_now

from ..base import TransportError
from ..references import address, reveal
from .drop import Delivered, fits
from .options import FilesConnection

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_FAILURES = (OSError, imaplib.IMAP4.error)


class Mailbox:
    """The attachments of one mail folder; does for mail what `Drop` does for folders of files."""

    def __init__(self, options: FilesConnection, *, now: Callable[[], datetime] = utc_now) -> None:
        self._options = options
        self._now = now
        self.root = address(options.root, "connection.root")
        url = urlsplit(self.root)
        self._where = f"{url.scheme}://{url.hostname}"
        self._folder = unquote(url.path.strip("/")) or "INBOX"
        if options.username is None or options.password is None:
            raise self._error("connection.username is missing: expected username and password", lasting=True)
        self._imap = self._signed_in(url.hostname or "", url.port, secure=url.scheme == "imaps")

    def finished(self, pattern: str) -> list[Delivered]:
        """The attachments that fit, in the order that the mail came."""
        return sorted(self._attachments(self._folder, pattern), key=lambda file: file.order)

    @contextmanager
    def open(self, file: Delivered) -> Iterator[IO[bytes]]:
        """The attachment's bytes. Raises FileNotFoundError where the mail went away."""
        uid, _, name = file.name.partition("/")
        self._select(self._folder)
        message = self._message(uid)
        found = [] if message is None else [part for held, part in _parts(message) if held == name]
        if not found:
            raise FileNotFoundError(file.name)
        yield io.BytesIO(found[0])

    def delivered_at(self, file: Delivered) -> datetime:
        """When the mail came, never later than now."""
        return min(datetime.fromtimestamp(file.modified or 0, UTC), self._now())

    def unchanged(self, file: Delivered) -> bool:
        """Mail never changes: whether it is still there."""
        self._select(self._folder)
        return file.name.partition("/")[0] in self._uids()

    def refused(self, pattern: str) -> list[Delivered]:
        """The attachments of the mail in the errors folder."""
        return list(self._attachments(self._options.errors, pattern))

    def archive(self, file: Delivered, _tag: str) -> None:
        """Move the mail to what was read; a mailbox may hold two of a name."""
        self._move(file, self._options.archive)

    def refuse(self, file: Delivered, _tag: str) -> None:
        """Move the mail to what could not be read."""
        self._move(file, self._options.errors)

    def close(self) -> None:
        """Sign out; safe to repeat."""
        try:
            self._imap.logout()
        except _FAILURES:
            return

    def _signed_in(self, host: str, port: int | None, *, secure: bool) -> imaplib.IMAP4:
        timeout = self._options.timeout.total_seconds()
        trust = ssl.create_default_context()
        try:
            if secure:
                imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(host, port or 993, ssl_context=trust, timeout=timeout)
            else:
                imap = imaplib.IMAP4(host, port or 143, timeout=timeout)
                if host not in _LOOPBACK:
                    imap.starttls(trust)
        except _FAILURES as error:
            raise self._error(f"cannot be reached: {error}", lasting=False) from error
        user = address(self._options.username or "", "connection.username")
        assert self._options.password is not None  # noqa: S101 - asked before
        try:
            imap.login(user, reveal(self._options.password, "connection.password"))
        except imaplib.IMAP4.error as error:
            message = "refuses username or password (connection.username, password)"
            raise self._error(message, lasting=True) from error
        return imap

    def _attachments(self, folder: str, pattern: str) -> Iterator[Delivered]:
        if not self._select(folder, must=folder == self._folder):
            return
        for uid in self._uids():
            message = self._message(uid)
            if message is None or not self._from_known(message):
                continue
            came = self._came(uid)
            for name, content in _parts(message):
                if fits(name, pattern):
                    yield Delivered(f"{uid}/{name}", uid, len(content), came)

    def _from_known(self, message: EmailMessage) -> bool:
        sender = parseaddr(str(message.get("From", "")))[1].lower()
        known = [each.lower() for each in self._options.senders]
        return not known or any(
            sender == each or (each[:1] == "@" and sender.endswith(each)) for each in known
        )

    def _select(self, folder: str, *, must: bool = True) -> bool:
        status, said = self._ask("SELECT", lambda: self._imap.select(_quoted(folder)))
        if status != "OK" and must:
            raise self._error(f"there is no mail folder {folder} ({_text(said)})", lasting=False)
        return bool(status == "OK")

    def _uids(self) -> list[str]:
        return _text(self._uid("SEARCH", "UNDELETED")).split()

    def _message(self, uid: str) -> EmailMessage | None:
        found = next(
            (part for part in self._uid("FETCH", uid, "(BODY.PEEK[])") if isinstance(part, tuple)), None
        )
        return None if found is None else email.message_from_bytes(found[1], policy=email.policy.default)

    def _came(self, uid: str) -> float:
        said = _text(self._uid("FETCH", uid, "(INTERNALDATE)")).encode()
        moment = imaplib.Internaldate2tuple(said)
        found = re.search(rb'INTERNALDATE "([^"]+)"', said)
        if moment is None or found is None:
            return self._now().timestamp()
        return datetime.strptime(found[1].decode().strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()

    def _move(self, file: Delivered, folder: str) -> None:
        uid = file.name.partition("/")[0]
        if not self.unchanged(file):
            return
        self._ask("CREATE", lambda: self._imap.create(_quoted(folder)))  # says NO where it is there already
        if "MOVE" in self._imap.capabilities:
            self._uid("MOVE", uid, _quoted(folder))
            return
        self._uid("COPY", uid, _quoted(folder))
        self._uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
        self._ask("EXPUNGE", self._imap.expunge)

    def _uid(self, command: str, *words: str) -> list[Any]:
        status, said = self._ask(command, lambda: self._imap.uid(command, *words))
        if status != "OK":
            raise self._error(f"{command}: {_text(said)}", lasting=False)
        return said

    def _ask(self, what: str, call: Callable[[], tuple[str, list[Any]]]) -> tuple[str, list[Any]]:
        try:
            return call()
        except _FAILURES as error:
            raise self._error(f"{what}: {error}", lasting=False) from error

    def _error(self, message: str, *, lasting: bool) -> TransportError:
        return TransportError(message, permanent=lasting, where=self._where)


def _parts(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each attachment; a name without its folders."""
    for part in message.walk():
        name = part.get_filename()
        if name and not part.is_multipart():
            content = part.get_payload(decode=True)
            yield re.split(r"[/\\]", name)[-1], content if isinstance(content, bytes) else b""


def _text(said: list[Any]) -> str:
    return " ".join(part.decode("utf-8", "replace") for part in said if isinstance(part, bytes))


def _quoted(folder: str) -> str:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
