"""From a row of hits to discrepancies: identity, evidence, facts, and by how much each is outside.

Evidence is canonical JSON: sorted keys, exact numbers and times as text. Its hash covers the key and what the
sides say, less what moves without a fact changing (a row read again, a clock): it depends neither on the
engine nor on the order of rows, nor on how a rule words its verdict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from string import Formatter

from exceptions_app.catalog.schema import Finding, MatchCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, identity
from exceptions_app.domain.tolerance import Verdict, assess
from exceptions_app.domain.wording import money, number

from .allowances import Allowances, Judged
from .cells import Cell, Cells, Row, Written, object_of, picker
from .limits import Limits
from .match import CompiledMatch, Said
from .parameters import RunParameters
from .values import JSON, exact, exact_json, instant_of

_FIGURES = ("difference", "base", "tolerance", "excess", "amount")
"""What is worked out here, beside the cells of a row."""
_NOT_JUDGED = ("null",) * 4


@lru_cache(maxsize=256)
def _wording(style: str, currency: str | None) -> Callable[[Decimal], str]:
    """How a judged figure is said. Limits are said in every sentence, so what was said is kept."""
    return lru_cache(maxsize=256)(partial(money, currency=currency) if style == "money" else number)


class _Finding:
    """One finding, where a row has what it says, and how that is written."""

    def __init__(
        self,
        check: MatchCheck,
        finding: Finding,
        said: Said,
        limits: Limits | None,
        cells: Cells,
        entity: str,
    ) -> None:
        self.finding, self.said, self.limits = finding, said, limits
        self.key_of = picker(said.key.values())
        self.identify = identity(check.code, finding.category, entity)
        key: dict[str, Cell] = {name: (at, "text") for name, at in said.key.items()}
        self.write_key = cells.objects(key)
        shown = {**key, "currency": (said.currency, "text"), "counterparty": (said.counterparty, "text")}
        slots = {name: cells.slot(cell) for name, cell in shown.items()}
        own = _FIGURES if finding.tolerance else ("amount",)
        slots |= {name: cells.figure(name) for name in own}
        slots |= {name: cells.slot(cell) for name, cell in said.facts.items()}
        self._slots = dict(slots)
        for fact, text in finding.facts.items():
            if finding.tolerance is not None and text.strip() in ("difference", "base"):
                slots[fact] = cells.figure(text.strip())
        self.write_facts = object_of(slots)
        self.refer_to = _reference(check.reference, said.key)
        named = (finding.amount or "").strip()
        self.amount = named if finding.tolerance is not None and named in ("difference", "base") else None

    def stated(self, name: str, written: Written) -> str | None:
        """A fact, or a part of the key, as text."""
        value = json.loads(written[self._slots[name]]) if name in self._slots else None
        return None if value is None else str(value)


class Reader:
    """Turns the rows of one compiled match check, run in one entity, into discrepancies."""

    def __init__(
        self,
        compiled: CompiledMatch,
        entity: str | None,
        parameters: RunParameters,
        allowances: Allowances | None = None,
    ) -> None:
        self.allowances = allowances
        check, sides = compiled.check, list(compiled.sides)
        self.check, self.now, self.entity = check, parameters.now, entity or NETWORK_SCOPE
        self.present = slice(1, 1 + len(sides))
        first, all_cells = 1 + len(sides) + len(check.key), Cells(_FIGURES)
        shown: dict[str | None, dict[str, Cell]] = {None: {}, **{side: {} for side in sides}}
        for i, (side, name, kind) in enumerate(compiled.shown):
            shown[side][name] = (first + i, kind)
        self.write_let = all_cells.objects(shown[None])
        self.sides = []
        for side in sorted(sides):
            volatile = compiled.sides[side].volatile
            kept = {name: cell for name, cell in shown[side].items() if name not in volatile}
            steady = all_cells.objects(kept) if volatile else None
            whole = all_cells.objects(shown[side])
            self.sides.append((1 + sides.index(side), JSON["text"](side), whole, steady))
        self.line = picker(1 + len(sides) + check.key.index(key) for key in check.line or check.key)
        self.findings = [
            (said.holds, _Finding(check, finding, said, limits, all_cells, self.entity))
            for finding, said, limits in zip(check.findings, compiled.said, compiled.limits, strict=True)
        ]
        self.cells = all_cells

    def read(self, rows: Sequence[Row]) -> Iterator[list[Discrepancy]]:
        """The discrepancies of each hit; none where each is within a limit that is scoped to it. `rows` are as
        `CompiledMatch` describes them.
        """
        return map(self._read, rows, self.cells.write(rows))

    def _read(self, row: Row, written: Written) -> list[Discrepancy]:
        shown, compared = self._sides(row, written)
        shown = f'"let":{self.write_let(written)},"sides":{shown}'
        line = "|".join([self.check.line_type, self.entity, *map(str, self.line(row))])
        return [
            self._discrepancy(finding, row, written, line, shown, compared)
            for holds, finding in self.findings
            if row[holds] and not (self.allowances and self._allowed(self.allowances, finding, row, written))
        ]

    def _allowed(self, allowances: Allowances, what: _Finding, row: Row, written: Written) -> bool:
        use, since = what.finding.tolerance, self._since(what, row)
        verdict, difference, base = self._judged(what, row, since)
        if use is None or verdict is None or difference is None or base is None:
            return False
        currency, counterparty = row[what.said.currency], row[what.said.counterparty]
        judged = Judged(
            difference,
            base,
            currency,
            counterparty,
            since or self.now,
            lambda name: what.stated(name, written),
        )
        return allowances.allow(use.name, what.limits, judged)

    def known_to(self, row: Row) -> int:
        """How many sides know the key of a hit."""
        return row[self.present].count(True)

    def _sides(self, row: Row, written: Written) -> tuple[str, str]:
        """The sides as shown, and as compared with the last run. A missing side is an empty object."""
        shown, compared = [], []
        for present, name, write, steady in self.sides:
            there = row[present]
            shown.append(f"{name}:{write(written) if there else '{}'}")
            compared.append(f"{name}:{steady(written)}" if steady and there else shown[-1])
        return f"{{{','.join(shown)}}}", f"{{{','.join(compared)}}}"

    def _discrepancy(
        self, what: _Finding, row: Row, written: Written, line: str, shown: str, compared: str
    ) -> Discrepancy:
        finding, said, since = what.finding, what.said, self._since(what, row)
        verdict, difference, base = self._judged(what, row, since)
        amount = _amount(what, row, difference, base)
        judged = (difference, base, verdict.limit, verdict.excess) if verdict else None
        told = map(exact_json, judged) if judged else _NOT_JUDGED
        written[: len(_FIGURES)] = (*told, exact_json(amount))
        key, business_key = what.key_of(row), what.write_key(written)
        tolerance = _tolerance(what, written, verdict) if verdict else "null"
        return Discrepancy(
            fingerprint=what.identify(key),
            check=self.check.code,
            scope=self.entity,
            category=finding.category,
            entity=self.entity,
            reference=what.refer_to(row),
            business_key=business_key,
            lines=(line,),
            counterparty=row[said.counterparty],
            facts=what.write_facts(written),
            evidence=f'{{"key":{business_key},{shown},"tolerance":{tolerance}}}',
            evidence_hash=evidence_hash(f'{{"key":{business_key},"sides":{compared}}}'),
            amount=amount,
            currency=row[said.currency],
            since=since or self.now,
            critical=row[said.critical] == "true",
        )

    def _since(self, what: _Finding, row: Row) -> datetime | None:
        text = row[what.said.since]
        return None if text is None else instant_of(text)

    def _judged(
        self, what: _Finding, row: Row, since: datetime | None
    ) -> tuple[Verdict | None, Decimal | None, Decimal | None]:
        """The verdict on the real figures: the compared ones divided by their scale."""
        use, (difference, base, scale) = what.finding.tolerance, what.said.figures
        if use is None or row[difference] is None:
            return None, None, None
        per = Decimal(row[scale] or 1) or Decimal(1)
        real, real_base = exact(Decimal(row[difference]) / per), exact(Decimal(row[base] or 0) / per)
        tolerance, currency = self.check.tolerances[use.name], row[what.said.currency]
        if what.limits is not None:
            tolerance = what.limits.on(currency, since and since.date())
        return assess(tolerance, real, real_base, _wording(use.format, currency)), real, real_base


def _amount(what: _Finding, row: Row, difference: Decimal | None, base: Decimal | None) -> Decimal | None:
    if what.amount is not None:
        figure = difference if what.amount == "difference" else base
        return None if figure is None else abs(figure)
    amount, per = row[what.said.amount], row[what.said.amount_per]
    return None if amount is None else exact(Decimal(amount) / ((per and Decimal(per)) or 1))


def _tolerance(what: _Finding, written: Written, verdict: Verdict) -> str:
    use = what.finding.tolerance
    difference, base, limit, excess, _ = written[: len(_FIGURES)]
    return (
        f'{{"base":{base},"difference":{difference},"excess":{excess},'
        f'"format":"{use.format if use else "number"}","limit":{limit},'
        f'"name":"{use.name if use else ""}","sentence":{JSON["text"](verdict.sentence)}}}'
    )


def _reference(template: str, key: Mapping[str, int]) -> Callable[[Row], str]:
    """`{order_number}/{line_number}` of a row; what is no part of the key is left out."""
    texts, places = "", []
    for text, name, _, _ in Formatter().parse(template):
        texts += text.replace("%", "%%")
        if name is not None and name in key:
            texts += "%s"
            places.append(key[name])
    pick = picker(places)
    return lambda row: texts % pick(row)
