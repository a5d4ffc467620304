"""Reads the `interface` of a document: the types of what starts an execution, ends it, and of its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.event_names import MOST_PARENTS, QUALIFIED_NAME_RULE, is_qualified_name
from headrace.names import ID_RULE, is_id
from headrace.wording import quoted
from orchestrator.documents import exact_json
from orchestrator.documents.fields import Fields
from orchestrator.documents.json_schema import schema_faults
from orchestrator.documents.problems import Findings, joined

#: The handler that writes a typed event.
EMIT = "emit"
#: What the start and the end are called that give no name.
START, STOP = "StartEvent", "StopEvent"
MOST_EVENTS = 256
#: JSON of a graph.
GRAPH_MAX_BYTES = 256 * 1024
#: What kind of node of a graph an event may be addressed to.
STEP = "step"

_FIELDS = ("start", "stop", "events", "inbox", "graph")
_GRAPH_FIELDS = ("name", "nodes", "edges", "description")
_TYPE_FIELDS = ("schema", "types", "qualified_name")
_END_FIELDS = ("name", *_TYPE_FIELDS)


@dataclass(frozen=True, slots=True)
class EventType:
    """One declared type of events.

    schema          JSON Schema of its values; None takes any value.
    types           names of its parent types.
    qualified_name  of the class it stands for, such as `orders.events.Shipped`; None without one.
    """

    name: str
    schema: dict[str, Any] | None = None
    types: tuple[str, ...] = ()
    qualified_name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Write it, its name apart."""
        return {"schema": self.schema, "types": list(self.types), "qualified_name": self.qualified_name}

    @classmethod
    def from_dict(cls, name: str, fields: Mapping[str, Any]) -> EventType:
        """Read what `to_dict` has written."""
        return cls(name, fields["schema"], tuple(fields["types"]), fields["qualified_name"])


@dataclass(frozen=True, slots=True)
class Interface:
    """What a definition declares of its events.

    start   the type of its inputs: for readers, `inputs` is what is checked.
    stop    the type of its output.
    events  by name, those that its nodes emit and those that come as signals.
    inbox   the node that gets, as letters, the events that clients send; None: they are signals.
    graph   how clients draw it: {name, nodes, edges, description}; None: by its nodes.
    """

    start: EventType | None = None
    stop: EventType | None = None
    events: Mapping[str, EventType] = field(default_factory=dict)
    inbox: str | None = None
    graph: Mapping[str, Any] | None = None

    @property
    def known(self) -> dict[str, EventType]:
        """All its types by name, those of its start and its end among them."""
        ends = (each for each in (self.start, self.stop) if each is not None)
        return {**self.events, **{each.name: each for each in ends}}

    @property
    def steps(self) -> list[str]:
        """The steps of its graph, to which an event may be addressed."""
        nodes = self.graph["nodes"] if self.graph else ()
        return [node["id"] for node in nodes if node.get("node_type") == STEP]

    @property
    def drawn(self) -> dict[str, str]:
        """The names of the events that its graph shows, by the ids of their nodes."""
        nodes = self.graph["nodes"] if self.graph else ()
        return {node["id"]: node["event_type"] for node in nodes if node.get("event_type")}

    @property
    def taken(self) -> dict[str, list[str]]:
        """The names of the events that each step of its graph takes, as far as its edges say so."""
        names, taken = self.drawn, dict[str, list[str]]()
        for edge in self.graph["edges"] if self.graph else ():
            if edge["source"] in names:
                taken.setdefault(edge["target"], []).append(names[edge["source"]])
        return {step: taken[step] for step in self.steps if step in taken}

    @property
    def checks_output(self) -> bool:
        """Whether the output of the execution has to fit a schema."""
        return self.stop is not None and self.stop.schema is not None

    @property
    def text(self) -> bytes:
        """What workers check events and the output by, JSON; b"" where they have nothing to check."""
        if not self.events and not self.checks_output:
            return b""
        stop = {"name": self.stop.name, **self.stop.to_dict()} if self.stop else None
        events = {name: each.to_dict() for name, each in self.events.items()}
        return exact_json.dumps({"stop": stop, "events": events})

    @classmethod
    def from_text(cls, text: bytes) -> Interface:
        """Read what `text` gives; the start is not in it."""
        fields = exact_json.loads(text)
        stop = fields["stop"]
        events = {name: EventType.from_dict(name, each) for name, each in fields["events"].items()}
        return cls(stop=EventType.from_dict(stop["name"], stop) if stop else None, events=events)


def read_interface(top: Fields) -> Interface | None:
    """Read the field `interface` of a document, and note what is wrong in it; None without one.

    Whether its inbox is a node of the document is left to `check_inbox`.
    """
    raw: Any = top.raw.get("interface")
    if raw is None:
        return None
    if not isinstance(raw, dict):
        top.wrong("interface", "an object", raw)
        return None
    fields = Fields(raw, top.where("interface"), top.findings)
    fields.refuse_unknown(frozenset(_FIELDS), _FIELDS)
    return Interface(
        start=_end(fields, "start", START),
        stop=_end(fields, "stop", STOP),
        events=_events(fields),
        inbox=fields.identifier("inbox") or None,
        graph=_graph(fields),
    )


def check_inbox(interface: Interface, mapped: Mapping[str, bool], findings: Findings) -> None:
    """Note an inbox that is none. mapped: of each node of the document, whether it has items."""
    inbox, where = interface.inbox, "interface.inbox"
    if inbox is None:
        return
    if inbox not in mapped:
        message = f"'{where}' is {quoted(inbox)}, which is not in this workflow (nodes: {joined(mapped)})"
        findings.add(where, "unknown_node", message, findings.did_you_mean(inbox, mapped))
    elif mapped[inbox]:
        message = f"'{where}' is {quoted(inbox)}, which is mapped: each of its items has an inbox of its own"
        findings.add(where, "bad_value", message)


def _graph(fields: Fields) -> dict[str, Any] | None:
    """Read a graph, of which no more is checked than what drawing it needs."""
    raw: Any = fields.raw.get("graph")
    if raw is None or fields.findings.is_stored:
        return raw if isinstance(raw, dict) else None
    if not isinstance(raw, dict):
        fields.wrong("graph", "an object", raw)
        return None
    inner = Fields(raw, fields.where("graph"), fields.findings)
    inner.refuse_unknown(frozenset(_GRAPH_FIELDS), _GRAPH_FIELDS)
    if (size := len(exact_json.dumps(raw))) > GRAPH_MAX_BYTES:
        message = f"'{inner.path}' has {size:,} bytes; allowed are {GRAPH_MAX_BYTES:,}"
        fields.findings.add(inner.path, "too_large", message, kind="size")
        return None
    inner.title("name")
    inner.text("description")
    ids = set()
    for node in _parts(inner, "nodes", ("id",)):
        if isinstance(identifier := node.raw.get("id"), str):
            ids.add(identifier)
        for optional in ("label", "node_type", "event_type"):
            node.text(optional)
    for edge in _parts(inner, "edges", ("source", "target")):
        for end in ("source", "target"):
            if isinstance(name := edge.raw.get(end), str) and name not in ids:
                edge.wrong(end, "the id of a node of this graph", name, code="unknown_node")
    return raw


def _parts(fields: Fields, name: str, needed: tuple[str, ...]) -> Iterator[Fields]:
    """Go through a list of objects, each of which has these texts."""
    raw: Any = fields.raw.get(name)
    if not isinstance(raw, list):
        fields.wrong(name, "a list of objects", raw)
        return
    for place, each in enumerate(raw):
        where = f"{fields.where(name)}[{place}]"
        if not isinstance(each, dict):
            fields.findings.add(where, "wrong_type", f"'{where}' must be an object, got {quoted(each)}")
            continue
        part = Fields(each, where, fields.findings)
        for text in needed:
            if not isinstance(each.get(text), str):
                part.wrong(text, "text", each.get(text))
        yield part


def _end(fields: Fields, name: str, default: str) -> EventType | None:
    """Read a start or a stop: `{name, schema, types, qualified_name}`, or a JSON Schema alone."""
    raw: Any = fields.raw.get(name)
    if raw is None:
        return None
    where = fields.where(name)
    if not isinstance(raw, dict):
        fields.wrong(name, "an object", raw)
        return None
    # None of these words is one of JSON Schema.
    if raw and not raw.keys() & frozenset(_END_FIELDS):
        return EventType(default, _schema(raw, where, fields.findings))
    inner = Fields(raw, where, fields.findings)
    inner.refuse_unknown(frozenset(_END_FIELDS), _END_FIELDS)
    return _type(inner, inner.identifier("name") or default)


def _events(fields: Fields) -> dict[str, EventType]:
    raw: Any = fields.raw.get("events")
    if raw is None:
        return {}
    where, findings = fields.where("events"), fields.findings
    if not isinstance(raw, dict):
        fields.wrong("events", "an object", raw)
        return {}
    if len(raw) > MOST_EVENTS:
        message = f"'{where}' has {len(raw):,} types; allowed are {MOST_EVENTS}"
        findings.add(where, "too_many", message)
        return {}
    found = {}
    for name, fields_of_type in raw.items():
        place = f"{where}.{name}"[:300]
        if not is_id(name):
            findings.add(place, "bad_id", f"{quoted(name)} in '{where}' must be made of {ID_RULE}")
        elif not isinstance(fields_of_type, dict):
            message = f"'{place}' must be an object, got {quoted(fields_of_type)}"
            findings.add(place, "wrong_type", message)
        else:
            inner = Fields(fields_of_type, place, findings)
            inner.refuse_unknown(frozenset(_TYPE_FIELDS), _TYPE_FIELDS)
            found[name] = _type(inner, name)
    return found


def _type(fields: Fields, name: str) -> EventType:
    schema: Any = fields.raw.get("schema")
    if schema is not None:
        schema = _schema(schema, fields.where("schema"), fields.findings)
    return EventType(name, schema, _types(fields), _qualified_name(fields))


def _schema(schema: Any, where: str, findings: Findings) -> dict[str, Any] | None:
    """Check a schema, unless it was accepted before."""
    faults = [] if findings.is_stored else schema_faults(schema, where)
    for fault in faults:
        message = fault.message if where in fault.message else f"'{where}': {fault.message}"
        findings.add(f"{where}{fault.place}", "bad_schema", message, fault.hint)
    return None if faults or not isinstance(schema, dict) else schema


def _types(fields: Fields) -> tuple[str, ...]:
    raw: Any = fields.raw.get("types")
    if raw is None:
        return ()
    if not isinstance(raw, list) or not all(isinstance(each, str) and is_id(each) for each in raw):
        fields.wrong("types", f"a list of names made of {ID_RULE}", raw)
        return ()
    if len(raw) > MOST_PARENTS:
        fields.wrong("types", f"a list of at most {MOST_PARENTS} names", f"{len(raw)} names", code="too_many")
        return ()
    return tuple(dict.fromkeys(raw))


def _qualified_name(fields: Fields) -> str | None:
    name = fields.text("qualified_name")
    if name is not None and not is_qualified_name(name):
        fields.wrong("qualified_name", QUALIFIED_NAME_RULE, name, code="bad_value")
        return None
    return name
