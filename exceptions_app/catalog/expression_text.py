"""What is asked of an expression's text before its tree: no comments, no texts side by side, no deep nesting.

A comment would swallow what a folded line of YAML puts behind it, and `a --b` is one; `'a' 'b'` is one text where a
comma was forgotten. Knows sqlglot's tokens, and says what its parser says in words of our own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from .expression_tree import ExpressionError

LONGEST = 4000
DEEPEST = 20
"""Brackets, CASEs and signs inside each other: as many as the parser takes wherever it is called."""

_QUOTED = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
_COMMENT = re.compile(rf"{_QUOTED}|(?P<comment>--|/\*|\{{#)")
_WORDS = (
    r"(?:AND|AS|BETWEEN|CASE|COLLATE|DISTINCT|ELSE|END|FALSE|FILTER|IN|INTERVAL|IS|LIKE|NOT|NULL|OR|ORDER|OVER|SELECT"
    r"|SIMILAR|THEN|TO|TRUE|WHEN|XOR)\b"
)
_ODD_NAME = re.compile(
    rf"{_QUOTED}|\b{_WORDS}|(?P<name>[^\W\d]\w*(?:[#/@?&-]+\w*| +(?!{_WORDS})[^\W\d]\w*)+\.?)(?![\w(.])",
    re.IGNORECASE,
)
_UNARY = frozenset({TokenType.NOT, TokenType.DASH, TokenType.PLUS})
_OPENING = frozenset({TokenType.L_PAREN, TokenType.CASE, TokenType.L_BRACKET, TokenType.L_BRACE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.END, TokenType.R_BRACKET, TokenType.R_BRACE})
_MISSING = re.compile(r"Required keyword: '(\w+)' missing for .*?(\w+)'>")
_PARTS = {"this": "what it begins with", "expression": "what follows", "true": "THEN with a value"}


def judge(text: str, tokens: Sequence[Token]) -> None:
    """Raise `ExpressionError` at the first token that may not stand where it does."""
    if any(token.comments for token in tokens) or not tokens:
        found = next((m for m in _COMMENT.finditer(text) if m["comment"]), None)
        if found:
            said = f"'{found['comment']}' begins a comment, which would swallow what follows"
            raise ExpressionError(said, found.start() + 1, "a # comment of YAML, or - (-b) for minus minus")
    depth = run = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before and before.token_type == token.token_type == TokenType.STRING:
            raise ExpressionError("two texts side by side", token.start + 1, "a comma between them")
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        run = run + 1 if token.token_type in _UNARY else 0
        if depth + run > DEEPEST:
            said = f"nested too deeply: more than {DEEPEST} brackets, CASEs or signs inside each other"
            raise ExpressionError(said, token.start + 1)


def refusal(text: str, error: SqlglotError) -> ExpressionError:
    """What the parser stumbled over, in words, with the character."""
    details: dict[str, Any] = (getattr(error, "errors", None) or [{}])[0]
    if not details:
        return ExpressionError("not an expression: a quote is never closed", _open_quote(text))
    word = str(details.get("highlight") or "")
    before = sum(len(line) + 1 for line in text.split("\n")[: int(details.get("line") or 1) - 1])
    column = max(before + int(details.get("col") or 1) - len(word) + 1, 1)
    said = str(details.get("description") or "not an expression").rstrip(".")
    missing = _MISSING.search(said)
    if missing:
        said = f"something is missing near '{word}': {_PARTS.get(missing[1], missing[1])}"
    elif said.startswith("Invalid expression"):
        said = f"'{word}' is not expected here"
    elif said.startswith("Expect"):
        said = f"{said.replace('Expecting', 'expected').replace('Expected', 'expected')} near '{word}'"
    return ExpressionError(said, column)


def quoted(text: str) -> tuple[str, list[str]]:
    """The text with double quotes around what looks like names with a blank or a sign in them, and these names."""
    found: list[str] = []

    def put(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        found.append(f'"{match[0]}"')
        return found[-1]

    return _ODD_NAME.sub(put, text), found


def _open_quote(text: str) -> int:
    rest = re.sub(_QUOTED, lambda m: "." * len(m[0]), text)
    return 1 + max(min((at for at in (rest.find("'"), rest.find('"')) if at >= 0), default=0), 0)
