"""The narrow waist: everything the outside may ask of the engine, by noun and verb.

Each part is a class of the file of its name in `orchestrator/operations/`.
"""

from __future__ import annotations

from collections.abc import Callable

from clients.redis_client import RedisClient
from orchestrator.definitions.definition import HandlerNames
from orchestrator.documents.limits import Limits
from orchestrator.operations.approvals import Approvals
from orchestrator.operations.dead_letters import DeadLetters
from orchestrator.operations.definitions import Definitions
from orchestrator.operations.events import Events
from orchestrator.operations.executions import Executions
from orchestrator.operations.health import Health
from orchestrator.operations.nodes import Nodes
from orchestrator.operations.outputs import Outputs
from orchestrator.operations.queues import Queues
from orchestrator.operations.schema_checks import Apart, SchemaChecks
from orchestrator.operations.signals import Signals
from orchestrator.operations.submissions import Submissions
from orchestrator.operations.usage import UsageReport
from orchestrator.operations.workers import Workers
from orchestrator.redis_keys import Keys
from orchestrator.store.durability import Durability
from orchestrator.store.health import check_redis
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency, OperatorNote
from orchestrator.store.subscription import EventSubscription
from orchestrator.store.transitions import Transitions

#: With Engine, the values its callers make; those it answers with are in `operations/results.py`.
__all__ = ["Engine", "Idempotency", "OperatorNote"]


class Engine:
    """The engine as the API sees it.

    executions    submit, trigger, cancel, pause, resume, retry, replay, fork, purge; get, list, explain, …
    nodes         get, items; complete, fail, skip, retry_now
    signals       send
    approvals     get, list, decide
    dead_letters  list, requeue, drop
    outputs       of_execution, of_unit, page
    events        list, last_seq, subscribe
    definitions   validate, handler_names
    queues        list
    workers       list
    usage         by_day
    health        check
    """

    def __init__(
        self,
        redis: RedisClient,
        subscriber: RedisClient,
        *,
        catalogue: Callable[[frozenset[str]], HandlerNames],
        keys: Keys | None = None,
        limits: Limits | None = None,
        patience_s: float = 5.0,
        allow_eviction_policy: bool = False,
        durable: RedisClient | None = None,
        apart: Apart | None = None,
    ) -> None:
        """Build the parts; nothing is read or written before the first call.

        subscriber  a client of its own: a connection that subscribes can do nothing else.
        catalogue   gives the handlers a definition may use, from the names live workers announce.
        patience_s  how long a call is sent again while Redis does not answer.
        durable     a client of its own to wait for the disk with; None answers without that.
        apart       checks what is too large to be checked in the event loop.
        """
        self.limits = limits or Limits()
        self.keys = keys or Keys()
        self.transitions = Transitions(redis, self.keys, patience_s=patience_s)
        if durable is not None:
            self.transitions.durability = Durability(durable, self.keys)
        self.store = Store(redis, self.keys, default_retry=catalogue(frozenset()).default_retry)
        checks = SchemaChecks(apart)
        submissions = Submissions(
            self.store, self.transitions, catalogue=catalogue, limits=self.limits, checks=checks
        )

        self.executions = Executions(self.store, self.transitions, submissions)
        self.nodes = Nodes(self.store, self.transitions)
        self.outputs = Outputs(self.store)
        self.signals = Signals(self.store, self.transitions, checks=checks)
        self.approvals = Approvals(self.store, self.transitions, checks=checks)
        self.dead_letters = DeadLetters(self.store, self.transitions, self.executions)
        self.events = Events(self.store, lambda: EventSubscription(subscriber, self.keys))
        self.definitions = Definitions(submissions)
        self.queues = Queues(self.store)
        self.workers = Workers(self.store)
        self.usage = UsageReport(self.store)
        self.health = Health(
            lambda: check_redis(
                redis, allow_eviction_policy=allow_eviction_policy, durable_starts=durable is not None
            ),
            self.transitions,
        )
