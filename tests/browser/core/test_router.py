"""Which page a path means."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.modules import Module

#: Path, page, and what the path says of it.
PATHS = [
    ("/", "runs", {}),
    ("/ui", "runs", {}),
    ("/ui/runs/", "runs", {}),
    ("/ui/runs/compare", "compare", {}),
    ("/ui/runs/order-1", "run", {"id": "order-1"}),
    ("/ui/runs/a%2Fb%20c", "run", {"id": "a/b c"}),
    ("/ui/runs/%E0%A4%A", "run", {"id": "%E0%A4%A"}),
    ("/ui/workflows/orders", "workflow", {"name": "orders"}),
    ("/ui/settings", "settings", {"page": "settings"}),
    ("/ui/runs/a/b", "unknown", {"path": "/ui/runs/a/b"}),
    ("/ui/constructor", "unknown", {"path": "/ui/constructor"}),
]


@pytest.fixture
def router(pure: Callable[[str], Module]) -> Module:
    return pure("core/router.js")


def test_a_path_names_a_page(router: Module) -> None:
    asked = "?tab=log&tab=graph&node=a%26b"
    query = {"tab": "graph", "node": "a&b"}

    assert router.each("parse", *((path, asked) for path, _, _ in PATHS)) == [
        {"page": page, "params": params, "query": query} for _, page, params in PATHS
    ]


def test_an_address_has_only_what_is_said(router: Module) -> None:
    written = router.each(
        "hrefOf", ("/",), ("/", {"a": None, "b": ""}), ("/ui/runs/x", {"node": "a&b=c", "n": 0})
    )

    assert written == ["/", "/", "/ui/runs/x?node=a%26b%3Dc&n=0"]
