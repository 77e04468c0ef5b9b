"""What people add to the configuration while it is in force: an overlay on the YAML, and the YAML that it would be.

An addition never overrules a file: where the files say something else about the same thing by now, or what it refers
to is gone, it stands aside and says why. Knows nothing of who asked for it, or where it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter

from .catalog import Catalog, Translations
from .schema import BalanceCheck, Code, MatchCheck, Name, ReferenceRow, ScopedTolerance, Shape


class CrosswalkAddition(Shape):
    """What one system (None: every system) calls something, and its canonical identifier."""

    kind: Literal["crosswalk"] = "crosswalk"
    crosswalk: Code
    system: Code | None = None
    local: str = Field(min_length=1)
    canonical: str = Field(min_length=1)


class ReferenceAddition(Shape):
    """A row of reference data that no system holds, such as a conversion."""

    kind: Literal["reference_row"] = "reference_row"
    record: Name
    values: dict[Name, str] = Field(min_length=1)


class ToleranceAddition(Shape):
    """A wider limit for some, of one tolerance of one check."""

    kind: Literal["tolerance"] = "tolerance"
    check: str
    tolerance: Name
    scoped: ScopedTolerance


Addition = Annotated[CrosswalkAddition | ReferenceAddition | ToleranceAddition, Field(discriminator="kind")]
_ADDITION: TypeAdapter[CrosswalkAddition | ReferenceAddition | ToleranceAddition] = TypeAdapter(Addition)
KINDS = ("crosswalk", "reference_row", "tolerance")


def read_addition(payload: str) -> Addition:
    """An addition from its JSON. Raises `pydantic.ValidationError`."""
    return _ADDITION.validate_json(payload)


@dataclass(slots=True)
class _Overlay:
    """A catalog's parts that additions change, on the way to a new catalog."""

    catalog: Catalog
    crosswalks: dict[str, Translations] = field(default_factory=dict)
    rows: list[ReferenceRow] = field(default_factory=list)
    scoped: dict[tuple[str, str], list[ScopedTolerance]] = field(default_factory=dict)

    def add(self, addition: Addition) -> str:
        """Why it stands aside; empty where it holds."""
        if isinstance(addition, CrosswalkAddition):
            return self._entry(addition)
        if isinstance(addition, ReferenceAddition):
            return self._row(addition)
        return self._tolerance(addition)

    def _entry(self, addition: CrosswalkAddition) -> str:
        known = self.crosswalks.get(addition.crosswalk, self.catalog.crosswalks.get(addition.crosswalk))
        if known is None:
            return f"there is no crosswalk '{addition.crosswalk}' any more"
        if addition.system is not None and addition.system not in self.catalog.systems:
            return f"there is no system '{addition.system}' any more"
        key = (addition.system, addition.local)
        if known.get(key, addition.canonical) != addition.canonical:
            return f"'{addition.local}' is already known as '{known[key]}'"
        self.crosswalks[addition.crosswalk] = {**known, key: addition.canonical}
        return ""

    def _row(self, addition: ReferenceAddition) -> str:
        record = self.catalog.record_types.get(addition.record)
        if record is None or record.scope != "network":
            return f"there is no record type '{addition.record}' of the network any more"
        if (
            not addition.values.keys() <= record.columns.keys()
            or not set(record.key) <= addition.values.keys()
        ):
            return f"{addition.record} has other columns by now"
        row = ReferenceRow(record=addition.record, values=addition.values)
        key = _key_of(row, record.key)
        for other in (*self.catalog.reference_rows, *self.rows):
            if other.record == row.record and _key_of(other, record.key) == key and other != row:
                return f"{' '.join(key)} is already there with other values"
        if row not in self.catalog.reference_rows:
            self.rows.append(row)
        return ""

    def _tolerance(self, addition: ToleranceAddition) -> str:
        check = self.catalog.checks.get(addition.check)
        if not isinstance(check, MatchCheck | BalanceCheck) or addition.tolerance not in check.tolerances:
            return f"{addition.check} has no tolerance '{addition.tolerance}' any more"
        unknown = [code for code in addition.scoped.entity if code not in self.catalog.entities]
        if unknown:
            return f"there is no entity '{unknown[0]}' any more"
        unstated = [name for name in addition.scoped.facts if not check.states(addition.tolerance, name)]
        if unstated:
            return f"{addition.check} states no '{unstated[0]}' any more"
        if addition.scoped not in check.tolerances[addition.tolerance].scoped:
            self.scoped.setdefault((addition.check, addition.tolerance), []).append(addition.scoped)
        return ""

    def finished(self) -> Catalog:
        """The catalog with all that holds."""
        checks = dict(self.catalog.checks)
        for (code, name), scoped in self.scoped.items():
            check = checks[code]
            if not isinstance(check, MatchCheck):  # `_tolerance` lets no other through
                continue
            wider = check.tolerances[name]
            wider = wider.model_copy(update={"scoped": [*wider.scoped, *scoped]})
            checks[code] = check.model_copy(update={"tolerances": {**check.tolerances, name: wider}})
        return replace(
            self.catalog,
            checks=checks,
            crosswalks={**self.catalog.crosswalks, **self.crosswalks},
            reference_rows=(*self.catalog.reference_rows, *self.rows),
        )


def _key_of(row: ReferenceRow, key: Sequence[str]) -> tuple[str, ...]:
    return tuple(row.values[name] for name in key)


def overlaid(catalog: Catalog, additions: Sequence[Addition]) -> tuple[Catalog, list[str]]:
    """The catalog with these additions, in their order, and of each why it stands aside (empty: it holds)."""
    overlay = _Overlay(catalog)
    aside = [overlay.add(addition) for addition in additions]
    return (overlay.finished() if any(not why for why in aside) else catalog), aside


def as_yaml(additions: Sequence[Addition]) -> str:
    """A file for the site's directory that says the same; empty text for none."""
    overrides: dict[str, Any] = {}
    rows: list[Mapping[str, Any]] = []
    for addition in additions:
        if isinstance(addition, CrosswalkAddition):
            entries = overrides.setdefault("crosswalks", {}).setdefault(addition.crosswalk, {"entries": []})
            entry = {"local": addition.local, "canonical": addition.canonical}
            entries["entries"].append(entry | ({"system": addition.system} if addition.system else {}))
        elif isinstance(addition, ReferenceAddition):
            rows.append({"record": addition.record, "values": dict(addition.values)})
        else:
            tolerances = overrides.setdefault("checks", {}).setdefault(addition.check, {"tolerances": {}})
            scoped = tolerances["tolerances"].setdefault(addition.tolerance, {"scoped": []})
            scoped["scoped"].append(addition.scoped.model_dump(mode="json", exclude_defaults=True))
    content: dict[str, Any] = {}
    if overrides:
        content["overrides"] = overrides
    if rows:
        content["reference_rows"] = rows
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110) if content else ""
