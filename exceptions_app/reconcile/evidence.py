"""From a row of hits to discrepancies: identity, evidence, facts, and by how much each is outside.

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

Row = Sequence[Any]
Cell = tuple[str, int, str]
"""Name, position, kind."""

_FIGURES = ("difference", "base", "tolerance", "excess", "amount")
"""What is worked out here and put behind what a finding says."""


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


class _Said:
    """Where each part of what a finding says stands; see `CompiledMatch`."""

    def __init__(self, keys: Sequence[str], finding: Finding, kinds: Mapping[str, str]) -> None:
        self.finding = finding
        self.key = {key: 2 + i for i, key in enumerate(keys)}
        self.difference = 2 + len(keys)
        self.amount = self.difference + len(("difference", "base", "scale"))
        self.currency, self.counterparty, facts = (self.amount + n for n in (2, 3, 4))
        self.figures = {name: facts + len(kinds) + i for i, name in enumerate(_FIGURES)}
        cells = {key: (position, "text") for key, position in self.key.items()}
        cells |= {"currency": (self.currency, "text"), "counterparty": (self.counterparty, "text")}
        own = _FIGURES if finding.tolerance else ("amount",)
        cells |= {name: (self.figures[name], "decimal") for name in own}
        for i, (fact, text) in enumerate(finding.facts.items()):
            figure = finding.tolerance is not None and text.strip() in ("difference", "base")
            cells[fact] = (self.figures[text.strip()], "decimal") if figure else (facts + i, kinds[fact])
        self.write_key = writer([(key, position, "text") for key, position in self.key.items()])
        self.write_facts = writer([(name, position, kind) for name, (position, kind) in cells.items()])


class Reader:
    """Turns the rows of one compiled match check, run in one entity, into discrepancies."""

    def __init__(self, compiled: CompiledMatch, entity: str | None, parameters: RunParameters) -> None:
        check, sides = compiled.check, list(compiled.sides)
        self.check, self.now, self.entity = check, parameters.now, entity or NETWORK_SCOPE
        self.present = range(1, 1 + len(sides))
        first = 1 + len(sides) + len(check.key)
        cells: dict[str | None, list[Cell]] = {None: [], **{side: [] for side in sides}}
        for i, (side, name, kind) in enumerate(compiled.shown):
            cells[side].append((name, first + i, kind))
        self.write_let = writer(cells[None])
        self.sides = []
        for side in sorted(sides):
            volatile = compiled.sides[side].volatile
            steady = writer([cell for cell in cells[side] if cell[0] not in volatile]) if volatile else None
            self.sides.append((1 + sides.index(side), JSON["text"](side), writer(cells[side]), steady))
        self.line = [1 + len(sides) + check.key.index(key) for key in check.line or check.key]
        self.first_finding = first + len(compiled.shown)
        self.said = [
            _Said(check.key, finding, kinds)
            for finding, kinds in zip(check.findings, compiled.fact_kinds, strict=True)
        ]

    def read(self, row: Row) -> list[Discrepancy]:
        """The discrepancies of one hit. `row` is as `CompiledMatch` describes it."""
        shown, compared = self._sides(row)
        shown = f'"let":{self.write_let(row)},"sides":{shown}'
        line = "|".join([self.check.line_type, self.entity, *(str(row[place]) for place in self.line)])
        return [
            self._discrepancy(said, values, line, shown, compared)
            for said, values in zip(self.said, row[self.first_finding :], strict=True)
            if values is not None
        ]

    def known_to(self, row: Row) -> int:
        """How many sides know the key of a hit."""
        return sum(row[place] for place in self.present)

    def _sides(self, row: Row) -> tuple[str, str]:
        """The sides as shown, and as compared with the last run. A missing side is an empty object."""
        shown, compared = [], []
        for present, name, write, steady in self.sides:
            values = write(row) if row[present] else "{}"
            shown.append(f"{name}:{values}")
            compared.append(f"{name}:{steady(row)}" if steady and row[present] else shown[-1])
        return f"{{{','.join(shown)}}}", f"{{{','.join(compared)}}}"

    def _discrepancy(self, at: _Said, values: Row, line: str, shown: str, compared: str) -> Discrepancy:
        finding = at.finding
        verdict, difference, base = self._judged(at, values)
        amount = _amount(at, values, difference, base)
        values = (
            *values,
            exact_text(difference),
            exact_text(base),
            exact_text(verdict.limit) if verdict else None,
            exact_text(verdict.excess) if verdict else None,
            exact_text(amount),
        )
        key, business_key = {name: values[place] for name, place in at.key.items()}, at.write_key(values)
        tolerance = _tolerance(at, values, verdict) if verdict else "null"
        return Discrepancy(
            fingerprint=fingerprint(self.check.code, finding.category, self.entity, list(key.values())),
            check=self.check.code,
            scope=self.entity,
            category=finding.category,
            entity=self.entity,
            reference=self.check.reference.format_map(_Known(key)),
            business_key=business_key,
            lines=(line,),
            counterparty=values[at.counterparty],
            facts=at.write_facts(values),
            evidence=f'{{"key":{business_key},{shown},"tolerance":{tolerance}}}',
            evidence_hash=evidence_hash(f'{{"key":{business_key},"sides":{compared}}}'),
            amount=amount,
            currency=values[at.currency],
            since=self.now if values[0] is None else instant(int(values[0])),
            critical=values[1] == "true",
        )

    def _judged(self, at: _Said, values: Row) -> tuple[Verdict | None, Decimal | None, Decimal | None]:
        """The verdict on the real figures: the compared ones divided by their scale."""
        use, first = at.finding.tolerance, at.difference
        if use is None or values[first] is None:
            return None, None, None
        scale = Decimal(values[first + 2] or 1) or Decimal(1)
        difference, base = (exact(Decimal(values[first + i] or 0) / scale) for i in (0, 1))
        return assess(self.check.tolerances[use.name], difference, base), difference, base


def _amount(at: _Said, values: Row, difference: Decimal | None, base: Decimal | None) -> Decimal | None:
    figures = {"difference": difference, "base": base}
    named = (at.finding.amount or "").strip()
    if at.finding.tolerance is not None and named in figures:
        figure = figures[named]
        return None if figure is None else abs(figure)
    amount, per = values[at.amount], values[at.amount + 1]
    return None if amount is None else exact(Decimal(amount) / (Decimal(per or 1) or 1))


def _tolerance(at: _Said, values: Row, verdict: Verdict) -> str:
    use = at.finding.tolerance
    said = {name: json_of(values[at.figures[name]], "decimal") for name in ("difference", "base", "excess")}
    return (
        f'{{"base":{said["base"]},"difference":{said["difference"]},"excess":{said["excess"]},'
        f'"format":"{use.format if use else "number"}",'
        f'"limit":{json_of(values[at.figures["tolerance"]], "decimal")},'
        f'"name":"{use.name if use else ""}","sentence":{JSON["text"](verdict.sentence)}}}'
    )


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""
