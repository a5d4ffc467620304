"""How a Definition is laid out for scripts and workers, readable without a JSON parser.

In the static layout, one hash for all executions of a tenant whose definitions have the same content:
  node|N      the facts of node N for scripts; see `parse_facts` in lua/include/state.lua
              catch=ERROR>SUCCESSOR,… among them is matched by whoever reports an error, never by a script
  spec|N      handler, config and policies for its worker, JSON
  refs|N      the nodes it refers to; $inputs and $trigger when it refers to these
  item_refs|N the same for each item of a mapped node; refs|N is then what `when` and `items` refer to
  next|N|K    its successors, K counting the chunks; * marks one that a branch of N names,
              ! one that takes over when N fails, = one that depends on nothing else
  interface   what its definition declares of its events, as far as workers check it, JSON; only where it does
  whole       '1' once all of it is written; 'rebuilt' where it was lost, was made of the definition again,
              and is not what its digest stands for

The rest is in the execution's runtime hash. Written at submission and never changed:
  v, name, version, tenant; where they differ from 0: fail_fast, execution_timeout_ms; queues (other than
  default)
  layout (digest of its static layout; it is counted there), nodes (how many it has, $output not among them)
  replay_of, forked_from (the execution it repeats)
  workflow_id, workflow_version (of the registry), labels (JSON), label_digests (of them and of the schedule
  or webhook that started it: names of indexes), execution_key (text), key_digest (what its key is named by)
  features (closes: a node has a schedule_to_close_timeout; output: a last unit $output, output:NODE a copy)
  notifies (how many targets each end has: "COMPLETED=1 FAILED=2"), target|STATUS|N (one of them, JSON)
  waiter (who waits since its start: CHANNEL, or CHANNEL outcome)
  chain (how many, each started by the last, led to it)
  parent ('EXECUTION UNIT' that started it), depth (levels below the root execution)
  budget (where there is one: tokens and nanos of an execution, then of a day; - for no limit; `pause`),
  account (with it: 16 hex digits of the title's SHA-256, under which its day is counted)
  retention (where its definition says: how long it is kept once it is COMPLETED, FAILED, CANCELLED, or was
  never started, ms; - for ever, ? as settings say)
  unchecked ('1' while inputs have not been checked against the definition's schema)
  ids|K       all nodes; start|K, those decided at the start: without dependencies or, in a fork, behind
              what it keeps
  reused|N    '1': ended in the execution this one is forked from

Written by every transition:
  seq (newest event), left (nodes not terminal), failed (critical nodes FAILED), updated_ms
  rare ('1' once one of these has been set: cancelling, fail_fast, deadline_ms, generation other than 1,
  parent, children, paused, features, notifies, waiter, tenant other than default; else no script looks)

Written by single verbs:
  inputs, trigger (the document, JSON; without one it was started by hand), created_ms, started_ms,
  ended_ms, deadline_ms, generation, error
  claims|WORKER (the newest request of that worker that ended an attempt here and claimed tasks, and these:
  "REQUEST", then a line "EXECUTION UNIT ATTEMPT MESSAGE QUEUE NONCE" for each)
  cancelling, cancel_reason, cancel_request, grace_ms, cancel_hastened (the request that
  last shortened the grace)
  children (how many), closed (generation in which their cancel was requested)
  paused (number of the current pause), pauses (how many there were), paused_by, paused_reason,
  paused_ms, pause_calls (requests already taken)
  worklist ('1' while nodes are left for a next script),
  lines (log and progress lines kept), tokens (pieces of text streamed), emitted (typed events),
  idempotency (the key under which the request that made it is remembered)
  used_* (used by calls to paid services), held_tokens, held_nanos (reserved for calls under way)
  folded (what the statistics have of it), folding (nodes counted so far); see lua/include/retention.lua

Of a node, once it was queued or has ended:
  r|N         its record, "ATTEMPT NONCE MESSAGE TRIES CRASHES QUEUED_MS STARTED_MS ENDED_MS WORKER", - for
              what there is not: attempt (the fence), nonce (of the last claim, ! before it when its worker
              has ended the attempt), message (its task, unless it was handed to its worker directly), tries
              (charged), crashes (leases lost)
  c|N         as a successor that is PENDING: what it has counted of its dependencies, "OK BAD SKIP GATES
              NOT_TAKEN": ended by outcome, conditions done, 1 for a branch not taken
and, where it has them:
  dead|N (its entry in the list), reason|N, error|N, since_ms|N (when it began to wait for a worker),
  waiting_on|N, due_ms|N, kept|N (output of a delay), resume|N (what it waited for before it was queued
  again)
  awaits|N, ask|N, late|N, unless_late|N, if_late|N, quorum|N, given|N, votes|N, voters|N of a wait for
  a signal or an approval; see lua/include/waits.lua
  child|N (the execution it started last), waits_for|N (of a durable handler that has parked, JSON)
  reported|N (newest line), streamed|N (attempt whose streamed text is shown), metered|N|ATTEMPT (newest call
  counted), reserved|N (newest reservation), used|N (used by its calls, as used_*), handed_back|N,
  unoffered_ms|N, rejects|N (branch targets not taken),
  caught|N (the successor that took over when it failed), held|N (the pause that holds it, or last held it),
  by_hand|N (requests of operators already taken), close_ms|N (when its schedule_to_close_timeout passes),
  beat|N (details of its last heartbeat that was written, JSON),
  counts|N (tries that each rule of its list of retry rules has counted)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import orjson

from orchestrator.definitions.branches import catch_words, read_catch_words
from orchestrator.definitions.definition import Catch, Definition, Node
from orchestrator.definitions.targets import Targets
from orchestrator.definitions.trigger_rules import TriggerRule

#: Layout version, kept in every execution; a reader that does not know it must stand back.
VERSION = 3
#: Ids in one list field. A full list means that another follows.
CHUNK = 100
#: Nodes written by one script; a larger submission is staged. A multiple of CHUNK.
SLICE = 200
#: Fields and values of a static layout that one script writes; an even number.
STATICS = 2_000

Field = str | bytes | int
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of a submission that one script writes: node ids, and runtime fields and values in turn.

    layout   digest of the static layout.
    statics  fields and values of that layout, all of them, in case it is not there; () names it alone.
    """

    node_ids: tuple[str, ...]
    fields: tuple[Field, ...]
    layout: str
    statics: tuple[Field, ...] = ()

    def arguments(self) -> tuple[Field, ...]:
        head = (self.layout, len(self.statics), *self.statics)
        return (*head, len(self.node_ids), *self.node_ids, *self.fields)

    def bare(self) -> Slice:
        """The same without the static layout, for where that is there already."""
        return replace(self, statics=()) if self.statics else self


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole submission: every slice but the last is staged, the last makes it visible.

    digest   of the static layout: equal digests, equal content.
    statics  fields and values of the static layout, one part for each script; a single part is in the slice
             that is written first as well.
    """

    staged: tuple[Slice, ...]
    last: Slice
    digest: str
    statics: tuple[tuple[Field, ...], ...]

    @property
    def statics_count(self) -> int:
        """Fields of the static layout."""
        return sum(len(part) for part in self.statics) // 2


def lay_out(definition: Definition, *, is_staged: bool = False) -> Layout:
    """Say what to write for a new execution of `definition`; the same for every one, so it can be kept.

    is_staged  write every node before the last slice, even of a small definition.
    """
    statics = static_layout(definition)
    digest = _digest_of(statics)
    first = statics[0] if len(statics) == 1 else ()
    slices = [
        Slice(
            tuple(node.id for node in nodes),
            tuple(_slice_fields(definition, nodes, number)),
            digest,
            first if number == 0 else (),
        )
        for number, nodes in enumerate(batches(definition.nodes, SLICE))
    ]
    fields = tuple(_execution_fields(definition))
    if is_staged:
        return Layout(tuple(slices), Slice((), fields, digest), digest, statics)
    last = replace(slices[-1], fields=(*slices[-1].fields, *fields))
    return Layout(tuple(slices[:-1]), last, digest, statics)


def static_layout(definition: Definition) -> tuple[tuple[Field, ...], ...]:
    """Give what never changes of all executions, in parts that one script can write."""
    nodes = [*definition.nodes, definition.output_node] if definition.output_node else definition.nodes
    declared = definition.interface.text if definition.interface else b""
    mark = hashlib.sha256(declared).hexdigest()[:40] if declared else ""
    fields = [field for node in nodes for field in _node_fields(definition, node, mark)]
    if declared:
        fields += ["interface", declared]
    return tuple(tuple(fields[i : i + STATICS]) for i in range(0, len(fields), STATICS))


def _digest_of(statics: Iterable[Iterable[Field]]) -> str:
    """Name a static layout by its content: `sha256:` and 64 hex digits.

    Longer than the 64 bytes up to which Redis packs small hashes into lists: the runtime is a table of fields
    from its first one on, which the record of the first attempt would make of it anyway.
    """
    found = hashlib.sha256()
    for field in (field for part in statics for field in part):
        text = field if isinstance(field, bytes) else str(field).encode()
        # With its length, so that no two contents are the same bytes.
        found.update(b"%d " % len(text))
        found.update(text)
    return f"sha256:{found.hexdigest()}"


def spec_of(node: Node, interface: str = "") -> dict[str, Any]:
    """What a worker needs to run a node; travels in the claim. interface: names that of its definition."""
    return {
        "handler": node.handler,
        "config": node.config,
        "when": node.when,
        "retry": node.retry.to_dict() if node.retry else None,
        "handler_retry": node.handler_retry.to_dict() if node.handler_retry else None,
        "start_to_close_ms": node.start_to_close_ms,
        "templated": node.templated,
        "queue": node.queue,
        "critical": node.critical,
    } | dict(_seldom(node, interface))


def _seldom(node: Node, interface: str) -> Iterator[tuple[str, Any]]:
    """Give what only some nodes have; left out elsewhere."""
    if interface:
        yield "interface", interface
    if node.map:
        yield "map", node.map.to_dict()
    if node.heartbeat_ms is not None:
        yield "heartbeat_ms", node.heartbeat_ms


def _execution_fields(definition: Definition) -> Iterator[Field]:
    yield from ("v", VERSION, "name", definition.name, "version", definition.version)
    yield from ("nodes", len(definition.nodes), "left", len(definition.nodes))
    if definition.execution_timeout_ms:
        yield from ("execution_timeout_ms", definition.execution_timeout_ms)
    if definition.fail_fast:
        yield from ("rare", "1", "fail_fast", "1")
    if definition.budget:
        yield from ("budget", definition.budget.words())
        # Its day is counted under a digest: a title is free text, and no part of a key.
        yield from ("account", hashlib.sha256(definition.name.encode()).hexdigest()[:16])
    if definition.retention:
        yield from ("retention", definition.retention)
    if queues := {node.queue for node in definition.nodes} - {"default"}:
        yield from ("queues", " ".join(sorted(queues)))
    if features := _features(definition):
        yield from ("rare", "1", "features", " ".join(features))
    yield from target_fields(definition.targets)
    starts = (n.id for n in definition.nodes if not n.dependencies or n.trigger_rule is TriggerRule.ALWAYS)
    yield from list_fields("start", starts)


def target_fields(targets: Targets) -> Iterator[Field]:
    """Give the fields of an execution whose ends have targets."""
    if targets:
        counts = " ".join(f"{status}={len(targets[status])}" for status in sorted(targets))
        yield from ("rare", "1", "notifies", counts)
    for status in sorted(targets):
        for number, target in enumerate(targets[status]):
            yield from (f"target|{status}|{number}", target.to_json())


def _features(definition: Definition) -> list[str]:
    """Name what a script must look for that few definitions have."""
    found = ["closes"] if any(node.schedule_to_close_ms for node in definition.nodes) else []
    return [*found, f"output:{definition.copied_node or ''}".rstrip(":")] if definition.output_node else found


def _slice_fields(definition: Definition, nodes: Sequence[Node], number: int) -> Iterator[Field]:
    # Each slice lists its own nodes, so that a submission abandoned half-way can be found and purged.
    ids = [node.id for node in nodes]
    if definition.output_node and ids[-1] == definition.nodes[-1].id:
        ids.append(definition.output_node.id)
    yield from list_fields("ids", ids, first=number * SLICE // CHUNK)


def _node_fields(definition: Definition, node: Node, interface: str) -> Iterator[Field]:
    yield from (f"node|{node.id}", node_facts(definition, node))
    yield from (f"spec|{node.id}", orjson.dumps(spec_of(node, interface)))
    if node.map:
        its = node.map
        yield from _refs("refs", node.id, its.references, its.uses_inputs, its.uses_trigger)
        inner = (its.config_references, its.config_uses_inputs, its.config_uses_trigger)
        yield from _refs("item_refs", node.id, *inner)
    else:
        yield from _refs("refs", node.id, node.references, node.uses_inputs, node.uses_trigger)
    named = {**dict.fromkeys(node.branches, "*"), **dict.fromkeys(node.gotos, "!")}
    after = definition.successors.get(node.id, ())
    marks = {each: "=" for each in after if _is_decided_by_one(definition, each)} | named
    marked = (f"{s}{marks.get(s, '')}" for s in after)
    yield from list_fields(f"next|{node.id}", marked)


def _is_decided_by_one(definition: Definition, node_id: str) -> bool:
    """Say whether a node depends on a single one and is no branch of it: nothing has to be counted then."""
    node = definition.node(node_id)
    is_awaited = node.trigger_rule is not TriggerRule.ALWAYS and len(node.dependencies) == 1
    return is_awaited and not definition.gates.get(node_id)


def _refs(
    name: str, node_id: str, references: Iterable[str], uses_inputs: bool, uses_trigger: bool
) -> Iterator[Field]:
    refs = sorted(references)
    if uses_inputs:
        refs.append("$inputs")
    if uses_trigger:
        refs.append("$trigger")
    if refs:
        yield from (f"{name}|{node_id}", " ".join(refs))


def node_facts(definition: Definition, node: Node) -> str:
    """The facts the scripts need, in the order `parse_facts` of the prelude takes them apart."""
    total = 0 if node.trigger_rule is TriggerRule.ALWAYS else len(node.dependencies)
    gates = definition.gates.get(node.id, 0)
    critical = 1 if node.critical else 0
    return (
        f"{node.handler} {node.queue} {node.trigger_rule} {total} {gates} {critical} "
        f"{node.schedule_to_start_ms or 0} {node.start_to_close_ms or 0}{''.join(_extras(node))}"
    )


def _extras(node: Node) -> Iterator[str]:
    """Facts that few nodes have, as ` name=value`."""
    if node.map:
        yield f" map={node.map.live}"
    if node.sub_workflow:
        yield f" child={node.sub_workflow.policy}{' detached=1' if node.sub_workflow.is_detached else ''}"
    if node.continues_on_failure:
        yield " goes_on=1"
    if node.schedule_to_close_ms:
        yield f" close={node.schedule_to_close_ms}"
    if node.pauses_on_failure:
        yield " asks=1"
    if node.catch:
        yield f" catch={catch_words(node.catch)}"


def catch_of(facts: str) -> tuple[Catch, ...]:
    """Read the catch out of a node's facts; () for a node without one."""
    word = next((word for word in facts.split() if word.startswith("catch=")), "")
    return read_catch_words(word.removeprefix("catch="))


def list_fields(name: str, ids: Iterable[str], *, first: int = 0) -> Iterator[str]:
    """Write a list of ids as fields `name|0`, `name|1`, … with their values."""
    for number, chunk in enumerate(batches(ids, CHUNK), start=first):
        yield from (f"{name}|{number}", " ".join(chunk))


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut items into lists of `size`, the last one shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
