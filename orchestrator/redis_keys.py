"""Every Redis key the engine uses, one row each: what it holds, who writes it, when it goes.

No key is formatted anywhere else. The Lua scripts get the same patterns as functions (`lua_keys`), and fill in
only these. Every key starts with the partition prefix of its execution, empty today; a prefix such as `{p3}:`
puts everything one script touches into one Redis Cluster slot, so a second way to build a key would break it.
"""

from dataclasses import dataclass

#: Separates the parts of a member of the lease and timer sets; cannot occur in ids.
SEPARATOR = "\x1f"
#: Whose everything is that names no tenant. Its keys have the documented names.
DEFAULT_TENANT = "default"


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """One family of keys. `pattern` has `{execution_id}`-like placeholders; `expiry` says when the key goes.

    A part in brackets, `[:{tenant}]`, is left out for the tenant `default`.
    """

    name: str
    pattern: str
    type: str
    holds: str
    writer: str
    expiry: str = "with its execution"
    #: In Lua a field of `rare_key` rather than a local of its own, of which a chunk may have 200 in all.
    is_rare: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(part.split("}")[0] for part in self.pattern.split("{")[1:])

    def filled(self, **parts: str) -> str:
        """Fill the placeholders in."""
        stem, _, rest = self.pattern.partition("[")
        if not rest or parts.get("tenant") == DEFAULT_TENANT:
            return stem.format(**parts)
        return (stem + rest.rstrip("]")).format(**parts)


PATTERNS: tuple[KeyPattern, ...] = (
    KeyPattern("definition", "workflow:{execution_id}", "string", "the definition as submitted, JSON, immutable", "create_execution"),
    KeyPattern("status", "workflow:{execution_id}:status", "string", "execution status word", "create, start, cancel, settle"),
    KeyPattern("node", "workflow:{execution_id}:node:{node_id}", "string", "node status word", "every node transition"),
    KeyPattern("output", "workflow:{execution_id}:node:{node_id}:output", "string", "node output, JSON, written once per generation", "complete_node, wake_node"),
    KeyPattern("items", "workflow:{execution_id}:node:{node_id}:items", "hash", "items of a mapped node: values, statuses, outputs, counts", "map_node, every transition of an item"),
    KeyPattern("children", "workflow:{execution_id}:children", "list", "executions that nodes of this one started, oldest first: child id, unit", "start_child"),
    KeyPattern("runtime", "workflow:{execution_id}:runtime", "hash", "fields of the execution and its units, listed below", "every transition"),
    KeyPattern("worklist", "workflow:{execution_id}:worklist", "list", "nodes left for the next script, because one script changes 500 at most", "settle", "when empty"),
    KeyPattern("held_units", "workflow:{execution_id}:held", "list", "units that are ready or due while the execution is paused, in order", "every verb that would queue them, resume_execution", "with the pause"),
    KeyPattern("reset", "workflow:{execution_id}:reset", "list", "nodes that a retry will run again, while they are being listed", "retry_execution", "when the retry commits", is_rare=True),
    KeyPattern("reservations", "workflow:{execution_id}:reservations", "sorted set", "reserved for calls under way, by start, Redis ms; 0: the end of the call is unknown, and the reservation counts as used", "reserve_budget, settle_budget, every end of an attempt"),
    KeyPattern("signals", "workflow:{execution_id}:signals", "hash", "signals kept for a later wait, the waiting nodes by signal, and the requests already taken", "signal_execution, await_node, every end of a wait"),
    KeyPattern("journal", "workflow:{execution_id}:journal", "hash", "journals of durable handlers: entries, snapshots and counts, by unit; its fields are in `orchestrator/store/lua/include/journal.lua`", "append_journal, snapshot_journal", is_rare=True),
    KeyPattern("inbox", "workflow:{execution_id}:inbox", "hash", "letters to units that no journal has taken yet, counts, and the requests already taken, by unit; its fields are in `orchestrator/store/lua/include/inbox.lua`", "post_letter, append_journal", is_rare=True),
    KeyPattern("events", "workflow:{execution_id}:events", "stream", "history; ids are dense: 1-0, 2-0, …", "every transition"),
    KeyPattern("packed", "workflow:{execution_id}:events:packed", "stream", "the history of an execution that has ended, copied to take no more memory than it needs", "fold_execution", "in the same script, which renames it", is_rare=True),
    KeyPattern("remains", "workflow:{execution_id}:remains", "hash", "what was the runtime of a purged execution, until the rest of it is removed", "purge_execution, purge_staging, purge_keys", "when nothing else is left", is_rare=True),
    KeyPattern("deliveries_of", "workflow:{execution_id}:deliveries", "list", "ids of the deliveries about its ends, oldest first", "settle, purge_keys", is_rare=True),
    KeyPattern("layout", "workflows:layout:{tenant}:{digest}", "hash", "the static layout of definitions with the same content: what scripts and workers need of each node, listed below", "create_execution, start_child, stage_execution, stage_layout", "one hour after the last execution that points to it", is_rare=True),
    KeyPattern("layouts", "workflows:layouts", "hash", "executions that point to each static layout, by tenant:digest", "create_execution, start_child, stage_execution, purge_keys", "never", is_rare=True),
    KeyPattern("unused_layouts", "workflows:layouts:unused", "sorted set", "static layouts without an execution, tenant:digest, by since when, Redis ms", "purge_keys, stage_layout, drop_layout", "one hour", is_rare=True),
    KeyPattern("queues", "workflows:queues", "set", "queues named in definitions, beside default", "create_execution", "never", is_rare=True),
    KeyPattern("active", "workflows:active", "set", "executions that are RUNNING or PAUSED", "start_execution, settle", "never"),
    KeyPattern("leases", "workflows:leases", "sorted set", "running attempts by lease deadline, Redis ms; member execution, node, attempt", "claim_node, renew_leases", "with the attempt"),
    KeyPattern("timers", "workflows:timers", "sorted set", "due times, Redis ms; member kind, execution, node, attempt", "every verb that starts a wait or a time limit", "when fired"),
    KeyPattern("approvals", "workflows:approvals[:{tenant}]", "sorted set", "open approvals, by when they were asked for, Redis ms; member execution, node, attempt", "await_node, every end of the wait", "with the wait", is_rare=True),
    KeyPattern("staging", "workflows:staging", "sorted set", "submissions being written in chunks, by start, Redis ms", "stage_execution", "10 minutes", is_rare=True),
    KeyPattern("purging", "workflows:purging", "sorted set", "executions that were purged and of which keys are left, by the moment, Redis ms", "purge_execution, purge_staging, purge_keys", "when no key is left", is_rare=True),
    KeyPattern("ended", "workflows:ended", "sorted set", "executions that have ended and are not counted in the statistics yet, by the first of these ends, Redis ms", "settle, fold_execution", "when counted", is_rare=True),
    KeyPattern("expiring", "workflows:expiring", "sorted set", "executions that will be purged, by when their retention is looked at next, Redis ms", "create_execution, fold_execution, expire_execution", "with its execution", is_rare=True),
    KeyPattern("retention", "workflows:retention", "string", "the retention of the settings, as it was when all that waits for its purge was last looked at: four words, ms or - for ever", "apply_retention", "never", is_rare=True),
    KeyPattern("statistics", "workflows:statistics:{tenant}:{day}", "hash", "executions that ended on a day, their nodes, and deliveries to webhooks, counted; days count from 1970, UTC; its fields are in `orchestrator/execution/statistics.py`", "fold_execution, purge_execution, purge_keys, deliver_webhook, count_delivery", "400 days", is_rare=True),
    KeyPattern("dead", "workflows:dead[:{tenant}]", "stream", "poison and exhausted nodes, the newest 10,000", "fail_node, reap_node, time_out_node", "capped", is_rare=True),
    KeyPattern("tick", "workflows:tick", "string", "when timers and leases were last checked, Redis ms", "stamp_tick", "never", is_rare=True),
    KeyPattern("orchestrated", "workflows:tick:orchestrator", "string", "when an orchestrator last did so, and no worker in its place, Redis ms", "stamp_tick", "never", is_rare=True),
    KeyPattern("hold", "workflows:tick:hold", "string", "no lease expires before this moment, Redis ms, because no worker could renew", "stamp_tick", "one lease", is_rare=True),
    KeyPattern("repairs", "workflows:repairs", "hash", "repairs of the sweep, counted by kind", "repair_execution", "never", is_rare=True),
    KeyPattern("probe", "workflows:probe", "string", "proof that Redis takes writes", "probe", "one second", is_rare=True),
    KeyPattern("workers", "workflows:workers", "sorted set", "workers by last beat, Redis ms", "announce_worker", "one hour after the last beat", is_rare=True),
    KeyPattern("worker", "workflows:workers:{worker_id}", "hash", "a worker's handlers, queues and slots, and the layout of executions it works with", "announce_worker", "one minute after the last beat", is_rare=True),
    KeyPattern("cards", "workflows:cards:{digest}", "string", "cards of the handlers that workers have loaded, JSON: names, config, default retry, secret fields; digest is that of the text", "publish_handlers", "one hour after it was last written", is_rare=True),
    KeyPattern("readers", "workflows:readers:{queue}", "sorted set", "workers that read a queue, by last beat, Redis ms", "announce_worker", "one minute after the last beat", is_rare=True),
    KeyPattern("usage", "workflows:usage:{tenant}:{day}", "hash", "what calls to paid services used; days count from 1970, UTC", "settle_budget, reserve_budget", "400 days", is_rare=True),
    KeyPattern("held", "workflows:held:{tenant}:{day}", "sorted set", "reserved for calls under way, by start, Redis ms", "reserve_budget", "2 days", is_rare=True),
    KeyPattern("usage_of", "workflows:usage:{tenant}:{day}:{account}", "hash", "the same for a definition with a daily budget", "settle_budget, reserve_budget", "400 days", is_rare=True),
    KeyPattern("held_of", "workflows:held:{tenant}:{day}:{account}", "sorted set", "the same for a definition with a daily budget", "reserve_budget", "2 days", is_rare=True),
    KeyPattern("tenants", "workflows:tenants", "sorted set", "tenants beside default, by creation, Redis ms", "create_tenant", "never", is_rare=True),
    KeyPattern("tenant", "workflows:tenants:{tenant}", "hash", "a tenant: title, created_ms, is_active, calls (those that changed it last)", "create_tenant, change_tenant", "never", is_rare=True),
    KeyPattern("api_keys", "workflows:api_keys:{tenant}", "sorted set", "ids of a tenant's API keys, by creation, Redis ms", "create_api_key, revoke_api_key", "never", is_rare=True),
    KeyPattern("api_key", "workflows:api_key:{key_id}", "hash", "an API key: tenant, name, digest (SHA-256 of the key), scopes, created_ms, expires_ms, used_ms; of one that was revoked revoked_ms alone", "create_api_key, use_api_key, revoke_api_key", "when expired; 10 minutes after it was revoked", is_rare=True),
    KeyPattern("session", "workflows:session:{digest}", "string", "id of the API key that a browser's session stands for; digest is that of its cookie", "open_session, close_session", "12 hours", is_rare=True),
    KeyPattern("rate", "workflows:rate:{bucket}:{digest}", "hash", "requests of one subject, a tenant or an address, in the present window of a rate: start_ms, taken, calls (those counted last); digest is that of the subject", "take_rate", "two windows after the last request", is_rare=True),
    KeyPattern("delivery", "workflows:delivery:{delivery_id}", "hash", "a message about the end of an execution to one target, with its last attempts; its fields are in `orchestrator/store/lua/include/deliveries.lua`", "settle, claim_delivery, record_delivery, resend_delivery, purge_keys", "with its execution, but not before it has ended; when 1,000 newer ones of its tenant have ended", is_rare=True),
    KeyPattern("deliveries_due", "workflows:deliveries_due", "sorted set", "deliveries by their next attempt, Redis ms; of one being sent, when its claim ends", "settle, claim_delivery, record_delivery, resend_delivery", "when ended", is_rare=True),
    KeyPattern("deliveries", "idx:deliveries:{tenant}", "sorted set", "deliveries by the end they are about, Redis ms", "settle", "with the delivery", is_rare=True),
    KeyPattern("deliveries_ended", "idx:deliveries_ended:{tenant}", "sorted set", "deliveries that have ended, by when, Redis ms; the newest 1,000", "record_delivery, resend_delivery", "with the delivery", is_rare=True),
    KeyPattern("idempotency", "idem:{tenant}:{key}", "string", "hash of the request and the execution it made", "create_execution", "24 hours, or with its execution"),
    KeyPattern("index", "idx:executions:{tenant}", "sorted set", "executions by creation, Redis ms", "create_execution, start_child", "with its execution"),
    KeyPattern("execution_key", "key:{tenant}:{key}", "string", "the execution that holds an execution key, by a digest of the key", "create_execution", is_rare=True),
    KeyPattern("workflow_index", "idx:workflow:{tenant}:{workflow_id}", "sorted set", "executions of a workflow by creation, Redis ms", "create_execution, start_child", "with the last of them", is_rare=True),
    KeyPattern("label_index", "idx:label:{tenant}:{label}", "sorted set", "executions with a label, or started by a schedule or a webhook, by creation, Redis ms; label: a digest of it", "create_execution, start_child", "with the last of them", is_rare=True),
    KeyPattern("registered", "workflows:registered:{tenant}:{workflow_id}", "hash", "a workflow of the registry without its documents; its fields are in `orchestrator/definitions/registry.py`", "register_workflow", "remove_workflow", is_rare=True),
    KeyPattern("version", "workflows:registered:{tenant}:{workflow_id}:{version}", "hash", "one version of it: hash, title, definition as JSON, source as sent, media type, when it was made, Redis ms", "register_workflow", "remove_workflow", is_rare=True),
    KeyPattern("names", "workflows:names:{tenant}", "hash", "ids of workflows by name", "register_workflow", "remove_workflow", is_rare=True),
    KeyPattern("schedules", "workflows:schedules", "sorted set", "schedules by when they are to be looked at, Redis ms; member tenant, schedule id", "put_schedule, fire_schedule, tend_schedule, pause_schedule, backfill_schedule, register_workflow", "with the schedule", is_rare=True),
    KeyPattern("schedule", "workflows:schedule:{tenant}:{schedule_id}", "hash", "a schedule: its rule, its next slot, what it has started; its fields are in `orchestrator/definitions/schedule_record.py`", "those that write workflows:schedules", "remove_schedule, remove_workflow", is_rare=True),
    KeyPattern("schedule_names", "workflows:schedule_names:{tenant}", "hash", "ids of schedules by name", "put_schedule, register_workflow", "remove_schedule, remove_workflow", is_rare=True),
    KeyPattern("schedule_index", "idx:schedules:{tenant}", "sorted set", "ids of schedules by creation, Redis ms", "put_schedule, register_workflow", "remove_schedule, remove_workflow", is_rare=True),
    KeyPattern("schedules_of", "idx:schedules:{tenant}:{workflow_id}", "sorted set", "ids of the schedules of a workflow by creation, Redis ms", "put_schedule, register_workflow", "remove_schedule, remove_workflow", is_rare=True),
    KeyPattern("registry", "idx:workflows:{tenant}", "sorted set", "ids of workflows by creation, Redis ms", "register_workflow", "remove_workflow", is_rare=True),
    KeyPattern("hook", "workflows:hook:{kind}:{path}", "hash", "an address that starts a workflow, with its secrets; kind is webhook or path; its fields are in `orchestrator/definitions/webhooks.py`", "register_webhook, deliver_webhook, count_delivery", "remove_webhook, remove_workflow", is_rare=True),
    KeyPattern("hooks", "idx:hooks:{tenant}", "sorted set", "hooks of a tenant, KIND:PATH, by creation, Redis ms", "register_webhook", "remove_webhook, remove_workflow", is_rare=True),
    KeyPattern("ledger", "workflows:ledger:{kind}:{path}:{digest}", "string", "the hook and the execution of a delivery that carried an id, by a digest of that", "deliver_webhook", "24 hours", is_rare=True),
)  # fmt: skip

_BY_NAME = {pattern.name: pattern for pattern in PATTERNS}


@dataclass(frozen=True, slots=True)
class Keys:
    """Builds key names for one partition.

    prefix   partition prefix, `""` or like `"{p3}:"`.
    stream   name of the task stream of the queue `default`; other queues append `:{queue}`.
    group    the consumer group of all task streams.
    """

    prefix: str = ""
    stream: str = "workflow:tasks"
    group: str = "workflow_group"

    def key(self, name: str, **parts: str) -> str:
        return self.prefix + _BY_NAME[name].filled(**parts)

    def definition(self, execution_id: str) -> str:
        return self.key("definition", execution_id=execution_id)

    def status(self, execution_id: str) -> str:
        return self.key("status", execution_id=execution_id)

    def node(self, execution_id: str, node_id: str) -> str:
        return f"{self.prefix}workflow:{execution_id}:node:{node_id}"

    def output(self, execution_id: str, node_id: str) -> str:
        return f"{self.prefix}workflow:{execution_id}:node:{node_id}:output"

    def items(self, execution_id: str, node_id: str) -> str:
        return self.key("items", execution_id=execution_id, node_id=node_id)

    def runtime(self, execution_id: str) -> str:
        return f"{self.prefix}workflow:{execution_id}:runtime"

    def layout(self, tenant: str, digest: str) -> str:
        return self.key("layout", tenant=tenant, digest=digest)

    def worklist(self, execution_id: str) -> str:
        return self.key("worklist", execution_id=execution_id)

    def held(self, execution_id: str) -> str:
        return self.key("held_units", execution_id=execution_id)

    def signals(self, execution_id: str) -> str:
        return self.key("signals", execution_id=execution_id)

    def children(self, execution_id: str) -> str:
        return self.key("children", execution_id=execution_id)

    def events(self, execution_id: str) -> str:
        return self.key("events", execution_id=execution_id)

    def api_key(self, key_id: str) -> str:
        return self.key("api_key", key_id=key_id)

    def session(self, digest: str) -> str:
        return self.key("session", digest=digest)

    def worker(self, worker_id: str) -> str:
        return self.key("worker", worker_id=worker_id)

    def tasks(self, queue: str) -> str:
        """The stream that carries the tasks of `queue`."""
        return self.prefix + (self.stream if queue == "default" else f"{self.stream}:{queue}")

    def shared(self, name: str) -> str:
        """A key without parameters, such as `workflows:timers`."""
        return self.prefix + _BY_NAME[name].pattern

    def end_channel(self, execution_id: str) -> str:
        """A channel for those who wait for the end of an execution alone; that of its news is `events`."""
        return f"{self.events(execution_id)}:ended"

    def waiter_channel(self, process: str) -> str:
        """A channel for the ends of all executions that one process has started and waits for."""
        return f"{self.prefix}workflows:ends:{process}"

    def usage(self, tenant: str, day: int) -> str:
        return self.key("usage", tenant=tenant, day=str(day))

    def index(self, tenant: str) -> str:
        return self.key("index", tenant=tenant)


def lease_member(execution_id: str, node_id: str, attempt: int) -> str:
    """Name one running attempt in `workflows:leases`."""
    return SEPARATOR.join((execution_id, node_id, str(attempt)))


def timer_member(kind: str, execution_id: str, node_id: str, attempt: int) -> str:
    """Name one due time in `workflows:timers`; node_id is empty for timers of the whole execution."""
    return SEPARATOR.join((kind, execution_id, node_id, str(attempt)))


def lua_keys(keys: Keys) -> str:
    """The patterns as Lua functions, such as `node_key(execution_id, node_id)`; PREFIX is set at every call.

    Those of rare keys are fields of a table: `rare_key.worker(worker_id)`.
    """
    lines = ["local PREFIX, rare_key = '', {}"]
    for pattern in PATTERNS:
        stem, _, rest = pattern.pattern.partition("[")
        arguments = ", ".join(pattern.parameters)
        body = f"return PREFIX .. {_lua_text(stem + rest.rstrip(']'))} end"
        if rest:
            bare = f"if tenant == '{DEFAULT_TENANT}' then return PREFIX .. {_lua_text(stem)} end"
            body = f"{bare} {body}"
        named = f"rare_key.{pattern.name}" if pattern.is_rare else f"{pattern.name}_key"
        lines.append(f"{'' if pattern.is_rare else 'local '}function {named}({arguments}) {body}")
    lines.append(f"local STREAM, GROUP = '{keys.stream}', '{keys.group}'")
    lines.append(
        "local function tasks_key(queue) "
        "if queue == 'default' then return PREFIX .. STREAM end "
        "return PREFIX .. STREAM .. ':' .. queue end"
    )
    return "\n".join(lines) + "\n"


def _lua_text(pattern: str) -> str:
    text = "'" + pattern.replace("{", "' .. ").replace("}", " .. '") + "'"
    return text.replace(" .. ''", "")
