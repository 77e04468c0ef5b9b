"""HL7 v2 messages, alone, in a file one after the other, or in batches that count them.

One row for each entry of a master file (MFN: MFE) and each charge (DFT: FT1), otherwise for each message; a field
is named by segment and place (`STF_3`), a component by its own (`STF_3_1`). Patient identifiers stand there as any
other field: only what a mapping names is ever stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import hl7

from ..base import FeedContentError, RawRow, RowProblem, cut
from .content import Content, not_decodable
from .options import FilesRead

ROW_SEGMENTS = {"MFN": "MFE", "DFT": "FT1"}
"""Which segment begins a row, by message type; else each message is one."""
_FRAME = "\x0b\x1c"


@dataclass(slots=True)
class _Message:
    line: int
    segments: list[str] = field(default_factory=list)


def read_hl7(content: Content, options: FilesRead) -> Iterator[RawRow | RowProblem]:
    """The rows of the messages that the feed names. Raises FeedContentError before any row where a batch miscounts."""
    text = content.text(options.encoding).read()
    if undecodable := not_decodable(text):
        raise FeedContentError(undecodable, content.name, options.encoding)
    for message in _messages(text, content.name, check=options.envelope == "check"):
        where = f"{content.name}:{message.line}"
        try:
            parsed = hl7.parse("\r".join(message.segments))
            kind = str(parsed.segment("MSH")[9][0][0])
        except (hl7.HL7Exception, KeyError, IndexError) as error:
            yield RowProblem(where, f"not a message ({error}); expected MSH with its type in MSH-9", "")
            continue
        if options.messages and kind not in options.messages:
            continue
        begins = options.row or ROW_SEGMENTS.get(kind, "MSH")
        if begins not in {str(segment[0]) for segment in parsed}:
            shown = cut("\r".join(message.segments[:1]))
            yield RowProblem(where, f"{kind} holds no {begins}; expected at least one", shown)
            continue
        for number, values in _rows(parsed, begins):
            yield RawRow(f"{content.name}:{message.line + number}", values)


def _messages(text: str, name: str, *, check: bool) -> list[_Message]:
    """Every message with the line it begins on."""
    found: list[_Message] = []
    in_batch, batches = 0, 0
    lines = re.split(r"\r\n|\r|\n", text.translate(dict.fromkeys(map(ord, _FRAME))))
    for number, line in enumerate(lines, 1):
        segment = line[:3]
        where = f"{name}:{number}"
        if not line.strip():
            continue
        if segment == "MSH":
            in_batch += 1
            found.append(_Message(number, [line]))
        elif segment == "BHS":
            in_batch, batches = 0, batches + 1
        elif segment in ("BTS", "FTS"):
            if check:
                _agree(line, in_batch if segment == "BTS" else batches, where)
        elif segment == "FHS":
            batches = 0
        elif not in_batch:
            raise FeedContentError(
                f"the segment {segment} stands before any MSH", where, "a message that begins with MSH"
            )
        else:
            found[-1].segments.append(line)
    if not found and not text.strip():
        raise FeedContentError("the file is empty", name, "at least one message")
    return found


def _agree(line: str, count: int, where: str) -> None:
    said = re.split(r"[^0-9]", line[4:], maxsplit=1)[0]
    if said and int(said) != count:
        what = "messages" if line.startswith("BTS") else "batches"
        message = f"{line[:3]}-1 says {said} {what}, there are {count}"
        raise FeedContentError(message, where, "as many as it says (envelope: ignore reads it as it is)")


def _rows(message: hl7.Message, begins: str) -> Iterator[tuple[int, dict[str, str | None]]]:
    """How many segments after MSH each row begins, and its values: what stands before the first, and its own."""
    starts = [at for at, segment in enumerate(message) if str(segment[0]) == begins]
    common: dict[str, str | None] = {}
    for segment in message[: starts[0]]:
        _put(common, message, segment)
    for at, following in zip(starts, [*starts[1:], len(message)], strict=True):
        row = dict(common)
        for segment in message[at:following]:
            _put(row, message, segment)
        yield at, row


def _put(into: dict[str, str | None], message: hl7.Message, segment: Any) -> None:
    """A field as its text, and the components of its first repetition. A second segment of a name is `OBX#2`."""
    own = str(segment[0])
    count, name = 1, own
    while f"{name}_1" in into:
        count += 1
        name = f"{own}#{count}"
    into[f"{name}_1"] = None
    for at in range(1, len(segment)):
        value = segment[at]
        into[f"{name}_{at}"] = message.unescape(str(value)) or None
        first = value[0] if len(value) else ""
        if own == "MSH" and at < 3:
            continue
        for part, component in enumerate(first if isinstance(first, hl7.Repetition) else [first], 1):
            into[f"{name}_{at}_{part}"] = message.unescape(str(component)) or None
