"""How a value that a system states is said to a viewer: in its style, its own currency, the viewer's zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from exceptions_app.access import Viewer
from exceptions_app.domain import wording
from exceptions_app.domain.instant import from_iso

from .words import zone_of


def currency_of(values: Mapping[str, Any], otherwise: str | None) -> str | None:
    """What a side's money is in: its column `currency`, with `other_currency` where its documents have several
    (`CAD and USD`); `otherwise` where it states none.
    """
    stated = {str(values[name]) for name in ("currency", "other_currency") if values.get(name)}
    return " and ".join(sorted(stated)) or otherwise


def speaker(viewer: Viewer, currency: str | None) -> Callable[[Any, str], str]:
    """How a value of a style is said to this viewer, in that currency."""
    zone = zone_of(viewer.time_zone)

    def say(value: Any, style: str) -> str:
        try:
            match style:
                case "money":
                    return wording.money(Decimal(str(value)), currency)
                case "price":
                    return wording.price(Decimal(str(value)), currency)
                case "quantity" | "number":
                    return wording.number(Decimal(str(value)))
                case "date":
                    return wording.render("{x|date}", {"x": value})
                case "timestamp":
                    return wording.instant(from_iso(str(value)), zone)
        except (InvalidOperation, ValueError):
            pass  # evidence that does not read as its format says is shown as it stands
        return wording.plain(value)

    return say


def tolerances(judged: Any, currency: str | None) -> tuple[str, ...]:
    """What was judged, in words: a list of verdicts, or one."""
    if not judged:
        return ()
    several = judged if isinstance(judged, list) else [judged]
    return tuple(text for one in several if (text := _tolerance(one, currency)))


def _tolerance(judged: Mapping[str, Any], currency: str | None) -> str | None:
    """By how much, the limit, the excess; the verdict's own sentence where figures are not kept."""
    try:
        difference, limit = Decimal(str(judged["difference"])), Decimal(str(judged["limit"]))
        excess = Decimal(str(judged.get("excess") or 0))
    except (KeyError, InvalidOperation):
        return str(judged["sentence"]) if judged.get("sentence") else None

    def say(value: Decimal) -> str:
        return wording.money(value, currency) if judged.get("format") == "money" else wording.number(value)

    side = "over" if difference > 0 else "under"
    text = f"{say(abs(difference))} {side}, limit {say(limit)}"
    _, _, rule = str(judged.get("sentence") or "").partition("; ")
    text += f": {say(excess)} too much" if excess > 0 else ": within it"
    return f"{text} ({rule})" if rule else text
