"""A small S3-compatible store of our own: it lists, gives, copies and deletes objects as s3fs asks, and does not check
signatures.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

CHANGED = datetime(2026, 11, 20, 8, 30, 5, 123000, tzinfo=UTC)
LISTING = '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</ListBucketResult>'


class Store(ThreadingHTTPServer):
    """The objects of one bucket, `drop`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.objects: dict[str, bytes] = {}
        self.refuses = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def _place(self) -> tuple[str, str, dict[str, str]]:
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        return (
            bucket,
            key,
            {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()},
        )

    def do_GET(self) -> None:
        bucket, key, query = self._place()
        if self.server.refuses:
            self._say(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        elif bucket != "drop":
            self._say(404, "<Error><Code>NoSuchBucket</Code><Message>no such bucket</Message></Error>")
        elif not key:
            self._say(200, self._listing(query))
        elif key not in self.server.objects:
            self._say(404, "<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")
        else:
            self._object(self.server.objects[key])

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        _, key, _ = self._place()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if source := self.headers.get("x-amz-copy-source"):
            body = self.server.objects[unquote(source).lstrip("/").partition("/")[2]]
        self.server.objects[key] = body
        self._say(200, f"<CopyObjectResult><ETag>{_tag(body)}</ETag></CopyObjectResult>")

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._place()[1], None)
        self._say(204, "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        for key in re.findall(r"<Key>(.*?)</Key>", body):
            self.server.objects.pop(key, None)
        self._say(200, "<DeleteResult/>")

    def _listing(self, query: dict[str, str]) -> str:
        prefix, mark = query.get("prefix", ""), query.get("delimiter", "")
        found, folders = [], set()
        for key, body in sorted(self.server.objects.items()):
            if not key.startswith(prefix):
                continue
            rest = key[len(prefix) :]
            if mark and mark in rest:
                folders.add(prefix + rest.split(mark)[0] + mark)
            else:
                at = f"{CHANGED:%Y-%m-%dT%H:%M:%S}.123Z"
                found.append(f"<Contents><Key>{key}</Key><LastModified>{at}</LastModified><ETag>{_tag(body)}</ETag>"
                             f"<Size>{len(body)}</Size></Contents>")  # fmt: skip
        shown = "".join(
            f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in sorted(folders)
        )
        counted = f"<KeyCount>{len(found) + len(folders)}</KeyCount><IsTruncated>false</IsTruncated>"
        return LISTING.format(f"<Name>drop</Name>{counted}{''.join(found)}{shown}")

    def _object(self, body: bytes) -> None:
        status, headers = 200, {"ETag": _tag(body), "Last-Modified": format_datetime(CHANGED, usegmt=True)}
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(found[1]), min(int(found[2] or len(body)), len(body) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            status, body = 206, body[first : last + 1]
        self._say(status, body, headers)

    def _say(self, status: int, body: str | bytes, headers: dict[str, str] | None = None) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _tag(body: bytes) -> str:
    return f'"{md5(body).hexdigest()}"'
