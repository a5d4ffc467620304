"""The scripts as they are, with budgets so small that small executions need many turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.redis_keys import Keys
from orchestrator.store import layout, library
from orchestrator.store.library import Library, compose, sources


@contextmanager
def small_turns() -> Iterator[Library]:
    """The scripts with tiny budgets and chunks: small executions save their worklists as large ones do."""
    kept = (layout.CHUNK, layout.SLICE)
    files = sources()
    settle = files["include/settle"].replace("local BUDGET = 160\n", "local BUDGET = 3\n")
    items = files["include/items"].replace("local ITEMS_IN_A_TURN = 100\n", "local ITEMS_IN_A_TURN = 2\n")
    assert settle != files["include/settle"]
    assert items != files["include/items"]
    purge = files["include/purge"].replace("children = 50}", "children = 1}")
    retention = files["include/retention"].replace("{nodes = 200,", "{nodes = 3,")
    assert retention != files["include/retention"]
    slices = files["purge_keys"].replace("local MOST = 500\n", "local MOST = 3\n")
    assert purge != files["include/purge"]
    assert slices != files["purge_keys"]
    layout.CHUNK = layout.SLICE = 2
    setattr(library, "CHUNK", 2)  # noqa: B010
    try:
        small = {
            "include/settle": settle,
            "include/items": items,
            "include/purge": purge,
            "include/retention": retention,
            "purge_keys": slices,
        }
        yield compose(Keys(), {**files, **small})
    finally:
        layout.CHUNK, layout.SLICE = kept
        setattr(library, "CHUNK", kept[0])  # noqa: B010
