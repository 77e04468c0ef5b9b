"""The reference people say to each other: `EX-7F3K2Q`.

A row's id, scrambled by a fixed bijection so that references do not count up, in Crockford's base 32 (no I, L, O,
U). Nothing is stored and nothing collides. It is not a secret: access is decided by `access`, never by a reference.
"""

from __future__ import annotations

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {c: i for i, c in enumerate(_ALPHABET)} | {"I": 1, "L": 1, "O": 0}
_BITS = 30
_MODULUS = 1 << _BITS
_FACTOR = 700_274_797  # odd, so that multiplication is a bijection modulo 2**30
_INVERSE = pow(_FACTOR, -1, _MODULUS)
_OFFSET = 412_316_861


def encode(number: int) -> str:
    """The public reference of row `number` (from 1). Six characters up to 2**30, longer beyond."""
    if number < 1:
        raise ValueError(f"a row id counts from 1, found {number}")
    high, low = divmod(number, _MODULUS)
    value = high * _MODULUS + (low * _FACTOR + _OFFSET) % _MODULUS
    digits = ""
    while value or len(digits) < _BITS // 5:
        value, digit = divmod(value, 32)
        digits = _ALPHABET[digit] + digits
    return f"EX-{digits}"


def decode(reference: str) -> int | None:
    """The row id behind a reference, or None where the text is not one. Case and look-alikes are forgiven."""
    text = reference.strip().upper()
    if not text.startswith("EX-") or not 6 <= len(text) - 3 <= 12:
        return None
    value = 0
    for character in text[3:]:
        if character not in _VALUES:
            return None
        value = value * 32 + _VALUES[character]
    high, low = divmod(value, _MODULUS)
    number = high * _MODULUS + (low - _OFFSET) * _INVERSE % _MODULUS
    return number if number > 0 else None
