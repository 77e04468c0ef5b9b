"""An alias that nobody mapped is one cause, with everything it blocks under it."""

from __future__ import annotations

from demo.suppliers import UNMAPPED_ALIAS

from .live import SimulatedNetwork, Site


def test_an_unmapped_alias_is_one_cause_of_everything_it_blocks(
    network: SimulatedNetwork, site: Site
) -> None:
    site.one_pass()
    blocked = [case for case in site.cases() if UNMAPPED_ALIAS in case.facts + case.business_key]
    (cause,) = [case for case in site.causes() if case.category == "unmapped_supplier"]
    assert blocked
    assert {case.parent_id for case in blocked} == {cause.id}
    assert [case.id for case in site.cases() if case.parent_id == cause.id] == [case.id for case in blocked]
    assert cause.sentence.startswith(f"{UNMAPPED_ALIAS}, as ")
    assert f"{len(blocked)} exceptions, $" in cause.sentence
    # The mapped look-alikes cause nothing, and comparing again changes nothing.
    site.reconcile()
    assert [(again.id, again.status) for again in site.causes() if again.category == cause.category] == [
        (cause.id, "open")
    ]
    assert network.ledger("look_alike")
