"""Writes sdk/src/headrace/built_in.py: a typed method of Workflow for each handler of the engine."""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workers import handlers
from workers.registry import specs

if TYPE_CHECKING:
    from headrace.registration import HandlerSpec

_HEAD = (
    '''"""Methods of Workflow for the handlers that come with the engine.

Written by `python -m docs.generate` from the handlers' own schemas; changes here are lost. A field that is
left out has the handler's default; docs/handlers.md says what each means. Words of Python end in `_`.
"""

'''
    "# long: a method for each handler\n# fmt: off\n"
    '''
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack

from headrace.fields import Duration, NodeFields, Template

if TYPE_CHECKING:
    from headrace.fields import Steps
    from headrace.step import Step

__all__ = ["BuiltIn"]


def _given(**fields: Any) -> dict[str, Any]:
    return {name.rstrip("_"): value for name, value in fields.items() if value is not None}


class BuiltIn:
    """A step for each handler of the engine."""

    def node(
        self,
        handler: str,
        id: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Add a step of any handler."""
        raise NotImplementedError
'''
)
_TYPES = {
    "string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "Sequence[Any]",
    "object": "Mapping[str, Any]",
}  # fmt: skip
_DURATIONS = frozenset({"timeout", "seconds"})
#: Fields that name steps.
_STEPS = frozenset({"true_branch", "false_branch", "default", "received_branch", "timeout_branch"})


def module() -> str:
    """The text of the module."""
    built_in = {each.__name__ for each in handlers.BUILT_IN}
    ours = [spec for spec in specs() if spec.function.__module__ in built_in]
    return _HEAD + "".join("\n" + "\n".join(_method(spec)) + "\n" for spec in ours)


def _method(spec: HandlerSpec) -> Iterator[str]:
    schema = spec.config_schema
    yield f"    def {_safe(spec.name)}("
    if schema is None:
        yield "        self,"
        yield "        id: str | None = None,"
        yield "        *,"
        yield "        config: Mapping[str, Any] | None = None,"
        yield "        **fields: Unpack[NodeFields],"
        yield "    ) -> Step:"
        yield f'        """{_sentence(spec.summary)}"""'
        yield f'        return self.node("{spec.name}", id, config=config, **fields)'
        return
    required = schema.get("required", [])
    fields = sorted(schema["properties"].items(), key=lambda each: each[0] not in required)
    yield "        self,"
    yield "        id: str | None = None,"
    yield "        *,"
    for name, field in fields:
        kind = _type(name, field, schema)
        default = "" if name in required else " = None" if kind == "Any" else " | None = None"
        yield from _argument(f"{_safe(name)}: {kind}{default},")
    yield "        **fields: Unpack[NodeFields],"
    yield "    ) -> Step:"
    described = {_safe(name): " ".join(field.get("description", "").split()) for name, field in fields}
    described = {name: text for name, text in described.items() if text}
    yield f'        """{_sentence(spec.summary)}' + ('"""' if not described else "")
    if described:
        yield ""
        width = max(map(len, described))
        for name, text in described.items():
            yield from textwrap.wrap(
                f"{name:<{width}}  {text}",
                100,
                initial_indent=" " * 8,
                subsequent_indent=" " * (10 + width),
                drop_whitespace=True,
            )
        yield '        """'
    given = ", ".join(f"{_safe(name)}={_safe(name)}" for name, _ in fields)
    yield "        config = _given("
    yield from textwrap.wrap(f"{given},", 100, initial_indent=" " * 12, subsequent_indent=" " * 12)
    yield "        )"
    yield f'        return self.node("{spec.name}", id, config=config, **fields)'


def _argument(text: str) -> Iterator[str]:
    """One argument, on lines of its own that are short enough."""
    lines = textwrap.wrap(text, 96, break_long_words=False, break_on_hyphens=False)
    yield from (" " * (8 if number == 0 else 12) + line for number, line in enumerate(lines))


def _type(name: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    if name in _STEPS:
        return "Steps"
    if name in _DURATIONS:
        return "Duration | Template"
    kinds = list(dict.fromkeys(_kinds(field, schema)))
    return "Any" if "Any" in kinds else " | ".join([*(kind for kind in kinds if kind != "str"), "Template"])


def _kinds(field: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    if "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    if "anyOf" in field:
        for each in field["anyOf"]:
            yield from _kinds(each, schema)
    elif "enum" in field:
        yield f"Literal[{', '.join(map(_quoted, field['enum']))}]"
    elif "const" in field:
        yield f"Literal[{_quoted(field['const'])}]"
    elif field.get("type") != "null":
        yield _TYPES.get(str(field.get("type")), "Any")


def _quoted(value: Any) -> str:
    return '"' + value + '"' if isinstance(value, str) else repr(value)


def _safe(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _sentence(text: str) -> str:
    """A summary as the text of a docstring, on lines that are short enough."""
    return "\n        ".join(textwrap.wrap(text.replace("\\", "\\\\"), 96))
