"""Judges what people work with: categories and their sentences, queues, routing, service levels, rates."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exceptions_app.domain.wording import STYLES, placeholders

from .catalog import Catalog
from .currencies import CURRENCIES
from .judging import Judge, Path
from .problems import closest, listing
from .schema import Assignment, Category, Route, SlaPolicy


def needed_facts(sentence: str) -> list[str]:
    """The facts a sentence names, each once."""
    return list(dict.fromkeys(name for name, _ in placeholders(sentence)))


def verify(judge: Judge, catalog: Catalog) -> None:
    """Report whatever refers to nothing, or cannot be said."""
    for category in catalog.categories.values():
        _category(judge, catalog, category)
    for queue in catalog.queues.values():
        judge.refer("queues", queue.code, ["calendar"], "calendars", queue.calendar)
    for policy in catalog.sla_policies:
        judge.refer("sla_policies", policy.code, ["calendar"], "calendars", policy.calendar)
    coded: tuple[tuple[str, Sequence[SlaPolicy | Assignment]], ...] = (
        ("sla_policies", catalog.sla_policies),
        ("assignment", catalog.assignment),
    )
    for section, rules in coded:
        for rule in rules:
            queues: list[tuple[Path, str, str]] = [
                (("queue", index), "queues", code) for index, code in enumerate(rule.queue)
            ]
            for path, target, code in [*queues, *_conditions(rule)]:
                judge.refer(section, rule.code, path, target, code)
    for index, route in enumerate(catalog.routing):
        _route(judge, index, route)
    _rates(judge, catalog)


def _category(judge: Judge, catalog: Catalog, category: Category) -> None:
    code = category.code
    judge.refer("categories", code, ["queue"], "queues", category.queue)
    _words(judge, code, ["sentence"], category.sentence)
    if category.draft is not None:
        _words(judge, code, ["draft", "subject"], category.draft.subject)
        _words(judge, code, ["draft", "body"], category.draft.body)
    known = [reason.code for reason in catalog.common_reasons]
    for index, reason in enumerate(category.reasons):
        if reason.code in known:
            judge.report(
                "categories", code, ["reasons", index], f"the reason '{reason.code}' stands twice", "it once"
            )
        known.append(reason.code)


def _words(judge: Judge, code: str, path: Path, text: str) -> None:
    """Report a placeholder that could not be filled: of an unknown style, or not closed."""
    rest = text
    for name, style in placeholders(text):
        if style is not None and style not in STYLES:
            said = f"'{{{name}|{style}}}' has an unknown style"
            judge.report("categories", code, path, said, listing(STYLES), closest(style, STYLES))
        rest = re.sub(r"\{\s*" + name + r"\s*(\|\s*[a-z_]+\s*)?\}", "", rest)
    if "{" in rest or "}" in rest:
        said = "a brace that belongs to no {fact}"
        judge.report("categories", code, path, said, "{fact} or {fact|style}, in lower case")


def _conditions(rule: Route | SlaPolicy | Assignment) -> list[tuple[Path, str, str]]:
    found: list[tuple[Path, str, str]] = []
    found += [(("category", index), "categories", code) for index, code in enumerate(rule.category)]
    found += [(("entity", index), "entities", code) for index, code in enumerate(rule.entity)]
    return found


def _route(judge: Judge, index: int, route: Route) -> None:
    routes = judge.merged.uncoded["routing"]
    block = routes[index] if index < len(routes) else None
    for path, target, code in [*_conditions(route), (("queue",), "queues", route.queue)]:
        if judge.unknown(target, code):
            known = judge.merged.declared[target]
            said = f"'{code}' is none of {target}"
            judge.report_in(block, f"routing[{index}]", path, said, listing(known), closest(code, known))


def _rates(judge: Judge, catalog: Catalog) -> None:
    site, block = catalog.site, judge.merged.site_block
    named: list[tuple[Path, str]] = [(["reporting_currency"], site.reporting_currency)]
    named += [(["rates", index, "currency"], rate.currency) for index, rate in enumerate(site.rates)]
    for path, currency in named:
        if currency not in CURRENCIES:
            judge.report_in(block, "site", path, f"got '{currency}'", "an ISO 4217 currency such as USD")
    for index, rate in enumerate(site.rates):
        if rate.rate <= 0:
            judge.report_in(block, "site", ["rates", index, "rate"], f"got {rate.rate}", "a rate over 0")
