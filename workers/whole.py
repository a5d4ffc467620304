"""The whole numbers of configs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator


def _whole(value: Any) -> Any:
    # What a template calculates may well be 5.0.
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: A whole number, never a text that looks like one.
Whole = Annotated[int, BeforeValidator(_whole)]
