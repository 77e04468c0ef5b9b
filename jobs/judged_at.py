"""The times that the checks of one comparison are judged by, in each entity's calendar and after its own closes."""

from __future__ import annotations

from datetime import datetime

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check
from exceptions_app.domain.clock import business_days_before
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.reconcile.closing import closed_through
from exceptions_app.reconcile.engine import compile_check
from exceptions_app.reconcile.match import CompiledMatch
from exceptions_app.reconcile.parameters import RunParameters, bind

from .flows import Standing

Times = dict[str, datetime | None]


class JudgedAt:
    """One instant, `now`; what follows from it is worked out once for each check and scope."""

    def __init__(self, catalog: Catalog, now: datetime) -> None:
        self.catalog, self.now = catalog, now
        self._times: dict[tuple[str, str], tuple[Standing, Times]] = {}

    def parameters(self, check: Check, scope: str, standing: Standing) -> RunParameters:
        """What a check is run with in an entity, or over the network."""
        queue = self.catalog.categories[check.categories[0]].queue
        entity = None if scope == NETWORK_SCOPE else scope
        calendar = (
            self.catalog.calendar_for(entity, queue)
            if entity is not None
            else self.catalog.calendar(self.catalog.queues[queue].calendar)
        )
        return RunParameters(
            self.now, lambda days: business_days_before(self.now, days, calendar), standing.read_through,
            lambda category: closed_through(self.catalog, category, entity, self.now),
        )  # fmt: skip

    def times(self, check: Check, scope: str, standing: Standing) -> Times:
        """The times that a check is judged by in a scope; of documents that are compared with each other, none."""
        known = self._times.get((check.code, scope))
        if known is None or known[0] is not standing:
            known = self._times[check.code, scope] = (standing, self._bound(check, scope, standing))
        return known[1]

    def _bound(self, check: Check, scope: str, standing: Standing) -> Times:
        compiled = compile_check(check, self.catalog)
        if not isinstance(compiled, CompiledMatch):
            return {}
        parameters = self.parameters(check, scope, standing)
        return bind(compiled.parameters, compiled.check, parameters, compiled.lags)
