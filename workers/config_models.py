"""What configs may hold: templates that are not resolved yet, and the numbers they came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator

from headrace.configs import FaultsInside
from orchestrator.documents.json_schema import schema_faults
from orchestrator.templates.references import is_template


def has_template(value: Any) -> bool:
    """Whether a config value has, in any text inside it, a template that is still to be resolved."""
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, Mapping):
        return any(has_template(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(has_template(each) for each in value)


def checked_schema(schema: dict[str, Any] | None, what: str) -> dict[str, Any] | None:
    """Give a JSON Schema of a config as it is; raises FaultsInside. what: the field that holds it."""
    if schema is not None and (faults := schema_faults(schema, what)):
        raise FaultsInside([(fault.place, fault.message, fault.hint) for fault in faults])
    return schema


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: Of an `Annotated[int, …]`, after its bounds: what a template calculates may well be 5.0.
WHOLE = BeforeValidator(_whole)
