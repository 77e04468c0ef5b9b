"""The kinds of check that find clusters, each with what compiles it."""

from __future__ import annotations

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import read_check
from exceptions_app.catalog.schema import ClusterCheck, DuplicateCheck, HierarchyCheck, SimilarCheck

from .cluster_documents import CompiledCluster
from .duplicates import compile_duplicate
from .errors import CheckError
from .hierarchies import compile_hierarchy
from .similar import compile_similar


def compile_cluster(check: ClusterCheck, catalog: Catalog) -> CompiledCluster:
    """Raises `CheckError` where no feed brings the documents."""
    expressions = read_check(check, catalog.record_types)
    for path, error in expressions.refused:
        raise CheckError(str(error), f"{check.code}: {'.'.join(map(str, path))}")
    if isinstance(check, DuplicateCheck):
        return compile_duplicate(check, catalog, expressions.accepted)
    if isinstance(check, SimilarCheck):
        exact = catalog.checks.get(check.besides or "")
        left_to = compile_cluster(exact, catalog) if isinstance(exact, ClusterCheck) else None
        return compile_similar(check, catalog, expressions.accepted, left_to)
    if isinstance(check, HierarchyCheck):
        return compile_hierarchy(check, catalog, expressions.accepted)
    raise CheckError("nothing runs a check of this kind", check.code)
