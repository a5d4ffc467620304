"""Put items of a list into smaller lists in templates: by what they have in common, or by number."""

from __future__ import annotations

from typing import Any

import orjson

from headrace.wording import kind_of
from orchestrator.documents import exact_json
from orchestrator.templates.budget import Budget
from orchestrator.templates.ordering import sorted_by
from orchestrator.templates.values import EvaluationError, Missing, field_of, items_of, present, to_text

#: Items in one part of a list.
MAX_BATCH = 10_000
_NOT_GIVEN = Missing("")


def groupby(budget: Budget, value: Any, /, attribute: Any, default: Any = _NOT_GIVEN) -> list[dict[str, Any]]:
    """Give [{"key", "items"}] for the values of a field, in the order of the keys.

    default  the key of items that lack the field; without it they are an error.
    Keys of several kinds come in the order null, false and true, numbers, texts, lists and objects.
    """
    groups: dict[bytes, dict[str, Any]] = {}
    for item in items_of(value):
        budget.spend(1)
        key = field_of(item, attribute)
        if isinstance(key, Missing) and default is not _NOT_GIVEN:
            key = default
        name = exact_json.dumps(present(key), option=orjson.OPT_SORT_KEYS)
        groups.setdefault(name, {"key": key, "items": []})["items"].append(item)
    # A key of its own per group: a large one stands once among the items and once beside them.
    budget.weigh([group["key"] for group in groups.values()])
    return sorted_by(list(groups.values()), lambda group: _rank(group["key"]), False)


def _rank(key: Any) -> tuple[int, Any]:
    if key is None:
        return 0, 0
    if isinstance(key, bool):
        return 1, key
    if isinstance(key, int | float):
        return 2, key
    return (3, key) if isinstance(key, str) else (4, to_text(key))


def batch(budget: Budget, value: Any, /, size: Any, fill_with: Any = None) -> list[list[Any]]:
    """Cut a list into lists of so many items.

    fill_with  makes the last one as long as the others.
    """
    if type(size) is not int or not 1 <= size <= MAX_BATCH:
        found = size if type(size) is int and size.bit_length() < 64 else kind_of(size)
        raise EvaluationError(f"takes a whole number of items, 1 to {MAX_BATCH:,}, got {found}")
    items = items_of(value)
    budget.spend(len(items))
    batches = [items[first : first + size] for first in range(0, len(items), size)]
    if fill_with is not None and batches and len(batches[-1]) < size:
        missing = size - len(batches[-1])
        budget.spend(missing)
        batches[-1] += [fill_with] * missing
        budget.weigh(batches[-1])
    return batches
