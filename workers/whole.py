"""The whole numbers of configs."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: Of an `Annotated[int, …]`, after its bounds: what a template calculates may well be 5.0.
WHOLE = BeforeValidator(_whole)
