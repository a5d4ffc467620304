"""Writes the parts of the documentation that the code itself knows: `python -m docs.generate`.

The state machine, the keys, the trigger rules and the OpenAPI document are files of their own; the tables of
settings, commands and HTTP routes stand on their pages between two marks. The methods of `headrace.Workflow`
that add steps are written too. `tests/test_architecture.py` fails while any of them is old.
"""

# long: one sentence for each setting and each script

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from config import Settings
from docs import handler_methods
from docs.command_tables import commands
from main import create_app
from orchestrator.definitions.trigger_rules import DEFAULT_RULE, EARLY_RULES, RULES, render_truth_table
from orchestrator.redis_keys import PATTERNS
from orchestrator.states import TABLE, Cancelling, Reason, Row, WaitingOn
from orchestrator.store import layout, library
from tenant_settings import OWN, SECRET_PREFIX, TENANT_PREFIX

ROOT = Path(__file__).resolve().parent.parent
HEADING = "<!-- Written by `python -m docs.generate`; changes here are lost. -->\n\n"

#: Scripts that change no status of their own, and so have no row in the table.
WITHOUT_ROW = {
    "apply_retention": "says with which settings all that waits for its purge was looked at",
    "announce_worker": "keeps the list of live workers",
    "change_tenant": "changes a tenant",
    "claim_delivery": "claims a delivery for one attempt",
    "close_session": "ends a browser's session",
    "count_delivery": "counts a delivery to a webhook that starts nothing",
    "continue_execution": "works off a saved worklist; what changes is done by the internal verbs",
    "create_api_key": "makes a key of a tenant",
    "create_tenant": "registers a tenant",
    "end_nodes": "makes several calls of ending attempts as one, each by its own row",
    "drop_layout": "removes a static layout that no execution points to any more",
    "enforce_cancel": "ends the grace of a cancel; the nodes left are ended by the worklist",
    "expire_execution": "hides an execution that has been kept long enough",
    "fold_execution": "adds an execution that has ended to the statistics of its day",
    "forget_consumers": "takes consumers that are gone off a task stream's group",
    "open_session": "begins a browser's session",
    "purge_execution": "hides an execution that has ended, or was never started, for good",
    "publish_handlers": "keeps the cards of the handlers that workers have loaded",
    "purge_keys": "removes what is left of what was hidden",
    "put_schedule": "adds a schedule to a workflow, or changes its rule",
    "remove_schedule": "removes a schedule",
    "pause_schedule": "pauses a schedule, or lets it go on",
    "count_trigger": "counts an execution of a schedule that was started by hand",
    "tend_schedule": "lets slots of a schedule go, and looks at what it has started",
    "backfill_schedule": "has slots of the past started, or stops that",
    "purge_staging": "gives up a submission that never became visible",
    "renew_leases": "moves deadlines of running attempts",
    "stage_layout": "writes part of a static layout that nobody points to yet",
    "stage_items": "writes items that nobody sees before `map_node`",
    "record_delivery": "records an attempt of a delivery",
    "register_webhook": "makes a webhook of a workflow, or changes one",
    "register_workflow": "writes record, version, name, schedules and place in the list of a workflow",
    "remove_webhook": "removes a webhook",
    "remove_workflow": "removes a registered workflow with its versions, schedules and webhooks",
    "append_journal": "appends an entry to the journal of a durable handler",
    "snapshot_journal": "puts a snapshot in place of entries of a journal",
    "report_events": "appends what a handler logs, reports and emits",
    "resend_delivery": "makes a delivery due at once",
    "reserve_budget": "sets aside what a call to a paid service may use",
    "revoke_api_key": "takes a key of a tenant away",
    "settle_budget": "counts what it has used",
    "stage_execution": "writes part of a submission that is not visible yet",
    "stamp_tick": "says that timers and leases are being looked at",
    "take_rate": "counts a request against a rate",
    "use_api_key": "says when a key was used last",
}

#: What each setting is for; tests see to it that none is missing.
SETTINGS = {
    "redis_url": "whole address of Redis; beats the four below",
    "redis_host": "host of Redis",
    "redis_port": "port of Redis",
    "redis_db": "database number",
    "redis_password": "password of Redis",
    "durable_starts": "answer starts, webhooks, reruns, signals, decisions once Redis has them on disk",
    "allow_eviction_policy": "start even where Redis may drop keys; dropped keys are lost executions",
    "environment": "`development` simulates what is missing and may call private addresses; `production` not",
    "debug": "passed on to FastAPI",
    "log_level": "`DEBUG` to `CRITICAL`",
    "log_format": "`text`, or `json`, an object a line; unset: `text` on a terminal, also below `dev`",
    "allowed_hosts": "more host names of the API, comma separated; `*.example.com`, `*` for any name",
    "auth_required": "a request needs a key; a key that is sent is always checked",
    "operator_key": "opens tenants, their keys, workers, queues, `/readyz?verbose`; 16 characters or more",
    "self_registration_enabled": "anyone may register a tenant with `POST /v1/tenants`",
    "cors_origins": "origins whose pages may use the API, comma separated, such as `https://app.example.com`",
    "root_path": "prefix of all paths behind a proxy that takes it off again, such as `/headrace`",
    "demo": "in development: serve the demo, as `./headrace dev --demo` does",
    "mcp": "serve agents at `/mcp`, see [MCP](mcp.md); needs `requirements-mcp.lock`",
    "workflows_dir": "directory of workflow files that are registered when the API starts",
    "max_steps_per_workflow": "steps of a workflow that is sent to `/api/workflows`",
    "execution_timeout_seconds": "how long an execution of such a workflow may take",
    "http_step_timeout": "seconds an `http` step of it may take that names no `timeout_seconds`",
    "webhook_replay_enabled": "executions may be replayed under `/api/executions`",
    "cron_timezone": "IANA time zone of its cron triggers",
    "rate_limit_register": (
        "registrations of one address in a minute, natively and under `/api` each; `0`: any number"
    ),
    "rate_limit_workflows": "changes of workflows by one tenant under `/api` in a minute",
    "rate_limit_executions": "starts, replays and cancels of executions there",
    "rate_limit_reads": "reads there",
    "workflows_py_server_host": "address of `./headrace workflow-server`",
    "workflows_py_server_port": "its port",
    "worker_stream": "task stream of the queue `default`; another queue appends `:NAME`",
    "worker_group": "consumer group of the task streams",
    "worker_name": "the worker's consumer name; need not be unique",
    "worker_concurrency": "attempts one worker process runs at once",
    "worker_queues": "queues to read, comma separated, most urgent first",
    "worker_deliveries": "the worker also sends webhooks about ends of executions",
    "handlers": "modules with your own handlers, comma separated",
    "handler_python": "interpreter that runs them; unset: the engine's own",
    "handler_path": "folders they are imported from first, parted by `:`; unset: the working directory",
    "handler_processes": "processes for `def` handlers, one attempt each; unset: as many as processors",
    "handler_async": "`async def` handlers that their one process runs at a time",
    "handler_recycle_runs": "attempts after which a process is replaced; 0: never",
    "handler_recycle_mb": "memory from which on a process is replaced; 0: never",
    "handler_memory_mb": "memory that a process may have; 0: any",
    "lease_ms": "how long a silent worker keeps its running attempts; renewed each third of it",
    "drain_s": "how long a worker that is stopped lets running attempts finish",
    "tick_ms": "how often an orchestrator looks at timers and leases",
    "sweep_idle_ms": "an execution without an event for this long is looked at by the sweep",
    "retention_completed": "how long a COMPLETED execution is kept, such as `7d`; `never` removes none",
    "retention_failed": "how long a FAILED one is kept",
    "retention_cancelled": "how long a CANCELLED one is kept",
    "retention_unstarted": "how long one is kept that was never started, from when it was made",
    "http_allow_private": "private networks, names or `host:port` that HTTP handlers may call; `*` is all",
    "services": "JSON object: service name → base URL, for `call_external_service`",
    "http_timeout_s": "time limit of an HTTP call that names none",
    "anthropic_api_key": "key of the Anthropic API",
    "anthropic_base_url": "another address of it, such as a gateway",
    "openai_base_url": "an API that speaks OpenAI's chat completions, such as `http://localhost:11434/v1`",
    "openai_api_key": "its key, if it wants one",
    "llm_provider": "`anthropic`, `openai` or `echo`",
    "llm_echo_pause_ms": "pause between the pieces that `echo` streams, so that they can be watched",
    "llm_model": "model of `llm` nodes that name none",
    "llm_prices": "a price table to use instead of `clients/llm/prices.json`",
    "tenant_daily_tokens": "tokens that all executions of a tenant may use in a day (UTC)",
    "tenant_daily_cost_usd": "dollars that they may cost in a day",
    "notify_urls": "JSON object: name → URL for `notify`, so that it stays out of definitions",
    "webhook_secrets": "JSON object: name → `whsec_…` to sign webhooks with; `default` where none is named",
    "smtp_host": "mail server; unset: no mail",
    "smtp_port": "its port; on 465 TLS comes first",
    "smtp_user": "user to log in as; unset: no log-in",
    "smtp_password": "password of that user",
    "smtp_from": "sender of all mail",
    "smtp_starttls": "refuse a mail server without STARTTLS",
    "docker_host": "container engine, `unix://…` or `tcp://…`",
    "container_images": "images `container` nodes may run, comma separated; `*` stands for anything",
    "container_networks": "engine networks they may ask for, comma separated; `none` always may be",
    "container_memory_mb": "most memory of one container in MiB, and what one gets that asks for nothing",
    "container_cpus": "most processors of one container, and what one gets that asks for nothing",
    "max_definition_bytes": "largest body that carries a definition",
    "max_yaml_bytes": "largest YAML text",
    "max_body_bytes": "largest other request body",
    "max_config_bytes": "largest config of one node, as compact JSON",
    "max_nodes": "nodes of one workflow",
    "max_edges": "dependencies of one workflow",
    "max_depth": "nesting of a document",
    "max_sub_workflow_depth": "levels of child executions below one without a parent",
    "output_max_bytes": "largest output of a node, and largest response body",
}
#: Variables of which there may be many.
FAMILIES = {
    f"{SECRET_PREFIX}…": "value of `secrets.…` in templates",
    f"{TENANT_PREFIX}<NAME>_…": (
        f"what a tenant but `default` has of its own: before `{SECRET_PREFIX}…`, "
        f"{', '.join(f'`{name.upper()}`' for name in OWN)}; see "
        "[operations](operations.md#what-belongs-to-whom)"
    ),
}
#: Defaults that depend on something, said in words.
_DEFAULTS = {
    "worker_name": "`worker-<hostname>`",
    "allowed_hosts": "local names in development, any in production",
    "auth_required": "`false` in development, `true` in production",
    "mcp": "`true` in development where the package is installed, else `false`",
    "self_registration_enabled": "`true` in development, `false` in production",
    "http_allow_private": "all in development, none in production",
    "workflows_dir": "`workflows` beside the code",
    "llm_provider": "`anthropic` or `openai`, by what is set, else `echo` in development",
    "llm_model": "`claude-sonnet-5-5`; none for `openai`",
    "smtp_from": "`SMTP_USER`, else `headrace@<hostname>`",
    "container_images": "any in development, none in production",
    "container_networks": "any in development, none in production",
}


STATES_INTRO = """\
# State machine

Printed from `TABLE` in `orchestrator/states.py`, which also gives the Lua scripts their guards: what is not a
row here cannot happen. A verb in *italics* has no script of its own; other scripts perform it while they work
off what follows from a node's end.
"""

KEYS_INTRO = """\
# Keys in Redis

Printed from `orchestrator/redis_keys.py`, the only place where keys are formatted, and from the docstring of
`orchestrator/store/layout.py`. Anything here may be read with `redis-cli` or `./headrace redis`; nothing
should be written by hand. What goes with its execution stays until that is purged.

| key | type | holds | written by | goes |
| --- | --- | --- | --- | --- |
"""

KEYS_MORE = """\
| `workflow:tasks` | stream | tasks of the queue `default` | whatever queues a node | with its attempt |
| `workflow:tasks:{queue}` | stream | tasks of another queue | whatever queues a node | with its attempt |

A task has four fields: execution_id, node_id, handler, attempt. `WORKER_STREAM` and `WORKER_GROUP` rename the
task streams and their consumer group, `workflow_group`. A member of `workflows:leases` is execution, node and
attempt; one of `workflows:timers` is kind, execution, node and attempt (or generation). The byte `0x1F` parts
them.

Beside the keys there are two channels for each execution: one named like its event stream, and, for those who
wait for its end alone, that name with `:ended`. Those who have waited since its start have a channel for each
of their processes, `workflows:ends:PROCESS`; a message there names the execution. Any other message says how
far the history goes, and nothing else.

## Fields of `workflow:{execution_id}:runtime`

"""

RULES_INTRO = """\
# Trigger rules

Printed from `orchestrator/definitions/trigger_rules.py`. A rule looks at the **direct** dependencies of a
node and decides to run the node, to skip it or to wait; it decides as soon as nothing that may still come
can change the answer.

| word | counts |
| --- | --- |
| `ok` | dependencies that COMPLETED |
| `bad` | those that FAILED, or were SKIPPED with reason `upstream_failed` |
| `skip` | those SKIPPED for any other reason |
| `done` | `ok + bad + skip` |
| `total` | all of them |

| rule | runs when | is skipped when |
| --- | --- | --- |
"""

RULES_MORE = """\

A node without dependencies runs at once under every rule. A node that a condition names in a branch is
decided only when that condition is done; if its branch was not taken it is SKIPPED with reason
`branch_not_taken`, whatever its rule. Such a node cannot have a rule that may run it before the condition has
spoken: EARLY.

## Every case

One line stands for any number of each kind, because no rule asks for more than none, some or all.

"""


@dataclass(frozen=True, slots=True)
class Header:
    """What a Lua file says of itself in its first comment lines."""

    purpose: str
    keys: str
    argv: str
    reply: str
    event: str


def lua_header(text: str) -> Header:
    """Read the comment lines that a transition's file begins with; what is not there is empty."""
    parts = {"": "", "KEYS": "", "ARGV": "", "Reply": "", "Event": ""}
    part = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        words = line.removeprefix("--").strip()
        if words.startswith("flags: "):
            continue
        first, _, rest = words.partition(" ")
        if first in parts:
            part, words = first, rest
        parts[part] = f"{parts[part]} {words}".strip()
    purpose, keys, argv, reply, event = parts.values()
    # The arrow that follows it says what the table says.
    return Header(
        re.split(r"\s+(?:[A-Z]+(?:, [A-Z]+)*|\(nothing\)) -> ", purpose)[0], keys, argv, reply, event
    )


def state_machine() -> str:
    """The page of the state machine."""
    lines: list[str] = []
    for subject, title in (("node", "Nodes"), ("execution", "Executions")):
        rows = [row for row in TABLE if row.subject == subject]
        lines += ["", f"## {title}", "", *_diagram(rows), "", *_verbs(rows)]
    lines += ["", "## Scripts that change no status", "", "| script | what it does |", "| --- | --- |"]
    lines += [f"| `{name}` | {reason} |" for name, reason in WITHOUT_ROW.items()]
    lines += [
        "",
        "## Words beside a status",
        "",
        "| field | says | words |",
        "| --- | --- | --- |",
        f"| `reason` of a node | why it ended as it did | {_words(Reason)} |",
        f"| `waiting_on` of a node | what a WAITING node waits for | {_words(WaitingOn)} |",
        f"| `cancelling` of an execution | who ends it early; kept after the end | {_words(Cancelling)} |",
    ]
    return HEADING + STATES_INTRO + _text(lines)


def keys() -> str:
    """The page of the Redis keys."""
    rows = [
        f"| `{each.pattern}` | {each.type} | {each.holds} | {each.writer} | {each.expiry} |"
        for each in PATTERNS
    ]
    fields = ["```text", *(inspect.getdoc(layout) or "").splitlines(), "```"]
    return HEADING + KEYS_INTRO + _text(rows) + KEYS_MORE + _text(fields)


def trigger_rules() -> str:
    """The page of the trigger rules."""
    rows = []
    for name, rule in RULES.items():
        shown = f"`{name}` (default)" if name is DEFAULT_RULE else f"`{name}`"
        skips = "; else ".join(f"`{when}`: {reason}" for when, reason in rule.skips) or "–"
        rows.append(f"| {shown} | `{rule.run}` | {skips} |")
    early = ", ".join(f"`{name}`" for name in RULES if name in EARLY_RULES)
    return HEADING + RULES_INTRO + _text(rows) + RULES_MORE.replace("EARLY", early) + render_truth_table()


def settings_table() -> str:
    """The table of settings, in the order of `config.py`."""
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = _DEFAULTS.get(name) or _shown(field.default if field.default_factory is None else {})
        lines.append(f"| `{name.upper()}` | {default} | {SETTINGS[name]} |")
    lines += (f"| `{name}` | – | {meaning} |" for name, meaning in FAMILIES.items())
    return "\n".join(lines) + "\n"


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI document, built without connecting to anything."""
    return create_app(Settings(_env_file=None)).openapi()


def routes_table() -> str:
    """The table of HTTP routes, as the OpenAPI document has them."""
    lines = ["| | route | what it does |", "| --- | --- | --- |"]
    for path, operations in openapi()["paths"].items():
        for method, operation in operations.items():
            lines.append(f"| {method.upper()} | `{path}` | {operation['summary']} |")
    return "\n".join(lines) + "\n"


def between(text: str, name: str, table: str) -> str:
    """Put a table between the marks of that name. Raises ValueError where they are missing."""
    begin, end = f"<!-- {name}: written by python -m docs.generate -->\n", f"<!-- end of {name} -->\n"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the marks of '{name}' are missing")
    return f"{head}{begin}\n{table}\n{end}{tail}"


def documents() -> Iterator[tuple[Path, str]]:
    """Every file that is written here in whole or in part, with the text it should have."""
    yield ROOT / "docs" / "state-machine.md", state_machine()
    yield ROOT / "docs" / "keys.md", keys()
    yield ROOT / "docs" / "trigger-rules.md", trigger_rules()
    yield ROOT / "sdk" / "src" / "headrace" / "built_in.py", handler_methods.module()
    yield ROOT / "docs" / "openapi.json", json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n"
    for page, table in (("configuration", settings_table), ("commands", commands), ("routes", routes_table)):
        path = ROOT / "docs" / f"{page}.md"
        yield path, between(path.read_text(encoding="utf-8"), page, table())


def _diagram(rows: list[Row]) -> Iterator[str]:
    verbs: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for source in row.sources or ("[*]",):
            verbs.setdefault((source, row.target), []).append(row.verb)
    left = {source for source, _ in verbs}
    yield "```mermaid"
    yield "stateDiagram-v2"
    if "[*]" not in left:
        yield "    [*] --> PENDING"
    for (source, target), names in verbs.items():
        yield f"    {source} --> {target}: {', '.join(names)}"
    yield "```"


def _verbs(rows: list[Row]) -> Iterator[str]:
    purposes = {name: lua_header(text).purpose for name, text in library.sources().items()}
    yield "| verb | from | to | event | what the verb does |"
    yield "| --- | --- | --- | --- | --- |"
    told: set[str] = set()
    for row in rows:
        verb = f"*{row.verb}*" if row.is_internal else f"`{row.verb}`"
        purpose = purposes.get(row.verb, "part of settling what another verb did").rstrip(".")
        sources = ", ".join(row.sources) or "–"
        what = "″" if row.verb in told else purpose
        yield f"| {verb} | {sources} | {row.target} | `{row.event}` | {what} |"
        told.add(row.verb)


def _words(words: type[Reason] | type[WaitingOn] | type[Cancelling]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _shown(default: object) -> str:
    if default is None or default in ("", {}):
        return "–"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{default}`"


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def main() -> None:
    for path, text in documents():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
