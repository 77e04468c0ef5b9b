"""Refuses sensitive columns where everybody reads along: in references, keys, facts, amounts and
counterparties.

Those go to the queue, the search, exports and the trail, which mask nothing. What a side compares may be
sensitive: the side by side masks it for those who may not read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from exceptions_app.domain.delay import PREFIX

from . import sensitivity
from .catalog import Catalog
from .judging import Judge, Path
from .schema import BalanceCheck, ClusterCheck, MatchCheck, Sensitivity
from .scopes import RecordTypes
from .verify_work import needed_facts

Said = Iterator[tuple[Path, Sensitivity]]


def verify(judge: Judge, catalog: Catalog, check: MatchCheck | ClusterCheck) -> None:
    """Report what a check says in the open and may not. Its expressions were accepted before."""
    types = catalog.record_types
    said = _match(check, types) if isinstance(check, MatchCheck) else _duplicate(check, catalog)
    for path, level in said:
        if not sensitivity.is_open(level):
            judge.report(
                "checks",
                check.code,
                path,
                f"a column that is '{level}' would be read by everybody here",
                "columns that are public or internal: the queue, its search and exports mask nothing",
            )


def _match(check: MatchCheck, types: RecordTypes) -> Said:
    for name, side in check.sides.items():
        for key in check.key:
            yield (
                ("sides", name, "key", key),
                sensitivity.of_record(types, side.record, side.key.get(key, key)),
            )
    if isinstance(check, BalanceCheck):
        yield from _documents(check, types)
    for name in re.findall(r"\{(\w+)\}", check.reference):
        yield ("reference",), sensitivity.of_finding(check, types, name)
    for part, said in (check.cost_of_delay.parts() if check.cost_of_delay else {}).items():
        yield ("cost_of_delay", part), sensitivity.of_finding(check, types, said)
    for index, finding in enumerate(check.findings):
        used = finding.tolerance
        figures = (used.difference, used.base, used.scale) if used is not None else ()
        texts: dict[Path, str | None] = {
            (part,): getattr(finding, part) for part in ("amount", "amount_per", "currency", "counterparty")
        }
        texts |= {
            ("facts", fact): text for fact, text in finding.facts.items() if not fact.startswith(PREFIX)
        }
        texts |= {("tolerance", part): getattr(used, part) for part in ("difference", "base") if used}
        for path, text in texts.items():
            if text is not None:
                yield ("findings", index, *path), sensitivity.of_finding(check, types, text, figures)


def _documents(check: BalanceCheck, types: RecordTypes) -> Said:
    """The documents of a balance are listed for everybody."""
    shown = (check.documents.amount, *check.documents.show)
    for side in check.sides:
        for name in check.documents.key:
            yield ("documents", "key"), sensitivity.of_cell(check, types, side, name)
        for name in shown:
            if name in check.sides[side].columns:
                yield ("documents", "show"), sensitivity.of_cell(check, types, side, name)


def _duplicate(check: ClusterCheck, catalog: Catalog) -> Said:
    types = catalog.record_types
    for part in ("key", "lines"):
        for index, name in enumerate(getattr(check, part)):
            yield (part, index), sensitivity.of_column(types, check.record, name)
    for part in ("amount", "currency", "counterparty"):
        text = getattr(check, part)
        if text is not None:
            yield (part,), sensitivity.of_document(check, types, text)
    for name in re.findall(r"\{(\w+)\}", check.reference):
        yield ("reference",), sensitivity.of_document(check, types, name)
    own = {*check.columns, *check.key}
    for category in (catalog.categories[code] for code in check.categories if code in catalog.categories):
        told = category.sentence
        if category.draft is not None:
            told += f" {category.draft.subject} {category.draft.body} {{{category.draft.address or 'with'}}}"
        for name in needed_facts(told):
            if name in own:
                yield ("category",), sensitivity.of_document(check, types, name)
