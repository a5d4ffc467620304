"""What configs may hold: templates that are not resolved yet, and the numbers they came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator

from orchestrator.templates.references import is_template


def has_template(value: Any) -> bool:
    """Whether a config value has, in any text inside it, a template that is still to be resolved."""
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, Mapping):
        return any(has_template(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(has_template(each) for each in value)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: Of an `Annotated[int, …]`, after its bounds: what a template calculates may well be 5.0.
WHOLE = BeforeValidator(_whole)
