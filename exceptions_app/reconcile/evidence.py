"""From a row of hits to discrepancies: identity, evidence, facts, and by how much each is outside.

Evidence is canonical JSON: sorted keys, exact numbers and times as text. Its hash covers the key and what the
sides say, less what moves without a fact changing (a row read again, a clock): it depends neither on the
engine nor on the order of rows, nor on how a rule words its verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from exceptions_app.catalog.schema import Finding
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, fingerprint
from exceptions_app.domain.tolerance import Verdict, assess
from exceptions_app.domain.wording import money, number

from .limits import Limits
from .match import CompiledMatch, Said
from .parameters import RunParameters
from .values import JSON, exact, exact_text, instant_of, json_of

Row = Sequence[Any]
Cell = tuple[str, int, str]
"""Name, position, kind."""

_FIGURES = ("difference", "base", "tolerance", "excess", "amount")
"""What is worked out here and put behind a row."""


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


class _Finding:
    """One finding, where a row has what it says, and how that is written."""

    def __init__(self, finding: Finding, said: Said, limits: Limits | None, width: int) -> None:
        self.finding, self.said, self.limits = finding, said, limits
        self.figures = {name: width + i for i, name in enumerate(_FIGURES)}
        cells = {key: (place, "text") for key, place in said.key.items()}
        cells |= {"currency": (said.currency, "text"), "counterparty": (said.counterparty, "text")}
        own = _FIGURES if finding.tolerance else ("amount",)
        cells |= {name: (self.figures[name], "decimal") for name in own}
        cells |= said.facts
        for fact, text in finding.facts.items():
            if finding.tolerance is not None and text.strip() in ("difference", "base"):
                cells[fact] = (self.figures[text.strip()], "decimal")
        self.write_key = writer([(key, place, "text") for key, place in said.key.items()])
        self.write_facts = writer([(name, place, kind) for name, (place, kind) in cells.items()])


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
        self.findings = [
            _Finding(finding, said, limits, compiled.width)
            for finding, said, limits in zip(check.findings, compiled.said, compiled.limits, strict=True)
        ]

    def read(self, row: Row) -> list[Discrepancy]:
        """The discrepancies of one hit. `row` is as `CompiledMatch` describes it."""
        shown, compared = self._sides(row)
        shown = f'"let":{self.write_let(row)},"sides":{shown}'
        line = "|".join([self.check.line_type, self.entity, *[str(row[place]) for place in self.line]])
        return [
            self._discrepancy(finding, row, line, shown, compared)
            for finding in self.findings
            if row[finding.said.holds]
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

    def _discrepancy(self, what: _Finding, row: Row, line: str, shown: str, compared: str) -> Discrepancy:
        finding, said = what.finding, what.said
        verdict, difference, base = self._judged(what, row)
        amount = _amount(what, row, difference, base)
        row = (*row, exact_text(difference), exact_text(base), *_limits(verdict), exact_text(amount))
        key = {name: row[place] for name, place in said.key.items()}
        business_key = what.write_key(row)
        tolerance = _tolerance(what, row, verdict) if verdict else "null"
        return Discrepancy(
            fingerprint=fingerprint(self.check.code, finding.category, self.entity, list(key.values())),
            check=self.check.code,
            scope=self.entity,
            category=finding.category,
            entity=self.entity,
            reference=self.check.reference.format_map(_Known(key)),
            business_key=business_key,
            lines=(line,),
            counterparty=row[said.counterparty],
            facts=what.write_facts(row),
            evidence=f'{{"key":{business_key},{shown},"tolerance":{tolerance}}}',
            evidence_hash=evidence_hash(f'{{"key":{business_key},"sides":{compared}}}'),
            amount=amount,
            currency=row[said.currency],
            since=self.now if row[said.since] is None else instant_of(row[said.since]),
            critical=row[said.critical] == "true",
        )

    def _judged(self, what: _Finding, row: Row) -> tuple[Verdict | None, Decimal | None, Decimal | None]:
        """The verdict on the real figures: the compared ones divided by their scale."""
        use, (difference, base, scale) = what.finding.tolerance, what.said.figures
        if use is None or row[difference] is None:
            return None, None, None
        per = Decimal(row[scale] or 1) or Decimal(1)
        real, real_base = exact(Decimal(row[difference]) / per), exact(Decimal(row[base] or 0) / per)
        tolerance = self.check.tolerances[use.name]
        if what.limits is not None:
            since = row[what.said.since]
            day = None if since is None else instant_of(since).date()
            tolerance = what.limits.on(row[what.said.currency], day)
        currency = row[what.said.currency]
        say = partial(money, currency=currency) if use.format == "money" else number
        return assess(tolerance, real, real_base, say), real, real_base


def _limits(verdict: Verdict | None) -> tuple[str | None, str | None]:
    return (exact_text(verdict.limit), exact_text(verdict.excess)) if verdict else (None, None)


def _amount(what: _Finding, row: Row, difference: Decimal | None, base: Decimal | None) -> Decimal | None:
    figures = {"difference": difference, "base": base}
    named = (what.finding.amount or "").strip()
    if what.finding.tolerance is not None and named in figures:
        figure = figures[named]
        return None if figure is None else abs(figure)
    amount, per = row[what.said.amount], row[what.said.amount_per]
    return None if amount is None else exact(Decimal(amount) / (Decimal(per or 1) or 1))


def _tolerance(what: _Finding, row: Row, verdict: Verdict) -> str:
    use = what.finding.tolerance
    said = {name: json_of(row[place], "decimal") for name, place in what.figures.items()}
    return (
        f'{{"base":{said["base"]},"difference":{said["difference"]},"excess":{said["excess"]},'
        f'"format":"{use.format if use else "number"}","limit":{said["tolerance"]},'
        f'"name":"{use.name if use else ""}","sentence":{JSON["text"](verdict.sentence)}}}'
    )


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""
