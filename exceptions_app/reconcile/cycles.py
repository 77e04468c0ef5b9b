"""Cycles in a graph of who is above whom: strongly connected components, after Tarjan (1972), without recursion."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node")


def cycles(above: Mapping[Node, Collection[Node]]) -> list[set[Node]]:
    """The sets of nodes that lead to each other, and nodes that lead to themselves. Linear in the links."""
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    found: list[set[Node]] = []
    for start in above:
        if start in index:
            continue
        work: list[tuple[Node, Iterator[Node]]] = [(start, iter(above[start]))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, further = work[-1]
            for other in further:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(above.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = set(_taken(stack, node))
                    on_stack -= ring
                    if len(ring) > 1 or node in above.get(node, ()):
                        found.append(ring)
    return found


def _taken(stack: list[Node], last: Node) -> Iterator[Node]:
    """From the top of the stack down to a node."""
    while True:
        node = stack.pop()
        yield node
        if node == last:
            return


def path_of(members: Sequence[Node], above: Mapping[Node, Node | None]) -> list[Node]:
    """The members in the order in which each leads to the next, from the first on; those off that way behind."""
    walked: dict[Node, None] = {}
    node: Node | None = members[0]
    while node is not None and node in above and node not in walked:
        walked[node] = None
        node = above[node]
    return [*walked, *(one for one in members if one not in walked)]
