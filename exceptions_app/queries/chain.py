"""The documents that a transaction goes through, in order, as its check declares them and its evidence knows them.

Only what the check reads is told: a document that no system has is "none found", one that nothing brings is "not read
here", and one that the check does not look for is not in the chain at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exceptions_app.access import Viewer, sees
from exceptions_app.catalog import sensitivity
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ChainStep, MatchCheck

from .record_links import canonical_key, columns_of, readable
from .record_urls import record_url
from .speaking import currency_of, speaker

NONE, UNREAD, HIDDEN = "none found", "not read here", "hidden"


@dataclass(frozen=True, slots=True)
class Document:
    """One step. `reference` empty: `missing` says why. `about` is what the document states, in words."""

    label: str
    reference: str
    about: tuple[str, ...]
    url: str
    missing: str = ""


def chain(
    viewer: Viewer, catalog: Catalog, check_code: str, evidence: Mapping[str, Any], currency: str | None
) -> tuple[Document, ...]:
    """Empty where the check declares no chain."""
    check = catalog.checks.get(check_code)
    if not isinstance(check, MatchCheck):
        return ()
    return tuple(_document(viewer, catalog, check, step, evidence, currency) for step in check.chain)


def _document(
    viewer: Viewer, catalog: Catalog, check: MatchCheck, step: ChainStep, evidence: Mapping[str, Any],
    currency: str | None,
) -> Document:  # fmt: skip
    values = (evidence.get("sides") or {}).get(step.side) or {}
    known = {**(evidence.get("key") or {}), **values} if values else {}
    if known.get(step.reference) in (None, "") or known.get(step.present or step.reference) in (
        None,
        "",
        False,
    ):
        fed = values or catalog.side_feeds(check, step.side)
        return Document(step.label, "", (), "", NONE if fed else UNREAD)

    def said(name: str | None, style: str) -> str:
        value = known.get(name or "")
        if value in (None, "") or name is None:
            return ""
        level = sensitivity.of_cell(check, catalog.record_types, step.side, name)
        return say(value, style) if sees(viewer, level) else HIDDEN

    say = speaker(viewer, currency_of(known, currency))
    quantity, unit = said(step.quantity, "quantity"), said(step.unit, "text") or step.counted_in
    about = (
        said(step.date, "timestamp" if "T" in str(known.get(step.date or "")) else "date"),
        f"{quantity} {unit}".strip() if quantity else "",
        said(step.amount, "money"),
        said(step.status, "text").replace("_", " "),
    )
    open_to_viewer = readable(viewer, catalog, check, step.side, known)
    url = _url(catalog, check, step, open_to_viewer)
    return Document(step.label, said(step.reference, "text"), tuple(filter(None, about)), url)


def _url(catalog: Catalog, check: MatchCheck, step: ChainStep, known: Mapping[str, Any]) -> str:
    """Where it can be opened in its own system: the first that has a pattern which these values fill."""
    record, side = step.record or check.sides[step.side].record, check.sides[step.side]
    key = canonical_key(catalog, check, {name: known[name] for name in check.row_key if name in known})
    known = {**known, **key}
    own = columns_of(check, step.side, key, known) if step.record is None else known
    names = {**own, **{name: known.get(column) for name, column in step.address.items()}}
    for feed in catalog.feeds_for(record, side.kind if step.record is None else None):
        if known.get("source_system") not in (None, feed.system):
            continue
        if url := record_url(catalog, feed.system, record, names):
            return url
    return ""
