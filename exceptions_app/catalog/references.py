"""Whether the declarations fit together: references, trees, zones, holidays, options, sentences, expressions."""

from __future__ import annotations

from collections.abc import Mapping

from .catalog import Catalog
from .merging import Merged
from .problems import ConnectorModels, Problem


def problems_in(catalog: Catalog, merged: Merged, connectors: Mapping[str, ConnectorModels]) -> list[Problem]:
    """Everything that refers to something that is not there, or cannot work."""
    return []
