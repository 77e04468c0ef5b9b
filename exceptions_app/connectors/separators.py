"""What may stand between the values of a line of text, read or written."""

from __future__ import annotations


def one_character(text: str) -> str:
    """The separator itself; `tab` is said in a word. Raises ValueError for anything else than one character."""
    text = "\t" if text == "tab" else text
    if len(text) != 1 or text in '"\r\n':
        raise ValueError("expected one character, or tab")
    return text
