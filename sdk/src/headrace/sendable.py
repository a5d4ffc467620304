"""A workflow as it is sent to a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.calls import Definition
from headrace.errors import NotSendable

#: How a file is sent.
OF_A_FILE = "of a file send its text: Path(…).read_text()"


def definition_of(definition: Definition) -> Mapping[str, Any] | str:
    """Give a definition as it is sent. Raises NotSendable for what is none, such as the path of a file."""
    if isinstance(definition, str | Mapping):
        return definition
    if not hasattr(definition, "to_dict"):
        found = type(definition).__name__
        raise NotSendable(f"a definition is an object, YAML text or a Workflow, found {found}; {OF_A_FILE}")
    return definition.to_dict()
