"""Graphs for the tests, and a page with one of them in it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page

Node = dict[str, Any]

_SHOW = """async ([nodes, states, key]) => {
    const { graphView } = await import("/ui/static/graph/graph_view.js");
    const view = await import("/ui/static/core/view.js");
    const selected = view.signal(null);
    const filter = view.signal(null);
    const version = view.signal(0);
    const known = new Map(nodes.map(({ id }) => [id, states[id] ?? "completed"]));
    const wordOf = (state) => state.replaceAll("_", " ");
    const show = (state) => ({ state, label: wordOf(state), detail: "2 s", progress: null });
    const changed = [];
    const holder = document.createElement("div");
    holder.style.setProperty("height", "600px");
    document.body.replaceChildren(holder);
    view.root(holder, () => graphView({
        nodes: () => nodes, stateOf: (id) => show(known.get(id)),
        changed: () => (void version.value, changed.splice(0)),
        selected, onSelect: (id) => (selected.value = id), filter: () => filter.value,
        storageKey: key, hasKeys: false,
    }));
    const change = (id, state) => {
        known.set(id, state);
        changed.push(id);
        version.value++;
    };
    window.shown = { selected, filter, change };
}"""


def node(node_id: str, *after: str, handler: str = "http") -> Node:
    return {"id": node_id, "handler": handler, "dependencies": list(after)}


def trip() -> list[Node]:
    """A diamond with an edge that passes two layers."""
    return [
        node("start", handler="noop"),
        node("cities", "start"),
        node("fares", "start"),
        node("report", "cities", "fares"),
        node("publish", "report", "start"),
    ]


def chain(count: int) -> list[Node]:
    return [node(f"step_{i}", *([f"step_{i - 1}"] if i else [])) for i in range(count)]


def fan_out(count: int) -> list[Node]:
    middle = [f"load_{i}" for i in range(count)]
    return [node("begin"), *(node(each, "begin") for each in middle), node("end", *middle)]


def layered(layers: int, width: int) -> list[Node]:
    """Each node after two of the layer before, and every third after one three layers before."""
    made = []
    for i in range(layers * width):
        layer, at = divmod(i, width)
        after = [f"n{(layer - 1) * width + (at * 7 + k) % width}" for k in range(2)] if layer else []
        if layer > 2 and i % 3 == 0:
            after.append(f"n{(layer - 3) * width + (at * 5) % width}")
        made.append(node(f"n{i}", *dict.fromkeys(after)))
    return made


def show_graph(
    page: Page, nodes: list[Node], states: dict[str, str] | None = None, key: str | None = None
) -> Locator:
    """Show a graph in place of the page; gives its stage. A node is completed unless `states` has it."""
    page.add_style_tag(url="/ui/static/styles/graph.css")
    page.evaluate(_SHOW, [nodes, states or {}, key])
    return page.get_by_role("application")


def change(page: Page, node_id: str, state: str) -> None:
    page.evaluate("([id, state]) => shown.change(id, state)", [node_id, state])


def selected(page: Page) -> str | None:
    found: str | None = page.evaluate("() => shown.selected.value")
    return found
