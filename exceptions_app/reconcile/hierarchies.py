"""A hierarchy check: who is above whom, as a graph; what goes round in it, and what hangs on nothing.

One statement gives every link; cycles are found in time that grows with the number of links, whatever their
length. Must not know what the records are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path
from exceptions_app.catalog.expressions import Expr, quote
from exceptions_app.catalog.schema import HierarchyCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy

from .cluster_documents import CompiledCluster, DocumentWriter
from .clusters import Cluster, Document, Identity, Said
from .cycles import path_of
from .hierarchy_links import Link, Node, Wrong, upwards
from .parameters import RunParameters, bind, grace_parameter
from .values import instant, instant_sql, text_sql

SIDE = "documents"
MOST_SAID = 8
"""Members of a cycle that its sentence names; the evidence keeps more."""


@dataclass(frozen=True, slots=True)
class CompiledHierarchy(CompiledCluster):
    """A row of the statement: place; entity; key as written; key; parent; since (microseconds); why it is not in force.

    `rows` gives the documents at `$places`, each as its place and its row; `everything` the links of all records,
    whether in force or not.
    """

    check: HierarchyCheck
    rows: str
    everything: str
    lag: timedelta

    def find(
        self, con: duckdb.DuckDBPyConnection, parameters: RunParameters
    ) -> tuple[list[Discrepancy], int]:
        grace = [grace_parameter(self.check.grace)] if self.check.grace is not None else []
        values = bind({*self.parameters, *grace}, self.check, parameters, {})
        links = self._links(con, self.statement, values)
        until = values[grace[0]] if grace else parameters.now
        found = Wrong(self.check, links, until or parameters.now, self._known_until(parameters))
        rounds, orphans = found.rounds(), found.orphans()
        wanted = [link.place for ring in rounds for link in ring]
        wanted += [one.place for link, above, _ in orphans for one in (link, *above)]
        documents = self._documents(con, wanted, values)
        told = [
            self._round(con, [documents[link.place] for link in ring], ring, parameters) for ring in rounds
        ]
        for link, above, why in orphans:
            members = [documents[one.place] for one in (link, *above)]
            told.append(self._orphan(con, members, link, why, parameters))
        return told, len(links)

    def beside(self, con: duckdb.DuckDBPyConnection) -> list[list[Identity]]:
        """Each record with all that are above it: a cycle ends wherever a link of it changes."""
        if any(f"${name}" in self.everything for name in self.parameters):
            return []
        links = self._links(con, self.everything, {})
        by_node: dict[Node, list[Link]] = defaultdict(list)
        for link in links:
            by_node[link.node].append(link)
        return [[one.identity for one in upwards(link, by_node)] for link in links]

    def _known_until(self, parameters: RunParameters) -> datetime | None:
        read = parameters.read_through.get(SIDE)
        return None if read is None else read - self.lag

    def _links(
        self, con: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object]
    ) -> list[Link]:
        used = {name: value for name, value in values.items() if f"${name}" in statement}
        found = []
        for place, entity, written, key, parent, since, why in con.execute(statement, used).fetchall():
            where = entity or "" if self.check.within == "entity" else ""
            above = (where, parent) if parent else None
            at = None if since is None else instant(since)
            found.append(Link(place, (entity or NETWORK_SCOPE, written), (where, key), above, at, why))
        return found

    def _documents(
        self, con: duckdb.DuckDBPyConnection, places: Sequence[int], values: Mapping[str, object]
    ) -> dict[int, Document]:
        if not places:
            return {}
        used = {name: value for name, value in values.items() if f"${name}" in self.rows}
        rows = con.execute(self.rows, {**used, "places": sorted(set(places))}).fetchall()
        return {place: Document.of(self.check, row, self.shown) for place, *row in rows}

    def _round(
        self,
        con: duckdb.DuckDBPyConnection,
        members: list[Document],
        ring: Sequence[Link],
        parameters: RunParameters,
    ) -> Discrepancy:
        cluster = Cluster(members)
        names = dict(zip((link.node for link in ring), cluster.names(self.check), strict=True))
        walked = path_of([link.node for link in ring], {link.node: link.above for link in ring})
        said = [names[node] for node in walked]
        if len(said) > MOST_SAID:
            said = [*said[: MOST_SAID - 1], f"{len(said) - MOST_SAID + 1} more"]
        since = max((link.since for link in ring if link.since is not None), default=parameters.now)
        facts = {
            "path": " → ".join([*said, said[0]]),
            "parent": ring[0].above and ring[0].above[1],
            "why": "",
        }
        told = Said(since, self.is_critical(con, cluster.figures()), facts)
        return cluster.discrepancy(self.check, self.check.cycle or "", self.told, told)

    def _orphan(
        self,
        con: duckdb.DuckDBPyConnection,
        members: list[Document],
        link: Link,
        why: str,
        parameters: RunParameters,
    ) -> Discrepancy:
        cluster, parent = Cluster(members), link.above[1] if link.above else ""
        critical = self.is_critical(con, cluster.figures())
        facts = {"path": f"{cluster.names(self.check)[0]} → {parent}", "parent": parent, "why": why}
        told = Said(link.since or parameters.now, critical, facts)
        return cluster.discrepancy(self.check, self.check.orphan or "", self.told, told)


def compile_hierarchy(
    check: HierarchyCheck, catalog: Catalog, accepted: Mapping[Path, Expr]
) -> CompiledHierarchy:
    """Raises `CheckError` where no feed brings the records."""
    everywhere = {path: expr for path, expr in accepted.items() if path != ("where",)}
    writer = _Writer(check, catalog, accepted)
    return CompiledHierarchy(
        check=check,
        statement=writer.links(),
        critical=writer.critical(),
        parameters=writer.parameters,
        shown=writer.shown(),
        told=writer.told(),
        rows=writer.rows(),
        everything=_Writer(check, catalog, everywhere).links(judged=False),
        lag=max((feed.lag for feed in catalog.side_feeds(check, SIDE)), default=timedelta(0)),
    )


class _Writer(DocumentWriter):
    check: HierarchyCheck

    def _placed(self) -> str:
        """The documents, numbered alike in every statement."""
        place = f'ROW_NUMBER() OVER (ORDER BY {", ".join(self.identity)}) AS "place"'
        return f"SELECT *, {place} FROM ({self.documents()}) AS d"

    def links(self, *, judged: bool = True) -> str:
        """Every record with what is above it, and whether it is in force."""
        (key,) = self.check.key
        since = instant_sql(self.sql("since")) if self.check.since is not None else "NULL"
        return (
            f'SELECT "place", {", ".join(self.identity)}, CAST({quote(key)} AS STRING),'
            f" NULLIF({self.sql('parent')}, ''), {since}, {self._why() if judged else 'NULL'}"
            f" FROM ({self._placed()}) AS p"
        )

    def rows(self) -> str:
        """The documents at some places."""
        since = self.sql("since") if self.check.since is not None else None
        placed = f'SELECT * FROM ({self._placed()}) AS p WHERE "place" IN (SELECT UNNEST($places))'
        return f'SELECT "place", {self.selected(since)} FROM ({placed}) AS d'

    def _why(self) -> str:
        """What keeps a record from being in force, in words; NULL where it is."""
        cases, as_of = [], self.sql("as_of")
        if self.check.active is not None:
            cases.append(f"WHEN NOT COALESCE({self.sql('active')}, FALSE) THEN 'is inactive'")
        for name, wrong, words in (("valid_to", "<", "ended on "), ("valid_from", ">", "begins on ")):
            if (name,) in self.accepted:
                day = self.sql(name)
                told = text_sql(day, self.accepted[name,].kind)
                cases.append(f"WHEN {day} {wrong} {as_of} THEN CONCAT('{words}', {told})")
        return f"CASE {' '.join(cases)} END" if cases else "NULL"
