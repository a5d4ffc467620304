"""Bodies that mean another route, or another form of this one: what is wrong with them in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from api.schemas.executions import ExecutionRequest
from orchestrator.definitions.registry import is_name, is_workflow_id
from orchestrator.errors import Problem

#: Fields of other systems that name what is registered.
_NAMING = ("workflow", "workflow_name", "workflow_id", "name")


def misread(model: type[BaseModel], document: Mapping[str, Any]) -> list[Problem] | None:
    """Say what a body that does not fit a model was meant as; None where that is not known."""
    if "definition" not in model.model_fields or "definition" in document:
        return None
    if "nodes" in document or "dag" in document:
        more = ', "trigger": true' if model is ExecutionRequest else ""
        message = f"""the body is a definition itself; send it in an object: {{"definition": …{more}}}"""
        return [Problem("definition", "missing_field", f"'definition' is required: {message}")]
    named = next((each for each in _NAMING if isinstance(document.get(each), str)), None)
    if model is not ExecutionRequest or named is None:
        return None
    name = document[named]
    shown = name if is_name(name) or is_workflow_id(name) else "{workflow}"
    message = (
        f"'definition' is required: this route starts a definition that comes with it; what is registered is "
        f"started by POST /v1/workflows/{shown}/executions, with the other fields of this body"
    )
    return [Problem("definition", "missing_field", message)]
