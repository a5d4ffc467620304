"""The cache of compiled definitions: bounded in entries and bytes, the least recently used goes first."""

from __future__ import annotations

from orchestrator.definitions.cache import DefinitionCache


def kept(cache: DefinitionCache[str, str], *keys: str) -> list[str]:
    return [key for key in keys if cache.get(key)]


def test_the_least_recently_used_goes_first() -> None:
    cache = DefinitionCache[str, str](max_entries=2)
    cache.put("a", "A", text_bytes=1)
    cache.put("b", "B", text_bytes=1)
    cache.get("a")

    cache.put("c", "C", text_bytes=1)

    assert kept(cache, "a", "b", "c") == ["a", "c"]


def test_bytes_are_bounded_as_well() -> None:
    cache = DefinitionCache[str, str](max_entries=10, max_bytes=10)
    cache.put("a", "A", text_bytes=6)
    cache.put("b", "B", text_bytes=4)

    cache.put("c", "C", text_bytes=1)

    assert kept(cache, "a", "b", "c") == ["b", "c"]


def test_a_key_put_twice_counts_once() -> None:
    cache = DefinitionCache[str, str](max_entries=10, max_bytes=10)
    for _ in range(5):
        cache.put("a", "A", text_bytes=6)

    assert kept(cache, "a") == ["a"]


def test_what_is_larger_than_the_cache_is_given_back_and_not_kept() -> None:
    cache = DefinitionCache[str, str](max_entries=10, max_bytes=10)

    assert cache.put("a", "A", text_bytes=11) == "A"
    assert kept(cache, "a") == []
