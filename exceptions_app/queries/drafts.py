"""A letter to the supplier or the requester with the figures filled in, as a `mailto:` address.

The words are the category's, the figures are facts that everybody who sees the exception reads: the configuration is
refused where a letter names anything else. Everything is encoded, so no value can add a recipient or a header.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.letters import FACT
from exceptions_app.catalog.schema.base import EMAIL, Recipient
from exceptions_app.catalog.verify_shown import letter_facts
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.money import from_e4
from exceptions_app.models import ExceptionCase

from .words import entity_name

LONGEST = 1_800
"""Characters of the whole address: past some 2,000, mail programs open nothing at all."""
SUBJECT = 150
_ADDRESS = re.compile(EMAIL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Letter:
    """`cut`: the body is longer than an address may be, and was shortened in it."""

    to: str
    address: str
    subject: str
    body: str
    mailto: str
    cut: bool


def draft(catalog: Catalog, case: ExceptionCase) -> Letter | None:
    """None where writing is not what the category takes, or the check that found it does not give the facts."""
    category = catalog.categories.get(case.category)
    words = category.draft if category is not None else None
    facts = _facts(catalog, case)
    if words is None or not letter_facts(words) - {words.address} <= facts.keys():
        return None
    subject = " ".join(_CONTROL.sub(" ", wording.render(words.subject, facts, case.currency)).split())
    body = _CONTROL.sub("", wording.render(words.body, facts, case.currency)).strip()
    address = _address(catalog, case.entity, words.to, facts.get(words.address or FACT))
    mailto, cut = _mailto(address, subject[:SUBJECT], body)
    return Letter(words.to, address, subject[:SUBJECT], body, mailto, cut)


def _address(catalog: Catalog, entity: str | None, to: Recipient, stated: Any) -> str:
    """As the records say it, else as the facility does, or the one above it; empty: the writer fills it in."""
    if _ADDRESS.fullmatch(str(stated or "")):
        return str(stated)
    while (place := catalog.entities.get(entity or "")) is not None:
        if to in place.letters:
            return place.letters[to]
        entity = place.parent
    return ""


def _facts(catalog: Catalog, case: ExceptionCase) -> dict[str, Any]:
    amount = None if case.amount_e4 is None else from_e4(case.amount_e4)
    return {
        "amount": amount,
        **json.loads(case.business_key or "{}"),
        **json.loads(case.facts or "{}"),
        "reference": f"{case.reference} ({public_id.encode(case.id)})",
        "sentence": case.sentence,
        "entity": entity_name(catalog, case.entity),
        "with": case.counterparty,
    }


def _mailto(address: str, subject: str, body: str) -> tuple[str, bool]:
    head = f"mailto:{quote(address, safe='@')}?subject={quote(subject, safe='')}&body="
    written = body
    while len(head) + len(_encoded(written)) > LONGEST:
        over = len(head) + len(_encoded(written)) - LONGEST
        written = written[: max(0, len(written) - max(2, over // 6))].rstrip() + "…"
        if written == "…":
            break
    return head + _encoded(written), written != body


def _encoded(text: str) -> str:
    """Lines end as mail has them (RFC 6068)."""
    return quote(text.replace("\r\n", "\n").replace("\n", "\r\n"), safe="")
