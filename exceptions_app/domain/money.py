"""Money as a scaled integer, so that no database rounds it. Knows nothing of where rates come from."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

SCALE = 10_000
RATE_SCALE = 100_000_000
_LIMIT = 2**63 - 1


def to_e4(amount: Decimal) -> int:
    """An amount in units of 1/10,000, half to even. Raises OverflowError past what 64 bits hold."""
    scaled = int((amount * SCALE).to_integral_value(ROUND_HALF_EVEN))
    if abs(scaled) > _LIMIT:
        raise OverflowError(f"{amount} is too large an amount to keep")
    return scaled


def from_e4(amount_e4: int) -> Decimal:
    return Decimal(amount_e4) / SCALE


def to_e8(rate: Decimal) -> int:
    """An exchange rate in units of 1/100,000,000."""
    return int((rate * RATE_SCALE).to_integral_value(ROUND_HALF_EVEN))


def convert(amount_e4: int, rate_e8: int) -> int:
    """An amount in another currency: exact integer arithmetic, half to even."""
    quotient, rest = divmod(amount_e4 * rate_e8, RATE_SCALE)
    if rest * 2 > RATE_SCALE or (rest * 2 == RATE_SCALE and quotient % 2):
        quotient += 1
    return quotient
