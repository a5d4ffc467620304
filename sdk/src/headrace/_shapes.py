"""What can be said of a config before its model sees it: names, and where only a scalar fits.

A shape is JSON, so that others can check by it without the user's code. It refuses nothing that the model
accepts: where a model can take more than its annotations say, its shape says nothing.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_SCALARS = (str, int, float, bool, bytes, date, datetime, time, timedelta, UUID, PurePath, type(None))
#: Levels of models in models that are described.
_MAX_DEPTH = 5


def shape_of(model: type[BaseModel], depth: int = 0) -> dict[str, Any] | None:
    """Describe a model: {"fields": {name: field}, "is_closed": bool}; None where nothing can be said.

    A field is {"is_needed": bool, "names": [other names it may have], "is_scalar": bool, "shape": …}.
    """
    if depth >= _MAX_DEPTH or _takes_more(model):
        return None
    by_name = model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name")
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        alias = info.validation_alias
        if alias is not None and not isinstance(alias, str):
            return None  # Several names, or a path: which fields there may be is not known.
        names = [alias or name]
        if alias and alias != name and by_name:
            names.append(name)
        if model.model_config.get("validate_by_alias") is False:
            names = [name]
        fields[names[0]] = _field(model, name, info, names[1:], depth)
    return {"fields": fields, "is_closed": model.model_config.get("extra") == "forbid"}


def _takes_more(model: type[BaseModel]) -> bool:
    """Whether a model may accept what its fields do not say."""
    from pydantic import BaseModel, RootModel

    decorators = model.__pydantic_decorators__
    before = any(each.info.mode in ("before", "wrap") for each in decorators.model_validators.values())
    is_own = any(
        "__get_pydantic_core_schema__" in vars(base) or "__init__" in vars(base) or "__new__" in vars(base)
        for base in model.__mro__
        if base not in BaseModel.__mro__
    )
    return before or bool(decorators.root_validators) or is_own or issubclass(model, RootModel)


def _field(
    model: type[BaseModel], name: str, info: FieldInfo, names: list[str], depth: int
) -> dict[str, Any]:
    field: dict[str, Any] = {"is_needed": info.is_required()}
    if names:
        field["names"] = names
    validators = model.__pydantic_decorators__.field_validators.values()
    is_open = any(each.info.mode != "after" and {name, "*"} & set(each.info.fields) for each in validators)
    if is_open or any(_is_open(each) for each in info.metadata):
        return field
    kinds = _kinds(info.annotation)
    if kinds == {"scalar"}:
        field["is_scalar"] = True
    inner = _model_of(info.annotation)
    if inner is not None and (shape := shape_of(inner, depth + 1)) is not None:
        field["shape"] = shape
    return field


def _kinds(annotation: Any) -> set[str]:
    """Which kinds of JSON a field may hold: scalar, array, object, and any where that is not known."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        return {"any"} if any(map(_is_open, metadata)) else _kinds(inner)
    if origin in (Union, types.UnionType):
        return set().union(*(_kinds(each) for each in get_args(annotation)))
    if origin is Literal:
        return {"scalar"}
    kind = origin or annotation
    if not isinstance(kind, type):
        return {"any"}
    if issubclass(kind, Enum):
        return {"scalar"} if all(isinstance(each.value, str | int | float) for each in kind) else {"any"}
    if kind in _SCALARS:
        return {"scalar"}
    if issubclass(kind, Mapping) or dataclasses.is_dataclass(kind):
        return {"object"}
    if issubclass(kind, Sequence | Collection) and kind not in (str, bytes):
        return {"array"}
    return {"any"}


def _is_open(rule: Any) -> bool:
    """Whether a rule of a field may take a value before its type is looked at."""
    if type(rule).__module__.partition(".")[0] not in ("pydantic", "annotated_types"):
        return True
    return type(rule).__name__ in ("BeforeValidator", "PlainValidator", "WrapValidator", "GetPydanticSchema")


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Give the model a field holds, where it holds nothing else."""
    from pydantic import BaseModel

    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None
