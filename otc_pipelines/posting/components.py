"""Connected components: which things belong together because something links them.

Belongs here: union-find over any hashable nodes, and over many numbered ones in little memory. Not here: what a link
is.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable


class Components:
    """Union-find with path halving; joining the smaller to the larger."""

    __slots__ = ("_parent", "_size")

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}
        self._size: dict[Hashable, int] = {}

    def add(self, node: Hashable) -> None:
        """Add a node that may stay alone."""
        self._parent.setdefault(node, node)

    def root(self, node: Hashable) -> Hashable:
        """Return what stands for the component of a node; an unknown node stands for itself."""
        parent = self._parent
        if node not in parent:
            return node
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, one: Hashable, other: Hashable) -> None:
        """Link two nodes."""
        self.add(one)
        self.add(other)
        a, b = self.root(one), self.root(other)
        if a == b:
            return
        size = self._size
        if size.get(a, 1) < size.get(b, 1):
            a, b = b, a
        self._parent[b] = a
        size[a] = size.get(a, 1) + size.get(b, 1)


def linked(count: int, pairs: Iterable[tuple[int, int]]) -> array[int]:
    """Return what stands for the component of each of the nodes 0 … ``count`` - 1: its lowest number."""
    parent = array("q", range(count))
    for one, other in pairs:
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        while parent[other] != other:
            parent[other] = other = parent[parent[other]]
        if one < other:
            parent[other] = one
        else:
            parent[one] = other
    for node in range(count):
        parent[node] = parent[parent[node]]
    return parent
