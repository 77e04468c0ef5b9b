"""Whether what was declared fits together: the network, feeds, checks, what people work with, what is sent."""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    verify_causes,
    verify_checks,
    verify_deliveries,
    verify_feeds,
    verify_network,
    verify_words,
    verify_work,
)
from .catalog import Catalog
from .judging import Judge
from .merging import Merged
from .problems import ConnectorModels, Problem


def problems_in(catalog: Catalog, merged: Merged, connectors: Mapping[str, ConnectorModels]) -> list[Problem]:
    """Everything that refers to something that is not there, or cannot work."""
    judge = Judge(merged)
    verify_network.verify(judge, catalog, connectors)
    verify_feeds.verify(judge, catalog, connectors)
    verify_checks.verify(judge, catalog)
    verify_words.verify(judge, catalog)
    verify_work.verify(judge, catalog)
    verify_causes.verify(judge, catalog)
    verify_deliveries.verify(judge, catalog, connectors)
    return judge.problems
