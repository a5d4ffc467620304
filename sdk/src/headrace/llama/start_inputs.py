"""What is certain to make no start event, as a schema of inputs: it is refused before a run begins."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from workflows.events import StartEvent

#: Fields that are filled in for a class that reads them as it is written.
MOST_FILLED = 20
_MISSING = re.compile(r"object has no attribute '(\w+)'")
#: Validators that see a value before its type does may make anything of it.
_EARLY = ("before", "wrap", "plain")
#: The method by which a class, or what stands beside a type, says itself how a value is read.
_OWN_SCHEMA = "__get_pydantic_core_schema__"


def inputs_of(start: type[StartEvent]) -> dict[str, Any] | None:
    """Give a schema for the fields of a start event; None where nothing can be refused without its code.

    Its class has the last word, in the process that has loaded it, and takes more than its own JSON Schema
    allows: "3" for a number, a number for a time. So this asks for what no such class does without: that a
    field is there, that a text is a text, that a choice is one of its texts.
    """
    if _decides_itself(start):
        return None
    guarded, takes_numbers = _guarded(start), start.model_config.get("coerce_numbers_to_str")
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, field in start.model_fields.items():
        if field.alias is not None or field.validation_alias is not None:
            continue  # It may come under several names.
        about = {"title": field.title, "description": field.description}
        properties[name] = {key: text for key, text in about.items() if text}
        if name not in guarded and not _has_early(field) and not takes_numbers:
            properties[name] |= _certain(field.annotation)
        if field.is_required():
            required.append(name)
    if not required and not any("type" in each or "enum" in each for each in properties.values()):
        return None
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": True,
        **({"required": required} if required else {}),
    }


def complete(event: StartEvent) -> StartEvent:
    """Give a start event that can be written down: a field that its class reads for that is there, or None.

    The agents of LlamaIndex fill these in before they begin a run themselves (`chat_history`,
    `max_iterations`); from a client comes what a person has typed.
    """
    own = type(event).__pydantic_decorators__.model_serializers
    if own.keys() <= StartEvent.__pydantic_decorators__.model_serializers.keys():
        return event
    for _ in range(MOST_FILLED):
        try:
            event.model_dump(mode="json")
        except Exception as error:
            missing = _MISSING.search(str(error))
            if missing is None or missing[1] in event:
                break  # It is said once it would be kept.
            event[missing[1]] = None
        else:
            break
    return event


def _decides_itself(start: type[StartEvent]) -> bool:
    """Whether a class makes its fields of whatever it is given, by code of its own."""
    own = start.__mro__[: start.__mro__.index(StartEvent)]
    validators = start.__pydantic_decorators__.model_validators.values()
    return any("__init__" in vars(each) for each in own) or any(
        each.info.mode in _EARLY for each in validators
    )


def _guarded(start: type[StartEvent]) -> set[str]:
    """Name the fields that a validator of the class sees before their types do."""
    validators = start.__pydantic_decorators__.field_validators.values()
    named = {name for each in validators if each.info.mode in _EARLY for name in each.info.fields}
    return set(start.model_fields) if "*" in named else named


def _has_early(field: FieldInfo) -> bool:
    # BeforeValidator, PlainValidator, WrapValidator and what else makes a schema of its own; and what
    # `Field(coerce_numbers_to_str=True)` leaves.
    return any(
        hasattr(each, _OWN_SCHEMA) or getattr(each, "coerce_numbers_to_str", False) for each in field.metadata
    )


def _certain(annotation: Any) -> Mapping[str, Any]:
    """Say what a value of a type is in every case; nothing where that depends."""
    if annotation is str:
        return {"type": "string"}
    if get_origin(annotation) is Literal:
        choices = list(get_args(annotation))
    elif (
        isinstance(annotation, type)
        and issubclass(annotation, enum.Enum)
        and annotation._missing_.__func__ is enum.Enum._missing_.__func__  # type: ignore[attr-defined]
        and not hasattr(annotation, _OWN_SCHEMA)
    ):
        choices = [each.value for each in annotation]
    else:
        return {}
    return {"enum": choices} if all(type(each) is str for each in choices) else {}
