"""XML as plain values: names without their namespaces, attributes as `@name`, what stands twice as a list.

Read by expat alone, and a document that declares a type is refused at its first character: no entity can be declared,
so none can grow without end, and nothing is fetched from anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

DEEPEST = 200
_TEXT = "#text"
_NIL = "http://www.w3.org/2001/XMLSchema-instance nil"


def parse_xml(content: bytes) -> dict[str, Any]:
    """`{root: value}`. An element is its text (None where empty), or a mapping of what it holds, with text beside
    elements or attributes as `#text`. Raises ValueError saying what is wrong and where.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code) or "not well-formed"
        raise ValueError(f"{what} at line {error.lineno} column {error.offset + 1}") from None
    return reader.document


class _Reader:
    """Builds the values while expat reads."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise ValueError("nested too deeply")
        held = {f"@{_local(key)}": value for key, value in attributes.items() if key != _NIL}
        self._open.append((_local(name), held, []))

    def text(self, data: str) -> None:
        self._open[-1][2].append(data)

    def end(self, _name: str) -> None:
        name, held, parts = self._open.pop()
        text = "".join(parts).strip() or None
        value: Any = held or text
        if held and text is not None:
            held[_TEXT] = text
        _put(self._open[-1][1] if self._open else self.document, name, value)


def _put(into: dict[str, Any], name: str, value: Any) -> None:
    if name not in into:
        into[name] = value
    elif isinstance(into[name], list):
        into[name].append(value)
    else:
        into[name] = [into[name], value]


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _refuse(*_: Any) -> None:
    raise ValueError("it declares a document type (DOCTYPE), which is refused: entities could hide in it")
