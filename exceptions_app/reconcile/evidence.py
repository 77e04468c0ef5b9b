"""From a row of hits to a discrepancy: identity, evidence, facts, and by how much it is outside.

Evidence is canonical JSON: sorted keys, exact numbers and times as text. Its hash covers the key and what the
sides say, less what moves without a fact changing (a row read again, a clock): it depends neither on the
engine nor on the order of rows, nor on how a rule words its verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from exceptions_app.catalog.schema import Finding
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, fingerprint
from exceptions_app.domain.tolerance import Verdict, assess

from .match import CompiledMatch
from .parameters import RunParameters
from .values import JSON, exact, exact_text, instant, json_of

Row = tuple[Any, ...]
Cell = tuple[str, int, str]
"""Name, position in the row, kind."""

_FIGURES = ("difference", "base", "tolerance", "excess", "amount")
"""What is worked out here and put behind the row's own columns."""


def writer(cells: Sequence[Cell]) -> Callable[[Row], str]:
    """Row -> canonical JSON object of these cells. Names are fixed, so only values are written per row."""
    ordered = sorted(cells)
    template = "{" + ",".join(f"{JSON['text'](name)}:%s" for name, _, _ in ordered) + "}"
    reads = [(position, JSON[kind]) for _, position, kind in ordered]

    def write(row: Row) -> str:
        return template % tuple(
            ["null" if row[position] is None else encode(row[position]) for position, encode in reads]
        )

    return write


class Layout:
    """Where each part of a row stands; see `CompiledMatch`."""

    def __init__(self, compiled: CompiledMatch) -> None:
        keys, sides = compiled.check.key, list(compiled.sides)
        self.present = {side: 3 + i for i, side in enumerate(sides)}
        self.key = {key: 3 + len(sides) + i for i, key in enumerate(keys)}
        self.written = {key: position + len(keys) for key, position in self.key.items()}
        first = 3 + len(sides) + 2 * len(keys)
        self.shown: dict[str | None, list[Cell]] = {None: [], **{side: [] for side in sides}}
        for i, (side, name, kind) in enumerate(compiled.shown):
            self.shown[side].append((name, first + i, kind))
        self.difference = first + len(compiled.shown)
        self.amount, self.currency, self.counterparty, self.facts = (
            self.difference + n for n in (3, 5, 6, 7)
        )
        width = max(map(len, compiled.fact_kinds))
        self.figures = {name: self.facts + width + i for i, name in enumerate(_FIGURES)}

    def fact_cells(self, finding: Finding, kinds: Mapping[str, str]) -> list[Cell]:
        """What the category's sentence can say: the finding's facts, the key, the money, the tolerance."""
        cells = {key: (position, "text") for key, position in self.written.items()}
        cells |= {"currency": (self.currency, "text"), "counterparty": (self.counterparty, "text")}
        figures = _FIGURES if finding.tolerance else ("amount",)
        cells |= {name: (self.figures[name], "decimal") for name in figures}
        for i, (fact, text) in enumerate(finding.facts.items()):
            own = text.strip() in ("difference", "base") and finding.tolerance is not None
            cells[fact] = (self.figures[text.strip()], "decimal") if own else (self.facts + i, kinds[fact])
        return [(name, position, kind) for name, (position, kind) in cells.items()]


class Reader:
    """Turns the rows of one compiled match check, run in one entity, into discrepancies."""

    def __init__(self, compiled: CompiledMatch, entity: str | None, parameters: RunParameters) -> None:
        check, at = compiled.check, Layout(compiled)
        self.check, self.at, self.now = check, at, parameters.now
        self.entity = entity or NETWORK_SCOPE
        self.write_key = writer([(key, position, "text") for key, position in at.written.items()])
        self.write_let = writer(at.shown[None])
        self.sides = []
        for side in sorted(compiled.sides):
            cells, volatile = at.shown[side], compiled.sides[side].volatile
            steady = writer([c for c in cells if c[0] not in volatile]) if volatile else None
            self.sides.append((at.present[side], JSON["text"](side), writer(cells), steady))
        self.write_facts = [
            writer(at.fact_cells(finding, kinds))
            for finding, kinds in zip(check.findings, compiled.fact_kinds, strict=True)
        ]
        self.line = [at.key[key] for key in check.line or check.key]
        self.keys = list(at.written.items())

    def read(self, row: Row) -> Discrepancy:
        """One discrepancy. `row` is as `CompiledMatch` describes it."""
        at, finding = self.at, self.check.findings[row[0]]
        key = {name: row[position] for name, position in self.keys}
        verdict, difference, base = self._judged(finding, row)
        amount = self._amount(finding, row, difference, base)
        row += (
            *map(exact_text, (difference, base)),
            *((exact_text(verdict.limit), exact_text(verdict.excess)) if verdict else (None, None)),
            exact_text(amount),
        )
        business_key = self.write_key(row)
        shown, compared = self._sides(row)
        tolerance = self._tolerance(finding, verdict, row) if verdict else "null"
        return Discrepancy(
            fingerprint=fingerprint(self.check.code, finding.category, self.entity, list(key.values())),
            check=self.check.code,
            scope=self.entity,
            category=finding.category,
            entity=self.entity,
            reference=self.check.reference.format_map(_Known(key)),
            business_key=business_key,
            lines=("|".join([self.check.line_type, self.entity, *(str(row[i]) for i in self.line)]),),
            counterparty=row[at.counterparty],
            facts=self.write_facts[row[0]](row),
            evidence=(
                f'{{"key":{business_key},"let":{self.write_let(row)},"sides":{shown},"tolerance":{tolerance}}}'
            ),
            evidence_hash=evidence_hash(f'{{"key":{business_key},"sides":{compared}}}'),
            amount=amount,
            currency=row[at.currency],
            since=self.now if row[1] is None else instant(row[1]),
            critical=bool(row[2]),
        )

    def _sides(self, row: Row) -> tuple[str, str]:
        """The sides as shown, and as compared with the last run. A missing side is an empty object."""
        shown, compared = [], []
        for present, name, write, steady in self.sides:
            values = write(row) if row[present] else "{}"
            shown.append(f"{name}:{values}")
            compared.append(f"{name}:{steady(row)}" if steady and row[present] else shown[-1])
        return f"{{{','.join(shown)}}}", f"{{{','.join(compared)}}}"

    def _judged(self, finding: Finding, row: Row) -> tuple[Verdict | None, Decimal | None, Decimal | None]:
        """The verdict on the real figures: the compared ones divided by their scale."""
        at = self.at.difference
        if finding.tolerance is None or row[at] is None:
            return None, None, None
        scale = Decimal(row[at + 2] or 1) or Decimal(1)
        difference, base = (exact(Decimal(row[at + i] or 0) / scale) for i in (0, 1))
        return assess(self.check.tolerances[finding.tolerance.name], difference, base), difference, base

    def _amount(
        self, finding: Finding, row: Row, difference: Decimal | None, base: Decimal | None
    ) -> Decimal | None:
        if finding.tolerance is not None and finding.amount is not None:
            named = {"difference": difference, "base": base}
            if finding.amount.strip() in named:
                figure = named[finding.amount.strip()]
                return None if figure is None else abs(figure)
        text, per = row[self.at.amount], row[self.at.amount + 1]
        return None if text is None else exact(Decimal(text) / (Decimal(per or 1) or 1))

    def _tolerance(self, finding: Finding, verdict: Verdict, row: Row) -> str:
        use = finding.tolerance
        figures = {name: json_of(row[self.at.figures[name]], "decimal") for name in ("difference", "base")}
        return (
            f'{{"base":{figures["base"]},"difference":{figures["difference"]},'
            f'"excess":"{exact_text(verdict.excess)}","format":"{use.format if use else "number"}",'
            f'"limit":"{exact_text(verdict.limit)}","name":"{use.name if use else ""}",'
            f'"sentence":{JSON["text"](verdict.sentence)}}}'
        )


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""
