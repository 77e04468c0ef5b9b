"""A finding as a condition: who must be present or missing, how far outside a tolerance, for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr, Kind, Names, Scope, parse, quote, render
from exceptions_app.catalog.schema import Finding, MatchCheck, Tolerance

from .limits import Limits, limits_of
from .parameters import grace_parameter, lookup_parameter, settled_parameter
from .sides import SidePlan

FIGURES = ("difference", "base", "scale")
LIMITS = ("absolute", "ignore_below")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that must be so for a finding. `kind`: present, missing (`of` a side), when, tolerance, fed, waits
    (`of` a parameter), read (`of` a look-up). `sql` may be NULL.
    """

    kind: str
    of: str
    sql: str


@dataclass(frozen=True, slots=True)
class FindingPlan:
    """A compiled finding. `figures` are the tolerance's columns; `parts` use them, and all of them must hold."""

    index: int
    finding: Finding
    figures: Mapping[str, str]
    parts: Sequence[Part]
    since: str
    parameters: frozenset[str]
    limits: Limits | None

    @property
    def condition(self) -> str:
        """Not wrapped in COALESCE: a filter reads conjunctions part by part, and only the rows that are left."""
        return " AND ".join(part.sql for part in self.parts) or "TRUE"


def figure(index: int, name: str) -> str:
    """The column that holds a figure of a finding's tolerance."""
    return quote(f"{index} {name}")


def plan_finding(
    catalog: Catalog,
    check: MatchCheck,
    index: int,
    accepted: Mapping[Path, Expr],
    sides: Mapping[str, SidePlan],
    names: Names,
) -> FindingPlan:
    """Compile one finding of a check whose sides are compiled; `names` writes columns of the joined row."""
    finding = check.findings[index]
    path: Path = ("findings", index)
    used: set[str] = set()

    def sql(*place: str) -> str | None:
        expression = accepted.get((*path, *place))
        if expression is None:
            return None
        used.update(expression.parameters)
        return render(expression, names)

    figures, limits, since = {}, limits_of(check, finding, catalog), str(sql("since"))
    parts = [Part("present", side, f"{quote(side + ' present')} IS NOT NULL") for side in finding.present]
    parts += [Part("missing", side, f"{quote(side + ' present')} IS NULL") for side in finding.missing]
    parts += [Part("when", "", part) for part in [sql("when")] if part]
    if finding.tolerance is not None:
        figures = {name: str(sql("tolerance", name)) for name in FIGURES}
        kinds = {name: accepted[*path, "tolerance", name].kind for name in FIGURES}
        tolerance = check.tolerances[finding.tolerance.name]
        outside = (
            _outside(tolerance, kinds, index)
            if limits is None
            else _outside_money(limits, kinds, index, str(sql("currency")), since)
        )
        # Most differences are none, and cost no more than this.
        differs = f"{figure(index, 'difference')} <> 0 AND {outside}"
        parts.append(Part("tolerance", finding.tolerance.name, differs))
    awaited = [name for name in _awaited(finding) if "." in name or sides[name].sql is not None]
    parts += [Part("fed", name, "FALSE") for name in awaited if not _is_fed(catalog, check, name)][:1]
    waits = _waits(check, finding, awaited)
    parts += [Part("waits", name, f"{since} <= ${name}") for name in waits]
    looked_up = {lookup_parameter(check, *of): of for of in _looked_up(catalog, check, path, accepted)}
    parts += [Part("read", ".".join(of), f"${name} IS NOT NULL") for name, of in looked_up.items()]
    for place in ("amount", "amount_per", "currency", "counterparty", "critical_when"):
        sql(place)
    for fact in finding.facts:
        sql("facts", fact)
    parameters = frozenset(used | {*waits, *looked_up})
    return FindingPlan(index, finding, figures, parts, since, parameters, limits)


def waits_of(check: MatchCheck, finding: Finding) -> Sequence[str]:
    """The times that `since` must have reached before a finding is raised, those of sides without a feed too."""
    return _waits(check, finding, _awaited(finding))


def _waits(check: MatchCheck, finding: Finding, awaited: Sequence[str]) -> Sequence[str]:
    waits = [settled_parameter(check, name) for name in awaited]
    return [*waits, *([grace_parameter(finding.grace)] if finding.grace is not None else [])]


def _awaited(finding: Finding) -> Sequence[str]:
    return list(dict.fromkeys([*finding.missing, *finding.settled]))


def _is_fed(catalog: Catalog, check: MatchCheck, name: str) -> bool:
    """Whether a feed brings what is awaited; sides without one are left out before."""
    side, _, code = name.partition(".")
    lookup = check.sides[side].lookups[code] if code else None
    return lookup is None or bool(catalog.sources_of(lookup.record, lookup.kind))


def _looked_up(
    catalog: Catalog, check: MatchCheck, path: Path, accepted: Mapping[Path, Expr]
) -> Sequence[tuple[str, str]]:
    """The look-ups (side, name) on which a verdict builds, one per source, as far as feeds bring them: those of its
    columns, and those that say which rows a side has.
    """
    parts = [(*path, "when"), *((*path, "tolerance", name) for name in FIGURES)]
    todo = [name for part in parts if part in accepted for name in accepted[part].columns]
    seen, asked = set[tuple[str | None, str]](), set[tuple[str, str]]()
    while todo:
        side, name = todo.pop()
        expression = accepted.get(("let", name) if side is None else ("sides", side, "columns", name))
        if expression is None or (side, name) in seen:
            continue
        seen.add((side, name))
        if side is None:
            todo.extend(expression.columns)
        else:
            asked |= {(side, lookup) for lookup, _ in expression.columns if lookup is not None}
    for side in check.sides:
        where = accepted.get(("sides", side, "where"))
        asked |= {(side, lookup) for lookup, _ in (where.columns if where else ()) if lookup is not None}
    for side, name in sorted(asked):
        asked |= {(side, before) for before in _built_on(check, side, name, accepted)}
    by_source: dict[tuple[str, str | None], tuple[str, str]] = {}
    for side, name in sorted(asked):
        lookup = check.sides[side].lookups[name]
        if catalog.sources_of(lookup.record, lookup.kind):
            by_source.setdefault((lookup.record, lookup.kind), (side, name))
    return list(by_source.values())


def _built_on(check: MatchCheck, side: str, lookup: str, accepted: Mapping[Path, Expr]) -> Iterator[str]:
    """The look-ups of which one asks for what they found, and theirs."""
    for column in check.sides[side].lookups[lookup].on:
        for before, _ in accepted["sides", side, "lookups", lookup, "on", column].columns:
            if before is not None:
                yield before
                yield from _built_on(check, side, before, accepted)


def _outside(tolerance: Tolerance, kinds: Mapping[str, Kind], index: int) -> str:
    """The tolerance as a condition over products only; figures may be `scale` times the real ones."""
    expression = parse(outside_text(tolerance), Scope(dict(kinds)))
    return render(expression, lambda _, name: figure(index, name))


def _outside_money(limits: Limits, kinds: Mapping[str, Kind], index: int, currency: str, since: str) -> str:
    """The same where limits are money: in their own currency as they stand, in others converted.

    Without a rate percent alone decides; a tolerance without one says nothing then.
    """
    own = _outside(limits.tolerance, kinds, index)
    unrated = _outside(limits.by_percent, kinds, index) if limits.tolerance.percent is not None else "FALSE"
    home = limits.at_home(currency)
    written = {name: sql for name in LIMITS if (sql := limits.written(name, currency, since))}
    if not written:
        return f"CASE WHEN {home} THEN {own} ELSE {unrated} END"
    text = outside_text(limits.tolerance, *LIMITS)
    converted = render(
        parse(text, Scope({**kinds, **dict.fromkeys(LIMITS, "decimal")})),
        lambda _, name: written.get(name) or figure(index, name),
    )
    rated = f"{written['ignore_below']} IS NOT NULL"
    return f"CASE WHEN {home} THEN {own} WHEN {rated} THEN {converted} ELSE {unrated} END"


def outside_text(tolerance: Tolerance, absolute: str | None = None, ignored: str | None = None) -> str:
    """The rule of `domain.tolerance.assess`, written as an expression over difference, base and scale.

    `absolute` and `ignored` name columns to take the place of the tolerance's own figures.
    """
    most, least = absolute or tolerance.absolute, ignored or tolerance.ignore_below
    by_size = None if tolerance.absolute is None else f"ABS(difference) > {most} * scale"
    by_share = (
        None if tolerance.percent is None else f"ABS(difference) * 100 > {tolerance.percent} * ABS(base)"
    )
    given = [limit for limit in (by_size, by_share) if limit]
    parts = [f"ABS(difference) > {least} * scale"]
    if tolerance.combine == "sum" and len(given) == 2:
        limit = f"{most} * scale * 100 + {tolerance.percent} * ABS(base)"
        parts.append(f"ABS(difference) * 100 > {limit}")
    elif given:
        parts.append(f"({(' OR ' if tolerance.combine == 'any' else ' AND ').join(given)})")
    if not tolerance.over:
        parts.append("difference < 0")
    if not tolerance.under:
        parts.append("difference > 0")
    return " AND ".join(parts)
