"""The YAML's shape (pydantic). `Document` is one file; `load` merges files into one `Catalog`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import Field

from .balance import AllocationCheck, BalanceCheck, Documents
from .base import Code, Duration, Expression, Interval, Name, Secret, SecretRef, ServiceTime, Shape, Span
from .check_base import BaseCheck, CompareRow
from .checks import Check
from .clusters import (
    ClusterCheck,
    DuplicateCheck,
    DuplicateRule,
    HierarchyCheck,
    Part,
    SimilarCheck,
    TakenBack,
)
from .delivery import Backoff, DeliveryRules, ErrorRule, Operation, SentField
from .match import CostOfDelay, Finding, MatchCheck
from .messages import ErrorPattern, MessagesCheck
from .network import (
    Calendar,
    Contract,
    Crosswalk,
    CrosswalkEntry,
    DoorLookup,
    Entity,
    Feed,
    Mapped,
    Rhythm,
    System,
    TimeZone,
    Volume,
)
from .records import Column, ColumnType, RecordType, Sensitivity
from .shown import ChainStep, Conversion, Draft
from .sides import Lookup, Side
from .tolerances import ScopedTolerance, Tolerance, ToleranceUse
from .work import (
    Assignment,
    Category,
    CausedBy,
    Cutoff,
    MonthlyCutoff,
    Queue,
    Reason,
    ReferenceRow,
    Route,
    Severity,
    SlaPolicy,
    Supplies,
)

__all__ = [
    "AllocationCheck",
    "Assignment",
    "Backoff",
    "BalanceCheck",
    "BaseCheck",
    "Calendar",
    "Category",
    "CausedBy",
    "ChainStep",
    "Check",
    "ClusterCheck",
    "Code",
    "Column",
    "ColumnType",
    "CompareRow",
    "Contract",
    "Conversion",
    "CostOfDelay",
    "Crosswalk",
    "CrosswalkEntry",
    "Cutoff",
    "DeliveryRules",
    "Document",
    "Documents",
    "DoorLookup",
    "Draft",
    "DuplicateCheck",
    "DuplicateRule",
    "Duration",
    "Entity",
    "ErrorPattern",
    "ErrorRule",
    "ExchangeRate",
    "Expression",
    "Feed",
    "Finding",
    "HierarchyCheck",
    "Interval",
    "Lookup",
    "Mapped",
    "MatchCheck",
    "MessagesCheck",
    "MonthlyCutoff",
    "Name",
    "Operation",
    "Part",
    "Queue",
    "Reason",
    "RecordType",
    "ReferenceRow",
    "Rhythm",
    "Route",
    "ScopedTolerance",
    "Secret",
    "SecretRef",
    "Sensitivity",
    "SentField",
    "ServiceTime",
    "Severity",
    "Shape",
    "Side",
    "SimilarCheck",
    "Site",
    "SlaPolicy",
    "Span",
    "Supplies",
    "System",
    "TakenBack",
    "TimeZone",
    "Tolerance",
    "ToleranceUse",
    "Volume",
]  # fmt: skip


class ExchangeRate(Shape):
    """One unit of `currency` in the reporting currency, from `valid_from` on."""

    currency: str
    valid_from: date
    rate: Decimal


class Site(Shape):
    """The install itself: its name, its reporting currency, and which shipped packs it uses."""

    name: str = "Tieout"
    reporting_currency: str = "USD"
    packs: list[Code] = Field(default_factory=list)
    materiality: Decimal = Decimal(0)
    rates: list[ExchangeRate] = Field(default_factory=list)


class Document(Shape):
    """One YAML file: any of these sections. `overrides` changes fields of what another file declared."""

    site: Site | None = None
    entities: list[Entity] = Field(default_factory=list)
    calendars: list[Calendar] = Field(default_factory=list)
    systems: list[System] = Field(default_factory=list)
    record_types: list[RecordType] = Field(default_factory=list)
    feeds: list[Feed] = Field(default_factory=list)
    crosswalks: list[Crosswalk] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list)
    categories: list[Category] = Field(default_factory=list)
    queues: list[Queue] = Field(default_factory=list)
    routing: list[Route] = Field(default_factory=list)
    sla_policies: list[SlaPolicy] = Field(default_factory=list)
    assignment: list[Assignment] = Field(default_factory=list)
    cutoffs: list[Cutoff] = Field(default_factory=list)
    operations: list[Operation] = Field(default_factory=list)
    common_reasons: list[Reason] = Field(default_factory=list)
    reference_rows: list[ReferenceRow] = Field(default_factory=list)
    overrides: dict[str, dict[str, dict[str, Any]]] = Field(default_factory=dict)
