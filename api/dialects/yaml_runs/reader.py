"""Knows documents with `steps` and a `trigger` among the files of `workflows/`."""

from __future__ import annotations

from typing import Any

from api.dialects.dialect import door_label
from api.dialects.yaml_runs.lowering import in_their_words, lower
from api.dialects.yaml_runs.rendering import NAME
from orchestrator.documents.limits import Limits
from orchestrator.operations.workflow_files import Readable


class StepsReader:
    """Reads them as the call that registers one does."""

    shape = "an object with 'steps' and 'trigger'"

    def recognises(self, document: dict[str, Any]) -> bool:
        """Say whether a document has both."""
        return "steps" in document and "trigger" in document

    def read(self, document: dict[str, Any]) -> Readable:
        """Make a definition of it. Raises DefinitionInvalid."""
        definition = lower(document, limits=Limits())
        return Readable(definition["name"], definition, door_label(NAME), in_their_words)
