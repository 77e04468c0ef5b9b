"""The bytes of one file, unpacked and known by their digest, before anybody looks at a row.

A gzip or a zip that ends early is found here, so that nothing of it is read.
"""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from ..base import FeedContentError

_CHUNK = 1 << 20
_IN_MEMORY = 64 << 20
MOST_UNPACKED = 256 << 20
"""Bytes that any packed file may hold."""
MOST_TIMES = 200
"""A packed file may hold so many times its own size, where that is more: what holds more is a bomb."""
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Content:
    """A seekable stream of what the file holds, and the digest of the file as it was delivered."""

    name: str
    stream: IO[bytes]
    digest: str
    size: int
    delivered: int
    """Bytes of the file as it was delivered."""

    def text(self, encoding: str) -> io.TextIOWrapper:
        """The text from the start, line ends untouched; bytes that do not fit become lone surrogates."""
        self.stream.seek(0)
        begin = self.stream.read(4)
        self.stream.seek(0)
        encoding = next((name for mark, name in _MARKS if begin.startswith(mark)), encoding)
        inner = cast(Any, _Unclosed(self.stream))
        return io.TextIOWrapper(inner, encoding=encoding, errors="surrogateescape", newline="")

    def close(self) -> None:
        self.stream.close()


class _Unclosed(io.BufferedIOBase):
    """A view that leaves the stream open when it is dropped, so that the file can be read a second time."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1, /) -> bytes:
        return self._stream.read(size)

    def read(self, size: int | None = -1, /) -> bytes:
        return self._stream.read(-1 if size is None else size)


def fetch(
    source: IO[bytes], name: str, compression: str, *, member: str = "*", workbook: bool = False
) -> Content:
    """Copy and unpack. Raises FeedContentError where the packing is broken. A `workbook` is a zip in itself."""
    digest = sha256()
    first = source.read(_CHUNK)
    packing = compression
    if compression == "auto":
        zipped = first.startswith(_ZIP) and not workbook
        packing = "gzip" if first.startswith(_GZIP) else "zip" if zipped else "none"
    raw, chunk = _spool(), first
    while chunk:
        digest.update(chunk)
        raw.write(chunk)
        chunk = source.read(_CHUNK)
    delivered = raw.tell()
    if packing == "none":
        return _content(name, raw, digest.hexdigest(), delivered)
    raw.seek(0)
    spool = _spool()
    with raw:
        if packing == "gzip":
            _unpack(raw, spool, name)
        else:
            name = _unzip(raw, spool, name, member)
    return _content(name, spool, digest.hexdigest(), delivered)


def _content(name: str, spool: IO[bytes], digest: str, delivered: int) -> Content:
    size = spool.tell()
    spool.seek(0)
    return Content(name, spool, digest[:32], size, delivered)


def _spool() -> IO[bytes]:
    """In memory while small. Content.close gives it back."""
    return cast(IO[bytes], SpooledTemporaryFile(max_size=_IN_MEMORY))


def _unpack(raw: IO[bytes], into: IO[bytes], name: str) -> None:
    try:
        with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
            _copy(unpacked, into, raw, name)
    except (EOFError, OSError, zlib.error) as error:
        into.close()
        raise FeedContentError(f"broken gzip ({error})", name, "a whole gzip file") from None


_BROKEN_ZIP = (
    zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError, ValueError, zlib.error, lzma.LZMAError,
)  # fmt: skip


def _unzip(raw: IO[bytes], into: IO[bytes], name: str, member: str) -> str:
    """Unpack the one file that fits; its name, behind the archive's."""
    try:
        with zipfile.ZipFile(raw) as archive:
            held = [info for info in archive.infolist() if not info.is_dir()]
            fitting = [info for info in held if fnmatchcase(info.filename, member)]
            if len(fitting) != 1:
                found = ", ".join(info.filename for info in held[:10]) or "nothing"
                message = f"{len(fitting)} files in it fit {member!r} (it holds {found})"
                raise FeedContentError(message, name, "one file that fits read.member")
            if fitting[0].flag_bits & 1:
                raise FeedContentError("is encrypted", name, "a zip without a password")
            with archive.open(fitting[0]) as unpacked:
                _copy(unpacked, into, raw, name)
            return f"{name}/{fitting[0].filename}"
    except _BROKEN_ZIP as error:
        raise FeedContentError(f"broken zip ({error})", name, "a whole zip file") from None


def _copy(unpacked: gzip.GzipFile | IO[bytes], into: IO[bytes], raw: IO[bytes], name: str) -> None:
    """Raises FeedContentError where it grows beyond what such a file may hold."""
    at = raw.tell()
    most = max(MOST_UNPACKED, raw.seek(0, io.SEEK_END) * MOST_TIMES)
    raw.seek(at)
    taken = 0
    while chunk := unpacked.read(_CHUNK):
        taken += len(chunk)
        if taken > most:
            into.close()
            raise FeedContentError("unpacks without end", name, f"at most {most:,} bytes in it")
        into.write(chunk)


def not_decodable(text: str) -> str | None:
    """The first byte of a line that does not fit the encoding, and where it stands. None: all fit."""
    if text.isascii():
        return None
    for column, character in enumerate(text, 1):
        if "\udc80" <= character <= "\udcff":
            return f"byte 0x{ord(character) - 0xDC00:02X} at column {column} does not fit the encoding"
    return None


def printable(text: str) -> str:
    """The text with undecodable bytes shown as \\xNN."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
