"""The one internal form of a workflow: an immutable, checked DAG. Every front door compiles to this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from orchestrator.definitions.budgets import Budget
from orchestrator.definitions.interface import Interface
from orchestrator.definitions.retry import ONE_ATTEMPT, RetryPolicy
from orchestrator.definitions.targets import NO_TARGETS, Targets
from orchestrator.definitions.trigger_rules import TriggerRule
from orchestrator.definitions.triggers import NO_TRIGGERS, Triggers
from orchestrator.errors import Problem

#: Names the last unit of an execution, and what runs it. `$` cannot occur in ids and names of handlers.
OUTPUT = "$output"
#: Items of one node that are started and not ended, at most.
MOST_LIVE = 500
#: Items of one node, at most, whatever `max_items` says.
MOST_ITEMS = 10_000
#: What becomes of a child that still runs when its parent fails or is cancelled; the first is the default.
PARENT_CLOSE_POLICIES = ("request_cancel", "terminate", "abandon")


class HandlerNames(Protocol):
    """What compiling needs to know of handlers."""

    @property
    def names(self) -> Set[str]:
        """All handlers a definition may name: built in, or offered by a live worker."""
        ...

    def check_config(self, handler: str, config: dict[str, Any]) -> list[Problem]:
        """Find what is wrong with a config, as far as it can be known before templates are resolved.

        Paths of problems are relative to the config (`url`, or `config.url`).
        """
        ...

    def default_retry(self, handler: str) -> RetryPolicy | None:
        """Give the policy of a node that names none."""
        ...

    def secret_fields(self, handler: str) -> tuple[str, ...] | None:
        """Name the config fields that may hold `secrets.NAME`; None: all of them."""
        ...

    def is_durable(self, handler: str) -> bool | None:
        """Whether it reads letters and keeps a journal; None: that is not known."""
        ...


#: Makes the handlers a definition may use: of names that live workers announce, and of the texts of cards.
CatalogueMaker = Callable[[frozenset[str], tuple[bytes, ...]], HandlerNames]


@dataclass(frozen=True, slots=True)
class PlainHandlers:
    """Handlers known by name: any config, and whatever default policies are given."""

    names: frozenset[str]
    retries: Callable[[str], RetryPolicy | None] = lambda handler: None

    def check_config(self, handler: str, config: dict[str, Any]) -> list[Problem]:
        """Find nothing wrong."""
        return []

    def default_retry(self, handler: str) -> RetryPolicy | None:
        """Look the policy up."""
        return self.retries(handler)

    def secret_fields(self, handler: str) -> tuple[str, ...] | None:
        """Allow them everywhere: nothing is known of the fields."""
        return None

    def is_durable(self, handler: str) -> bool | None:
        """Know nothing of it."""
        return None


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a condition or switch: the config field that names it, and the successors it takes."""

    field: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catch:
    """Error types (`*` stands for anything) and the direct successor that takes over when one of them ends
    the node."""

    errors: tuple[str, ...]
    goto: str


@dataclass(frozen=True, slots=True)
class ItemMap:
    """How a node is mapped over the items of a list.

    items        a list, or a template text that gives one.
    item_name    what an item is called in templates of the config, beside `index`.
    live         items that may be started and not ended.
    stops_on_failure  nothing more is started once more items failed than are tolerated.
    references, uses_…  what `items` and the node's `when` need; those of Node are for the config too.
    config_references, config_uses_…  what the config alone needs.
    """

    items: Any
    item_name: str = "item"
    live: int = MOST_LIVE
    tolerated_count: int = 0
    tolerated_percentage: float = 0
    stops_on_failure: bool = False
    max_items: int = MOST_ITEMS
    references: frozenset[str] = frozenset()
    uses_inputs: bool = False
    uses_trigger: bool = False
    config_references: frozenset[str] = frozenset()
    config_uses_inputs: bool = False
    config_uses_trigger: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Write what a worker needs."""
        return {
            "items": self.items,
            "item_name": self.item_name,
            "tolerated_count": self.tolerated_count,
            "tolerated_percentage": self.tolerated_percentage,
            "stops": self.stops_on_failure,
            "max_items": self.max_items,
        }


@dataclass(frozen=True, slots=True)
class SubWorkflow:
    """How a node runs its child execution, as the scripts need it.

    policy       one of POLICIES.
    is_detached  the node completes as soon as its child has started.
    """

    policy: str = PARENT_CLOSE_POLICIES[0]
    is_detached: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a definition.

    choices  of a condition or a switch: each answer it may give, with the successors that belong to that
             answer only; empty for every other handler.
    retry     the policy the author asks for; handler_retry, what the handler declares for nodes without one.
    catch    successors that take over when the node fails; the first rule that fits decides.
    references, uses_…, templated  what config, expression and `when` need before the handler can run.
    """

    id: str
    handler: str
    dependencies: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    when: str | None = None
    trigger_rule: TriggerRule = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    retry: RetryPolicy | None = None
    handler_retry: RetryPolicy | None = None
    start_to_close_ms: int | None = None
    schedule_to_start_ms: int | None = None
    schedule_to_close_ms: int | None = None
    #: How long its handler may be silent.
    heartbeat_ms: int | None = None
    critical: bool = True
    queue: str = "default"
    choices: tuple[Choice, ...] = ()
    catch: tuple[Catch, ...] = ()
    references: frozenset[str] = frozenset()
    uses_inputs: bool = False
    uses_trigger: bool = False
    templated: bool = False
    #: Set for a node that runs once for each item of a list.
    map: ItemMap | None = None
    #: Set for a node that runs another definition.
    sub_workflow: SubWorkflow | None = None

    @property
    def policy(self) -> RetryPolicy:
        """The retry policy in force: the author's, else the handler's, else one attempt."""
        return self.retry or self.handler_retry or ONE_ATTEMPT

    @property
    def branches(self) -> tuple[str, ...]:
        """All successors that are not decided before this node has ended, each once: those that belong to
        some answer only, and those that take over when it fails."""
        answered = (node_id for choice in self.choices for node_id in choice.targets)
        return tuple(dict.fromkeys((*answered, *self.gotos)))

    @property
    def gotos(self) -> tuple[str, ...]:
        """The successors that run only when this node fails, each once."""
        return tuple(dict.fromkeys(rule.goto for rule in self.catch))

    @property
    def continues_on_failure(self) -> bool:
        """Whether its dependants run even after it has failed."""
        return self.policy.on_exhausted == "continue"

    @property
    def pauses_on_failure(self) -> bool:
        """Whether it waits for an operator, and pauses its execution, rather than fails."""
        return self.policy.on_exhausted == "pause"

    def branch(self, field: str) -> tuple[str, ...]:
        """The ids named in one field of the config, such as `true_branch`."""
        return next((choice.targets for choice in self.choices if choice.field == field), ())


#: What happens while another execution that has not ended holds the key of a new one.
IdConflictPolicy = Literal["fail", "use_existing", "terminate_existing"]
ID_CONFLICT_POLICIES: tuple[str, ...] = get_args(IdConflictPolicy)


@dataclass(frozen=True, slots=True)
class Definition:
    """A workflow that has passed every check.

    source      the document as submitted.
    version     first 16 hex digits of the SHA-256 of its canonical JSON.
    successors  the direct dependants of each node, in definition order.
    roots       nodes without dependencies, in definition order.
    gates       for each node named in a branch, the number of conditions that name it.
    id_conflict_policy  for starts with an execution key that do not say; None: `fail`.
    triggers    what starts it once it is registered.
    retention   what it says about how long its executions are kept, see `read_retention`.
    output_node what renders the output of the whole, after all nodes; None without an `output`.
    copied_node whose output is that of the whole, as it is; None where it has to be rendered.
    targets     of messages about the end of an execution, by its status.
    interface   the types of its start, its end and its events; None where it declares none.
    """

    name: str
    nodes: tuple[Node, ...]
    description: str = ""
    inputs_schema: dict[str, Any] | None = None
    execution_timeout_ms: int | None = None
    fail_fast: bool = False
    budget: Budget | None = None
    retention: str = ""
    output_node: Node | None = None
    copied_node: str | None = None
    id_conflict_policy: str | None = None
    triggers: Triggers = NO_TRIGGERS
    targets: Targets = field(default_factory=lambda: NO_TARGETS)
    interface: Interface | None = None
    source: dict[str, Any] = field(default_factory=dict)
    version: str = ""
    by_id: Mapping[str, Node] = field(default_factory=dict, repr=False, compare=False)
    successors: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)
    roots: tuple[str, ...] = field(default=(), repr=False, compare=False)
    gates: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def node(self, node_id: str) -> Node:
        """Find a node; KeyError when there is none of that id."""
        return self.by_id[node_id]
