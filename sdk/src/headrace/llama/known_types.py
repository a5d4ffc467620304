"""Which classes the names in what is kept of a run may stand for: nothing is imported on their word."""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel
from workflows.context.serializers import BaseSerializer, JsonSerializer, PickleSerializer
from workflows.context.utils import get_qualified_name
from workflows.workflow import Workflow


class KnownTypes(JsonSerializer):
    """Reads JSON whose objects name their classes: models, components and errors of modules that are loaded.

    The library's own serializer imports whatever module a name begins with.
    """

    def __init__(self) -> None:
        super().__init__(allowed_types=None)

    def serialize_value(self, value: Any) -> Any:
        """Give a value as JSON whose objects name their classes. Raises what its class raises."""
        try:
            return super().serialize_value(value)
        except Exception:
            if (memory := _chat_memory(value)) is None:
                raise
            return memory

    def resolve_class(self, qualified_name: str) -> type[Any]:
        """Find a class. Raises ValueError for one that is not loaded, or is no class of data."""
        module, _, name = qualified_name.rpartition(".")
        found: Any = getattr(sys.modules.get(module), name, None)
        if found is None and "." in module:
            # The class is inside of another one.
            outer, _, inner = module.rpartition(".")
            found = getattr(getattr(sys.modules.get(outer), inner, None), name, None)
        if isinstance(found, type) and (
            issubclass(found, BaseModel | Exception) or hasattr(found, "from_dict")
        ):
            return found
        raise ValueError(
            f"{qualified_name} is no model, component or error of a module that the served file has loaded"
        )


def _chat_memory(value: Any) -> dict[str, Any] | None:
    """Give what an agent of LlamaIndex remembers in the form of its class; None for any other value.

    With pydantic from 2.14 on its class cannot write itself: the messages can.
    """
    chat_store = getattr(value, "chat_store", None)
    messages = getattr(chat_store, "store", None)
    if not isinstance(value, BaseModel) or not isinstance(messages, dict):
        return None
    written = {key: [each.model_dump(mode="json") for each in found] for key, found in messages.items()}
    fields = value.model_dump(mode="json", exclude={"chat_store"})
    fields["chat_store"] = {"store": written, "class_name": type(chat_store).__name__}
    return {"__is_component": True, "value": fields, "qualified_name": get_qualified_name(value)}


def serializer_of(
    workflow: Workflow, of_server: BaseSerializer | None, *, may_pickle: bool
) -> BaseSerializer:
    """Give what the runs of a workflow are written and read with.

    may_pickle  the operator vouches for whoever can write to Redis.
    Raises ValueError for a serializer that unpickles, without that.
    """
    chosen = workflow.serializer or of_server
    if isinstance(chosen, PickleSerializer) and not may_pickle:
        raise ValueError(
            f"the workflow {workflow.workflow_name} is kept with pickle, which runs any code that is in "
            "Redis: leave the serializer out, or allow it by WORKFLOW_SERVER_PICKLE=true"
        )
    if chosen is None or type(chosen) is JsonSerializer:
        return KnownTypes()
    return chosen
