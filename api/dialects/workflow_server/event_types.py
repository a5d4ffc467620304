"""The types of events of a workflow as clients of workflow servers know them: classes with parents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from headrace.names import is_id
from orchestrator.definitions.branches import WAIT_FOR_SIGNAL
from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.interface import EMIT, START, STOP, EventType

#: The module of the classes that every client has.
MODULE = "workflows.events."
#: Versions of workflows whose types are kept.
KEPT = 256
#: The class above all events.
ROOT = "Event"
#: The parent of events that people are asked by.
INPUT_REQUIRED = "InputRequiredEvent"


@dataclass(frozen=True, slots=True)
class EventTypes:
    """The types of one workflow.

    others     emitted by its nodes, or sent to them, in the order of its `interface`.
    is_closed  it has an `interface`, and so no other types.
    are_letters  events that are sent are letters for code that its graph, and no nodes, shows: its steps are
                 those of the graph, and it says itself what becomes of them.
    taken        the names of the events that a step takes, where its graph says so.
    drawn        the names of the events that its graph shows.
    """

    start: EventType
    stop: EventType
    others: Mapping[str, EventType]
    is_closed: bool
    are_letters: bool = False
    steps: Sequence[str] = ()
    taken: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drawn: Collection[str] = ()

    @classmethod
    def of(cls, definition: Definition) -> EventTypes:
        """Take them from a definition; what it does not declare is as in every client."""
        return _types_of(_Version(definition.version, definition))

    @classmethod
    def read(cls, definition: Definition) -> EventTypes:
        """Take them afresh; `of` keeps them for each version."""
        declared = definition.interface
        start = _below((declared and declared.start) or EventType(START), START)
        if start.schema is None:
            start = replace(start, schema=definition.inputs_schema)
        stop = _below((declared and declared.stop) or EventType(STOP), STOP)
        if declared is None:
            return cls(start, stop, {}, is_closed=False)
        return cls(
            start,
            stop,
            declared.events,
            is_closed=True,
            are_letters=declared.inbox is not None,
            steps=declared.steps,
            taken=declared.taken,
            drawn=tuple(declared.drawn.values()),
        )

    @property
    def known(self) -> dict[str, EventType]:
        """All of them by name."""
        return {**self.others, self.start.name: self.start, self.stop.name: self.stop}

    @property
    def starting(self) -> tuple[str, ...]:
        """The names under which a start is accepted: its own, and that of its parent."""
        return tuple(dict.fromkeys((self.start.name, START)))

    def takes(self, step: str, name: str) -> bool:
        """Whether a step takes an event; a step that says nothing of it takes any.

        The graph has an edge to each step that takes an event which it shows. One that it does not show is
        taken for its parents, too, of which the root of all is named by none.
        """
        if step not in self.taken:
            return True
        found = self.known.get(name)
        parents = () if name in self.drawn or found is None else (*found.types, ROOT)
        return not {name, *parents}.isdisjoint(self.taken[step])

    @property
    def stops_plainly(self) -> bool:
        """Whether the output stands alone, as the result of the event that ends a run."""
        return self.stop.name == STOP and self.stop.schema is None

    def schemas(self) -> list[dict[str, Any]]:
        """Give the schema of each type."""
        return [schema_of(each) for each in self.known.values()]


@dataclass(frozen=True, slots=True)
class _Version:
    """A definition that is equal to any other of its version: the digest of its text."""

    version: str
    definition: Definition = field(compare=False)


@lru_cache(maxsize=KEPT)
def _types_of(found: _Version) -> EventTypes:
    return EventTypes.read(found.definition)


def schema_of(found: EventType) -> dict[str, Any]:
    """Give the JSON Schema of a type as pydantic writes that of a class."""
    return {"properties": {}, "title": found.name, "type": "object", **(found.schema or {})}


def qualified_name_of(found: EventType) -> str | None:
    """Give the class a type stands for, with its module; None for one that nothing names."""
    is_common = found.name in (START, STOP)
    return found.qualified_name or (MODULE + found.name if is_common else None)


def taken_by(node: Node, start: str) -> str | None:
    """Name the event that makes a node run; None for a node that other nodes make run."""
    if node.handler == WAIT_FOR_SIGNAL:
        return _fixed(node.config.get("name"))
    return None if node.dependencies else start


def given_by(node: Node, definition: Definition, stop: str) -> str | None:
    """Name the event that a node gives; None for a node whose output is for others."""
    if node.handler == EMIT:
        return _fixed(node.config.get("type"))
    return None if definition.successors.get(node.id) else stop


def _below(found: EventType, parent: str) -> EventType:
    """Give a type its parent, where it has another name and says nothing of parents."""
    return found if found.types or found.name == parent else replace(found, types=(parent,))


def _fixed(name: Any) -> str | None:
    """Give a name that is written in the definition, and not made in the run."""
    return name if isinstance(name, str) and is_id(name) else None
