"""The narrow waist: everything the outside may ask of the engine, by noun and verb.

Each part is a class of the file of its name in `orchestrator/operations/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clients.redis_client import RedisClient
from orchestrator.definitions.definition import CatalogueMaker
from orchestrator.documents.limits import Limits
from orchestrator.operations.advice import Advice
from orchestrator.operations.api_keys import ApiKeys
from orchestrator.operations.approvals import Approvals
from orchestrator.operations.authentication import Authentication
from orchestrator.operations.dead_letters import DeadLetters
from orchestrator.operations.definitions import Definitions
from orchestrator.operations.deliveries import Deliveries
from orchestrator.operations.events import Events
from orchestrator.operations.executions import Executions
from orchestrator.operations.health import Health
from orchestrator.operations.inboxes import Inboxes
from orchestrator.operations.incoming import IncomingWebhooks
from orchestrator.operations.metrics import Metrics
from orchestrator.operations.nodes import Nodes
from orchestrator.operations.outputs import Outputs
from orchestrator.operations.owner import AnyOwner, KnownTenants, Owner
from orchestrator.operations.queues import Queues
from orchestrator.operations.rates import Rates
from orchestrator.operations.recent import Recent
from orchestrator.operations.registered import Registered
from orchestrator.operations.schedules import Schedules
from orchestrator.operations.schema_checks import Apart, SchemaChecks
from orchestrator.operations.signals import Signals
from orchestrator.operations.statistics import StatisticsOf
from orchestrator.operations.submissions import Submissions
from orchestrator.operations.tenants import Tenants
from orchestrator.operations.usage import UsageReport
from orchestrator.operations.webhooks import Webhooks
from orchestrator.operations.workers import Workers
from orchestrator.operations.workflows import Workflows
from orchestrator.redis_keys import DEFAULT_TENANT, Keys
from orchestrator.store.durability import Durability
from orchestrator.store.health import check_redis
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency, OperatorNote
from orchestrator.store.subscription import EventSubscription
from orchestrator.store.transitions import Transitions

#: With Engine, the values its callers make; those it answers with are in `operations/results.py`.
__all__ = ["Engine", "Idempotency", "OperatorNote", "TenantEngine"]

#: Tenants whose parts are kept; the parts of another are built again.
MOST_TENANTS = 1_000


@dataclass(frozen=True, slots=True)
class Shared:
    """What the views of all tenants have in common.

    pepper  see `ApiKeys`.
    """

    store: Store
    transitions: Transitions
    submissions: Submissions
    registered: Registered
    incoming: IncomingWebhooks
    checks: SchemaChecks
    subscribe: Callable[[], EventSubscription]
    pepper: str


class TenantEngine:
    """What one tenant may ask: what is another's is unknown to every part.

    workflows     create, put, get, definition, source, version, versions, list, change, remove, start
    schedules     create, put, get, page, remove, pause, resume, trigger, upcoming, preview, backfill, …
    executions    submit, trigger, cancel, pause, resume, retry, replay, fork, purge; get, list, explain, …
    nodes         get, items, attempts; complete, fail, skip, retry_now
    signals       send
    inboxes       post, post_event, letters, journal
    approvals     get, list, decide
    dead_letters  list, requeue, drop
    outputs       of_execution, of_unit, page
    events        list, page, last_seq, subscribe
    definitions   validate, handler_names
    advice        of_definition, of_workflow, of_schedule, of_webhook
    recent        count, sight, rows, gone
    usage         by_day
    statistics    between
    deliveries    list, get, resend
    api_keys      create, list, get, rotate, revoke
    webhooks      create, get, list, change, rotate, test, trigger, remove
    """

    def __init__(self, owner: Owner, shared: Shared) -> None:
        store, transitions, submissions = shared.store, shared.transitions, shared.submissions
        self.tenant = owner.tenant
        self.limits = submissions.limits
        self.workflows = Workflows(store, transitions, submissions, shared.registered, owner)
        self.executions = Executions(store, transitions, submissions, owner)
        self.nodes = Nodes(store, transitions, owner)
        self.outputs = Outputs(store, owner)
        self.signals = Signals(store, transitions, owner, checks=shared.checks)
        self.inboxes = Inboxes(store, transitions, submissions, owner, checks=shared.checks)
        self.approvals = Approvals(store, transitions, owner, checks=shared.checks)
        self.dead_letters = DeadLetters(store, transitions, self.executions, owner)
        self.events = Events(store, shared.subscribe, owner)
        self.recent = Recent(store, owner)
        self.advice = Advice(submissions, shared.registered, owner.tenant)
        self.definitions = Definitions(submissions, self.advice, owner.tenant)
        self.usage = UsageReport(store, owner)
        self.schedules = Schedules(
            store, transitions, self.workflows, shared.registered, owner, checks=shared.checks
        )
        self.statistics = StatisticsOf(store, transitions, owner)
        self.deliveries = Deliveries(store, transitions, owner)
        self.api_keys = ApiKeys(store, transitions, owner, pepper=shared.pepper)
        self.webhooks = Webhooks(
            store, transitions, shared.registered, shared.incoming, owner, pepper=shared.pepper
        )


class Engine(TenantEngine):
    """The engine of one deployment: the view of the tenant `default`, and what belongs to its operator.

    of           the view of a tenant
    all_tenants  the view of the engine itself, for which every execution is known: for what has asked an
                 owner before
    tenants      create, register, list, get, change
    authentication  of_key, of_session, open_session, close_session, over
    incoming     receive: what strangers send to webhooks, whose owner their paths tell
    queues       list
    workers      list
    metrics      look
    rates        take
    health       check
    """

    def __init__(
        self,
        redis: RedisClient,
        subscriber: RedisClient,
        *,
        catalogue: CatalogueMaker,
        keys: Keys | None = None,
        limits: Limits | None = None,
        patience_s: float = 5.0,
        allow_eviction_policy: bool = False,
        durable: RedisClient | None = None,
        apart: Apart | None = None,
        operator_key: str | None = None,
    ) -> None:
        """Build the parts; nothing is read or written before the first call.

        subscriber  a client of its own: a connection that subscribes can do nothing else.
        catalogue   gives the handlers a definition may use, from names and cards that workers announce.
        patience_s  how long a call is sent again while Redis does not answer.
        durable     a client of its own to wait for the disk with; None answers without that.
        apart       checks what is too large to be checked in the event loop.
        operator_key  opens what belongs to the operator; None where nothing does.
        """
        self.keys = keys or Keys()
        self.transitions = Transitions(redis, self.keys, patience_s=patience_s)
        if durable is not None:
            self.transitions.durability = Durability(durable, self.keys)
        self.store = Store(redis, self.keys, default_retry=catalogue(frozenset(), ()).default_retry)
        checks = SchemaChecks(apart)
        submissions = Submissions(
            self.store, self.transitions, catalogue=catalogue, limits=limits or Limits(), checks=checks
        )
        registered = Registered(self.store)
        self.incoming = IncomingWebhooks(self.store, self.transitions, submissions, registered)
        self._shared = Shared(
            store=self.store,
            transitions=self.transitions,
            submissions=submissions,
            registered=registered,
            incoming=self.incoming,
            checks=checks,
            subscribe=lambda: EventSubscription(subscriber, self.keys),
            pepper=operator_key or "",
        )
        self._known = KnownTenants()
        self._tenants: dict[str, TenantEngine] = {}
        super().__init__(Owner(self.store, DEFAULT_TENANT, self._known), self._shared)
        self.all_tenants = TenantEngine(AnyOwner(self.store), self._shared)
        self.tenants = Tenants(self.store, self.transitions)
        self.authentication = Authentication(self.store, self.transitions, operator_key=operator_key)
        self.queues = Queues(self.store)
        self.workers = Workers(self.store)
        self.metrics = Metrics(self.store, self.transitions, self.queues)
        self.rates = Rates(self.transitions)
        self.health = Health(
            lambda: check_redis(
                redis, allow_eviction_policy=allow_eviction_policy, durable_starts=durable is not None
            ),
            self.transitions,
        )

    def of(self, tenant: str) -> TenantEngine:
        """Give the view of a tenant, the only way in for it."""
        if tenant == DEFAULT_TENANT:
            return self
        view = self._tenants.pop(tenant, None)
        if view is None:
            view = TenantEngine(Owner(self.store, tenant, self._known), self._shared)
        if len(self._tenants) >= MOST_TENANTS:
            del self._tenants[next(iter(self._tenants))]
        self._tenants[tenant] = view
        return view
