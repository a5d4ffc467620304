"""Keeps compiled definitions, bounded in number and in bytes: the least recently used go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Bytes of definitions, as submitted, that one cache keeps; compiled they take several times as much.
MAX_BYTES = 64 * 1024 * 1024


class DefinitionCache(Generic[K, V]):
    """Compiled definitions by what makes them equal: their version, or the bytes they were submitted as."""

    def __init__(self, *, max_entries: int, max_bytes: int = MAX_BYTES) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: K) -> V | None:
        """Give what is kept under the key; it then counts as the most recently used."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def put(self, key: K, value: V, *, text_bytes: int) -> V:
        """Keep a value and give it back. text_bytes: length of the definition as submitted."""
        _, before = self._entries.pop(key, (None, 0))
        self._entries[key] = (value, text_bytes)
        self._bytes += text_bytes - before
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._bytes -= dropped
        return value
