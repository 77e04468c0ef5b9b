"""What keeps the counters of revision 0005: triggers, for each database in its own way. Frozen with the revision.

SQLite has one writer at a time, so a row moves its counter. A new exception is counted with its first evidence, which
is stored in the same transaction: a trigger on its own insert would have SQLite copy every index page of that row in
case the statement fails, which halved the rate of intake. PostgreSQL has many writers: two that moved the same counters
in another order would wait for each other in a circle, so each statement only adds rows, from its transition tables.
"""

from __future__ import annotations

# ruff: noqa: S608  (statements of constants: nothing comes from outside)
_KEY = "queue, entity, category, status, stage, aging"
_AGING = "CASE WHEN {0}status IN ('open', 'awaiting_confirmation') THEN {0}aging ELSE -1 END"


def _values(row: str) -> str:
    columns = (f"{row}{name}" for name in ("queue", "entity", "category", "status", "sla_stage"))
    return ", ".join([*columns, _AGING.format(row)])


def _move(row: str, by: int) -> str:
    return (
        f"INSERT INTO case_tally ({_KEY}, count) VALUES ({_values(row)}, {by}) "
        f"ON CONFLICT ({_KEY}) DO UPDATE SET count = count + ({by});"
    )


_FIRST = (
    f"INSERT INTO case_tally ({_KEY}, count) SELECT {_values('')}, 1 FROM exception_case WHERE id = NEW.case_id "
    f"ON CONFLICT ({_KEY}) DO UPDATE SET count = count + 1;"
)
_SQLITE = (
    f"CREATE TRIGGER case_tally_added AFTER INSERT ON case_evidence WHEN NEW.version = 1 BEGIN {_FIRST} END",
    f"CREATE TRIGGER case_tally_gone AFTER DELETE ON exception_case BEGIN {_move('OLD.', -1)} END",
    "CREATE TRIGGER case_tally_moved AFTER UPDATE OF queue, entity, category, status, sla_stage, aging "
    "ON exception_case WHEN (OLD.queue, OLD.entity, OLD.category, OLD.status, OLD.sla_stage, OLD.aging) "
    "IS NOT (NEW.queue, NEW.entity, NEW.category, NEW.status, NEW.sla_stage, NEW.aging) "
    f"BEGIN {_move('OLD.', -1)} {_move('NEW.', 1)} END",
)


def _function(name: str, source: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"INSERT INTO case_tally_delta ({_KEY}, count) {source}; RETURN NULL; END $$"
    )


def _trigger(name: str, when: str, tables: str) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {when} ON exception_case REFERENCING {tables} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


_GROUPED = "GROUP BY 1, 2, 3, 4, 5, 6"
_BOTH = (
    f"SELECT {_KEY}, sum(by) FROM ("
    f"SELECT queue, entity, category, status, sla_stage AS stage, {_AGING.format('')} AS aging, 1 AS by FROM added "
    "UNION ALL "
    f"SELECT queue, entity, category, status, sla_stage, {_AGING.format('')}, -1 FROM gone"
    f") AS each {_GROUPED} HAVING sum(by) <> 0"
)
_POSTGRES = (
    _function("case_tally_added", f"SELECT {_values('')}, count(*) FROM added {_GROUPED}"),
    _function("case_tally_gone", f"SELECT {_values('')}, -count(*) FROM gone {_GROUPED}"),
    _function("case_tally_moved", _BOTH),
    _trigger("case_tally_added", "INSERT", "NEW TABLE AS added"),
    _trigger("case_tally_gone", "DELETE", "OLD TABLE AS gone"),
    _trigger("case_tally_moved", "UPDATE", "OLD TABLE AS gone NEW TABLE AS added"),
)

COUNT = (
    f"INSERT INTO case_tally ({_KEY}, count) SELECT {_values('')}, count(*) FROM exception_case {_GROUPED}"
)
"""What is there already."""

CREATE = {"sqlite": _SQLITE, "postgresql": _POSTGRES}
_NAMES = ("case_tally_added", "case_tally_gone", "case_tally_moved")
DROP = {
    "sqlite": tuple(f"DROP TRIGGER {name}" for name in _NAMES),
    "postgresql": tuple(f"DROP FUNCTION {name}() CASCADE" for name in _NAMES),
}
