"""The books of a flow other than procure-to-pay: a site made of its pack, a row at a time, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.merging import PACKS
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.wording import render

from .books import Books

_READ = {
    "text": "a", "integer": "CAST(a AS integer)", "decimal": "parse_decimal(a)", "money": "parse_decimal(a)",
    "quantity": "parse_decimal(a)", "date": "parse_date(a, 'yyyy-mm-dd')", "timestamp": "parse_timestamp(a)",
    "boolean": "CAST(a AS boolean)",
}  # fmt: skip
Systems = Mapping[str, tuple[str, Sequence[str]]]
"""A system's code -> its kind, and the record types that it sends."""


def flow_site(
    folder: Path, pack: str, systems: Systems, crosswalks: Mapping[str, list[dict[str, str]]]
) -> Catalog:
    """A site of two facilities whose systems send what is said, an hour late at most."""
    files = [*(PACKS / "foundation").glob("*.yaml"), *(PACKS / pack).glob("*.yaml")]
    types: dict[str, Any] = {
        one["code"]: one
        for path in sorted(files)
        for one in yaml.safe_load(path.read_text()).get("record_types") or []
    }
    document = {
        "site": {"name": "Test", "packs": [pack]},
        "entities": [{"code": "H1", "name": "North"}, {"code": "H2", "name": "South"}],
        "systems": [
            {"code": code, "name": code, "kind": kind, "connector": "rows"}
            for code, (kind, _) in systems.items()
        ],
        "overrides": {"crosswalks": {code: {"entries": entries} for code, entries in crosswalks.items()}},
        "feeds": [
            {
                "code": f"{system.lower()}_{record}", "system": system, "record_type": record, "lag": "1h",
                "mapping": _mapping(types[record]),
            }
            for system, (_, records) in systems.items()
            for record in records
        ],
    }  # fmt: skip
    (folder / "site.yaml").write_text(yaml.safe_dump(document))
    return load_catalog(folder, connector_models())


def _mapping(record: Mapping[str, Any]) -> dict[str, str]:
    required = [(name, column) for name, column in record["columns"].items() if column.get("required")]
    mapping = {name: _READ[column.get("type", "text")] for name, column in required}
    return mapping if record.get("scope") == "network" else {"entity": "a", **mapping}


class FlowBooks(Books):
    """Empty books of one flow. What a row says is said by name, over what is usual for its record type."""

    usual: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def put(self, record: str, system: str, /, **said: Any) -> None:
        """One row of a system; network records belong to no facility."""
        scope = self.catalog.record_types[record].scope
        entity = {"entity": None} if scope == "network" else {}
        self.add(record, system, **{**entity, **self.usual.get(record, {}), **said})

    def raised(self, check: str, **options: Any) -> list[str]:
        """The categories that a check raises, in the facility or over the network as it runs, sorted."""
        return sorted(one.category for one in self._found(check, options))

    def told(self, check: str, **options: Any) -> list[str]:
        """What a specialist reads of each, in the order of the categories."""
        found = sorted(self._found(check, options), key=lambda one: one.category)
        return [
            render(self.catalog.categories[one.category].sentence, json.loads(one.facts), one.currency)
            for one in found
        ]

    def found(self, check: str, **options: Any) -> Discrepancy:
        """The only discrepancy."""
        (one,) = self._found(check, options)
        return one

    def _found(self, check: str, options: Mapping[str, Any]) -> Sequence[Discrepancy]:
        entity = self._entity(self.catalog.checks[check])
        return self.run(check, **{"entity": entity, **options}).discrepancies
