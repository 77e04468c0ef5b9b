"""What is asked part by part is what the statement finds: of every shipped check, whatever the records."""

from __future__ import annotations

import json

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expressions import conjuncts
from exceptions_app.reconcile.engine import run_check
from exceptions_app.reconcile.why import ask, explains
from exceptions_app.reconcile.why_rows import rows

from .test_together import ALL, _checks, _filled, _parameters, _show, network

__all__ = ["network"]
EACH = 20 if ALL else 1


def test_what_is_asked_of_a_key_is_what_the_check_finds_on_it(network: Catalog) -> None:
    books, agreed, silent = _filled(network, 0), 0, 0
    for check in _checks(network):
        if not explains(check):
            continue
        _show(books, ["H1"], check)
        found = run_check(books.con, check, network, "H1", _parameters(check)).discrepancies
        by_key: dict[str, set[str]] = {}
        for one in found:
            by_key.setdefault(one.business_key, set()).add(one.category)
        some = list(by_key)[:EACH]
        for key in map(json.loads, [*some, json.dumps(dict.fromkeys(check.key, "A"))]):
            line = ask(books.con, check, network, key, _parameters(check))
            raised = {one.finding.category for one in line.findings if one.holds} if line else set()
            here = by_key.get(
                json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=False), set()
            )
            if line is None and here:
                continue  # the key as its source wrote it, where a crosswalk means another
            assert here == raised or (not here and not _written_alike(raised, by_key, key)), (check.code, key)
            agreed, silent = agreed + bool(here), silent + (not here)
            for side in check.sides:
                rows(books.con, check, network, side, key, _parameters(check))
    assert (agreed > 15, silent > 15) == (True, True), (agreed, silent)


def _written_alike(raised: set[str], by_key: dict[str, set[str]], key: dict[str, str]) -> bool:
    """Whether nothing with these categories was found under any name of the key."""
    return bool(raised) and not any(raised & found for found in by_key.values())


def test_parts_of_a_condition_are_what_and_joins() -> None:
    assert conjuncts("a = 1 AND (b = 2 OR c = 3) AND d") == ["a = 1", "b = 2 OR c = 3", "d"]
    assert conjuncts("(a = 'x AND y' AND days_ago(3) > b)") == ["a = 'x AND y'", "days_ago(3) > b"]
    assert conjuncts("a OR b") == ["a OR b"]
    assert conjuncts("a = = b") == ["a = = b"]
