"""Reads the field `map` of a node that runs once for each item of a list, and its references."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from headrace.wording import quoted
from orchestrator.definitions.definition import MOST_ITEMS, MOST_LIVE, ItemMap
from orchestrator.documents.fields import Fields
from orchestrator.errors import Problem
from orchestrator.templates.parser import KEYWORDS, RESERVED
from orchestrator.templates.references import References, gives_text, is_template, references

_FIELDS = (
    "items", "item_name", "max_concurrency", "tolerated_failure_count", "tolerated_failure_percentage",
    "on_item_failure", "max_items",
)  # fmt: skip
#: What is probably a reference whose braces were forgotten: inputs.rows, fetch.body.
_PATH = re.compile(r"[A-Za-z_]\w*(\.\w+)+\Z", re.ASCII)


def tolerated(spec: Mapping[str, Any], total: int) -> int:
    """Count the failures that leave a node of `total` items COMPLETED: the larger of both limits."""
    share = int(total * spec["tolerated_percentage"] / 100 + 1e-9)
    return max(int(spec["tolerated_count"]), share)


def is_tolerant(spec: Mapping[str, Any]) -> bool:
    """Whether items may fail: the output then says of each how it ended, whatever they end as."""
    return bool(spec["tolerated_count"] or spec["tolerated_percentage"])


def read_map(fields: Fields, ids: Collection[str]) -> ItemMap | None:
    """Read the field `map` of a node, noting what is wrong; None when there is none to use."""
    raw = fields.raw.get("map")
    if raw is None:
        return None
    if not isinstance(raw, dict):
        is_short = isinstance(raw, str) and is_template(raw)
        fields.wrong("map", "an object", raw, hint=f"write map: {{items: {raw!r}}}" if is_short else None)
        return None
    inner = Fields(raw, fields.where("map"), fields.findings)
    inner.refuse_unknown(frozenset(_FIELDS), _FIELDS)
    items = raw.get("items")
    if items is None:
        fields.findings.add(inner.where("items"), "missing", f"'{inner.where('items')}' is missing")
    elif not isinstance(items, list) and not (isinstance(items, str) and is_template(items)):
        meant = f"write {{{{ {items} }}}}" if isinstance(items, str) and _PATH.match(items) else None
        inner.wrong("items", "a list or a template that gives one", items, hint=meant)
    elif isinstance(items, str) and gives_text(items):
        inner.wrong("items", "a list or one template that gives one: {{ … }} and nothing around it", items)
    name = inner.text("item_name") or "item"
    is_taken = name in ids or name in KEYWORDS or (name in RESERVED and name != "item")
    if not name.isidentifier() or not name.isascii() or is_taken:
        where = inner.where("item_name")
        message = f"'{where}' must be a name that means nothing else in a template, got {quoted(name)}"
        fields.findings.add(where, "bad_value", message)
    max_items = inner.whole_number("max_items", least=0, most=MOST_ITEMS, default=MOST_ITEMS)
    concurrency = inner.whole_number("max_concurrency", least=0, most=MOST_ITEMS, default=0)
    if isinstance(items, list) and len(items) > max_items:
        where = inner.where("items")
        message = f"'{where}' has {len(items):,} items; allowed are {max_items:,} (max_items)"
        fields.findings.add(where, "too_many", message)
    return ItemMap(
        items=items,
        item_name=name,
        live=min(concurrency or MOST_LIVE, MOST_LIVE),
        tolerated_count=inner.whole_number("tolerated_failure_count", least=0, most=MOST_ITEMS, default=0),
        tolerated_percentage=inner.number("tolerated_failure_percentage", least=0, most=100, default=0),
        stops_on_failure=inner.choice("on_item_failure", {"continue": False, "stop": True}, False),
        max_items=max_items,
    )


def map_references(
    item_map: ItemMap,
    config: Any,
    when: str | None,
    ids: Collection[str],
    secrets: Collection[str] | None = (),
    inputs: Collection[str] = (),
) -> tuple[References, ItemMap, list[Problem]]:
    """Find out what a mapped node refers to: before its items exist, and in the config of each of them.

    Gives both together, and the map with each for itself.
    """
    local = (item_map.item_name, "index")
    items = {"items": item_map.items}
    own, problems = references(items, when, ids=ids, later=local, secrets=secrets, inputs=inputs, root="map")
    inner, more = references(config, ids=ids, local=local, secrets=secrets, inputs=inputs)
    item_map = replace(
        item_map,
        references=frozenset(own.nodes),
        uses_inputs=own.uses_inputs,
        uses_trigger=own.uses_trigger,
        config_references=frozenset(inner.nodes),
        config_uses_inputs=inner.uses_inputs,
        config_uses_trigger=inner.uses_trigger,
    )
    both = References(
        {**inner.nodes, **own.nodes},
        uses_inputs=own.uses_inputs or inner.uses_inputs,
        uses_trigger=own.uses_trigger or inner.uses_trigger,
        templated=inner.templated,
    )
    return both, item_map, problems + more
