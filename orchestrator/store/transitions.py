"""Every change of state, one method each; nothing else changes the state of an execution or a node.

A verb gives a `Call` of the script of its name. Awaiting it sends it alone; a worker sends several together
with `call_all`, and those of attempts that end with `end_all`. Every script may be sent twice with the same
arguments and then answers the same, so a call whose reply was lost is sent again.

Beside the scripts only consumer groups are made, by the task reader, and what no engine wrote is taken out
where it would stop a loop: foreign members of the sets of timers and leases by `Store`, foreign entries of
task streams by the task reader.

A verb that may fail a node takes a `taker`: the successor that takes over by the node's catch, see `taker_of`
in definitions/branches.py, or "". No script matches the patterns of a catch: it only looks whether the node's
catch names that successor at all.
"""

# long: the closed list of verbs, on one screen

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, TypeVar

import orjson
from redis.exceptions import OutOfMemoryError

from headrace.durable import MAX_EVENTS
from orchestrator.definitions.budgets import NO_CAPS, Caps, Usage
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.retention import Retention
from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.definitions.webhooks import Kind, WebhookRecord, hook_name
from orchestrator.documents.signatures import Refusal
from orchestrator.errors import StoreFull
from orchestrator.execution.model import Awaiting
from orchestrator.states import Reason, WaitingOn
from orchestrator.store.durability import Durability
from orchestrator.store.fork_layout import Reuse
from orchestrator.store.layout import Slice
from orchestrator.store.parts import parts_of
from orchestrator.store.replies import (
    REPLY_BYTES,
    Claim,
    EndReply,
    read_claim,
    read_end_reply,
    read_text,
    read_word_more,
    read_words,
)
from orchestrator.store.requests import (
    NO_CLAIMS,
    AttemptToken,
    Child,
    ClaimRequest,
    Decision,
    Delivered,
    HookChange,
    Idempotency,
    KeyClaim,
    NewApiKey,
    NewSchedule,
    OperatorNote,
    Registration,
    Slot,
    Word,
    digest_of,
    wait_arguments,
)
from orchestrator.store.schedules import read_schedule_record
from orchestrator.store.script_client import Argument, Call, ScriptClient, refused, size_of
from orchestrator.store.webhooks import read_hook
from orchestrator.store.workflows import read_record

R = TypeVar("R")

#: Nodes of a retry that its event names.
MOST_NAMED = 1_000

#: Leases a unit may lose before it counts as poison.
MAX_INFRA_ATTEMPTS = 5
#: How long a task is handed from worker to worker while none offers its handler.
HANDLER_PATIENCE_MS = 300_000
#: Log and progress lines kept for one execution.
MAX_LINES = 20_000
#: Pieces of streamed text kept for one execution, about 250 characters each.
MAX_TOKENS = 50_000
#: Bytes of one journal, and letters of one unit that wait.
MAX_JOURNAL_BYTES = 32 * 1024 * 1024
MAX_LETTERS = 1_000
#: Ends made in one call, and bytes of their arguments: with more, the calls of others would wait too long.
TOGETHER, TOGETHER_BYTES = 16, 512 * 1024


class Transitions(ScriptClient):
    """The verbs of the engine, in the order in which an execution meets them."""

    #: Set where what is accepted must be on disk before it is answered.
    durability: Durability | None = None

    # Submission

    def stage_layout(
        self, tenant: str, digest: str, part: Sequence[Argument], *, count: int = 0, is_rebuilt: bool = False
    ) -> Call[str]:
        """Write a part of a static layout that is too large to come with an execution. Replies ok, lost.

        part        fields and values in turn.
        count       of all its fields, with the last part; 0 before.
        is_rebuilt  it was lost, and is not what its digest stands for.
        """
        key = self.keys.layout(tenant, digest)
        word = "rebuilt" if is_rebuilt else "1"
        return Call(self, "stage_layout", (key,), ("", tenant, digest, count, word, *part), read_text)

    def drop_layout(self, tenant: str, digest: str, *, age_ms: int) -> Call[str]:
        """Remove a static layout that no execution has pointed to for so long. Replies ok, kept."""
        key = self.keys.layout(tenant, digest)
        return Call(self, "drop_layout", (key,), ("", tenant, digest, age_ms), read_text)

    def stage_execution(self, execution_id: str, part: Slice, *, tenant: str = "default") -> Call[str]:
        """Store one slice of a large submission; nothing is visible before `create_execution`.

        Replies ok; layout_needed where its static layout is not there, and the slice does not bring it.
        """
        return self._call("stage_execution", execution_id, (tenant, *part.arguments()), read_text)

    def reuse_nodes(self, execution_id: str, source_id: str, part: Reuse) -> Call[list[Any]]:
        """End nodes of a staged fork as in its source, outputs copied. Replies [word, nodes done]."""
        return self._call("reuse_nodes", execution_id, (source_id, *part.arguments()), read_words)

    def purge_staging(self, execution_id: str, *, age_ms: int) -> Call[tuple[str, bool]]:
        """Give up a submission that was staged and abandoned; `purge_keys` then removes it."""
        return self._call("purge_staging", execution_id, (age_ms,), read_word_more)

    def create_execution(
        self,
        execution_id: str,
        definition: bytes,
        last: Slice,
        *,
        tenant: str = "default",
        idempotency: Idempotency | None = None,
        key: KeyClaim | None = None,
        workflow: WorkflowRecord | None = None,
        is_started: bool = False,
        extra: tuple[Argument, ...] = (),
    ) -> Call[list[Any]]:
        """Make a submission visible and, with is_started, start it. Replies [word, execution id, more, …].

        last      brings its static layout, or names it where that should be there.
        workflow  must be as this record says, or nothing is made.
        extra     runtime fields and values in turn; they beat those of the layout.
        """
        request = (idempotency.key, idempotency.digest) if idempotency else ("", "")
        claim = (key.digest, key.policy) if key else ("", "")
        state: tuple[Argument, ...] = (workflow.workflow_id, workflow.revision) if workflow else ("", "")
        head = (definition, tenant, *request, "1" if is_started else "0", *claim, *state)
        return self._call("create_execution", execution_id, (*head, *last.arguments(), *extra), read_words)

    # An execution as a whole

    def start_execution(
        self, execution_id: str, inputs: bytes | str = "", trigger: bytes | str = ""
    ) -> Call[list[Any]]:
        """Start an execution once and queue its roots. Replies [word, status, more].

        inputs, trigger  JSON with sorted keys; "" keeps what the submission gave.
        """
        return self._call("start_execution", execution_id, (inputs, trigger), read_words)

    def cancel_execution(
        self, execution_id: str, *, reason: str, grace_ms: int, request_id: str
    ) -> Call[list[Any]]:
        """Cancel what has not started; what runs has grace_ms to end. Replies [word, status, more]."""
        return self._call("cancel_execution", execution_id, (reason, grace_ms, request_id), read_words)

    def enforce_cancel(self, execution_id: str, generation: str) -> Call[tuple[str, bool]]:
        """Fence what still runs once the grace of a cancel is over."""
        return self._call("enforce_cancel", execution_id, (generation,), read_word_more)

    def time_out_execution(self, execution_id: str, generation: str, error: bytes) -> Call[tuple[str, bool]]:
        """Fail an execution whose deadline has passed."""
        return self._call("time_out_execution", execution_id, (generation, error), read_word_more)

    def retry_execution(
        self,
        execution_id: str,
        *,
        generation: int,
        position: int,
        nodes: Sequence[str] | None,
        items: Sequence[str],
        wanted_by: str = "",
        choice: str = "all",
        failed: int = 0,
    ) -> Call[list[Any]]:
        """Save one slice of the turns of a retry; the last one starts it. Replies [word, status, more].

        position   of the slice among all turns.
        nodes      what runs again; None for every slice but the last. The event names up to MOST_NAMED.
        wanted_by  `EXECUTION UNIT ATTEMPT` that waits for it; refused once that attempt is to end.
        choice     tells turns of this retry from those of another one; no spaces.
        failed     critical nodes that stay FAILED or CANCELLED.
        """
        count = "" if nodes is None else len(nodes)
        named = b"null" if nodes is None or len(nodes) > MOST_NAMED else orjson.dumps(list(nodes))
        arguments = (generation, position, count, wanted_by, choice, failed, named, *items)
        return self._call("retry_execution", execution_id, arguments, read_words)

    def continue_execution(self, execution_id: str) -> Call[tuple[str, bool]]:
        """Settle the next saved turns of an execution."""
        return self._call("continue_execution", execution_id, (), read_word_more)

    def repair_execution(
        self, execution_id: str, *, seq: int, repairs: Sequence[str]
    ) -> Call[tuple[str, bool]]:
        """Carry out a plan's repairs, unless the history has grown since event `seq`."""
        return self._call("repair_execution", execution_id, (seq, *repairs), read_word_more)

    def purge_execution(self, execution_id: str, *, call_id: str) -> Call[list[Any]]:
        """Hide an ended execution from every look-up and list; `purge_keys` then removes it.

        Replies [word, text], see the script.
        """
        return self._call("purge_execution", execution_id, (call_id,), read_words)

    def purge_keys(self, execution_id: str) -> Call[tuple[str, bool]]:
        """Remove a part of what is left of an execution that was hidden, and of its children."""
        return self._call("purge_keys", execution_id, (), read_word_more)

    def fold_execution(self, execution_id: str) -> Call[tuple[str, bool]]:
        """Add an execution that has ended to the statistics of its day, a part in a call."""
        return self._call("fold_execution", execution_id, (), read_word_more)

    def expire_execution(self, execution_id: str, kept: Retention, *, call_id: str) -> Call[list[Any]]:
        """Hide an execution whose retention is over; `purge_keys` then removes it.

        Replies [word, due]: ok; later, look at it again at due, Redis ms; kept, nothing purges it now.
        """
        return self._call("expire_execution", execution_id, (call_id, *kept.words().split()), read_words)

    def apply_retention(self, kept: Retention) -> Call[str]:
        """Record that all that waits for its purge has been looked at with this retention."""
        key = self.keys.shared("retention")
        return Call(self, "apply_retention", (key,), ("", *kept.words().split()), read_text)

    # A node, before it runs

    def claim_node(
        self,
        token: AttemptToken,
        *,
        message_id: str,
        queue: str,
        worker_id: str,
        lease_ms: int,
        most_bytes: int = REPLY_BYTES,
    ) -> Call[Claim | str]:
        """Claim one delivered task. Replies the claim, or a word: busy, stale, gone, cancelling, held.

        most_bytes  what the reply may bring; what has no room in it is left unread.
        """
        arguments = (*token.arguments(), message_id, queue, worker_id, lease_ms, most_bytes)
        return self._call("claim_node", token.execution_id, arguments, read_claim)

    def hand_back_node(
        self,
        execution_id: str,
        node_id: str,
        attempt: int,
        *,
        message_id: str,
        queue: str,
        is_offered: bool,
        error: bytes,
        patience_ms: int = HANDLER_PATIENCE_MS,
        taker: str = "",
    ) -> Call[str]:
        """Requeue, uncharged and after a while, a task whose handler this worker does not offer.

        is_offered   another worker offers it: patience_ms counts from now.
        patience_ms  how long no worker may offer it before the node fails with `error`.
        """
        offered = "1" if is_offered else "0"
        arguments = (node_id, attempt, message_id, queue, offered, patience_ms, error, taker)
        return self._call("hand_back_node", execution_id, arguments, read_text)

    # A node whose timer fires or whose lease runs out

    def wake_node(
        self, execution_id: str, node_id: str, attempt: int, on: WaitingOn | str, *, taker: str = ""
    ) -> Call[tuple[str, bool]]:
        """Fire the timer of a waiting node: it completes, fails or is queued again."""
        return self._call("wake_node", execution_id, (node_id, attempt, str(on), taker), read_word_more)

    def time_out_node(
        self,
        execution_id: str,
        node_id: str,
        attempt: int,
        kind: str,
        *,
        error: bytes,
        delay_ms: int | None,
        is_dead: bool = False,
        counts: Sequence[int] = (),
        taker: str = "",
        late_taker: str = "",
    ) -> Call[tuple[str, bool]]:
        """End an attempt that ran too long, or a task that no worker took in time.

        delay_ms    until it is tried again; None fails it.
        late_taker  who takes over if the retry would come after the schedule_to_close_timeout.
        """
        delay = "" if delay_ms is None else delay_ms
        counted = " ".join(map(str, counts))
        takers = (taker, late_taker)
        arguments = (node_id, attempt, kind, error, delay, "1" if is_dead else "0", counted, *takers)
        return self._call("time_out_node", execution_id, arguments, read_word_more)

    def expire_node(
        self, execution_id: str, node_id: str, generation: str, *, taker: str = ""
    ) -> Call[tuple[str, bool]]:
        """Fail a unit that has not ended within its schedule_to_close_timeout."""
        return self._call("expire_node", execution_id, (node_id, generation, taker), read_word_more)

    def reap_node(
        self,
        execution_id: str,
        node_id: str,
        attempt: int,
        *,
        lost: bytes,
        poison: bytes,
        taker: str = "",
        nonce: str = "",
    ) -> Call[tuple[str, bool]]:
        """Fence an attempt whose lease has expired: it is tried again, or fails as poison.

        nonce  of the attempt, where its own worker gives it up before that.
        """
        arguments = (node_id, attempt, MAX_INFRA_ATTEMPTS, lost, poison, taker, nonce)
        return self._call("reap_node", execution_id, arguments, read_word_more)

    # A running attempt; every verb that ends one may claim further tasks in the same call

    def complete_node(
        self,
        token: AttemptToken,
        output: bytes,
        *,
        not_taken: Sequence[str] = (),
        reported: int = 0,
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Store the output and queue what became ready.

        reported  number of the last typed event of the attempt: where it is not in the history, the reply is
                  `unreported`. 0: none is waited for.
        """
        after = (reported,) if reported else ()
        return self._end("complete_node", token, claiming, output, " ".join(not_taken), *after)

    def fail_node(
        self,
        token: AttemptToken,
        error: bytes,
        *,
        reason: Reason,
        is_dead: bool,
        taker: str = "",
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Fail a node that is not tried again.

        is_dead  its tries are used up: it is listed among the dead nodes.
        """
        return self._end("fail_node", token, claiming, error, str(reason), "1" if is_dead else "0", taker)

    def retry_node(
        self,
        token: AttemptToken,
        error: bytes,
        *,
        delay_ms: int,
        counts: Sequence[int] = (),
        late_taker: str = "",
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Park a failed attempt until its back-off ends.

        counts      tries that each retry rule has counted.
        late_taker  who takes over if the retry would come after the schedule_to_close_timeout.
        """
        counted = " ".join(map(str, counts))
        return self._end("retry_node", token, claiming, error, delay_ms, counted, late_taker)

    def skip_node(
        self, token: AttemptToken, *, reason: Reason, data: bytes, claiming: ClaimRequest | None = None
    ) -> Call[EndReply]:
        """Skip a node: `when` was false, or its handler asked for it."""
        return self._end("skip_node", token, claiming, str(reason), data)

    def wait_node(
        self,
        token: AttemptToken,
        *,
        on: WaitingOn,
        delay_ms: int | None,
        until_ms: int | None,
        output: bytes,
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Park a node until a timer fires; `output` is its output then."""
        delay: Argument = "" if delay_ms is None else delay_ms
        return self._end("wait_node", token, claiming, str(on), delay, until_ms or 0, output)

    def stage_items(self, token: AttemptToken, first: int, items: Sequence[bytes]) -> Call[str]:
        """Write items of a map, JSON each, before `map_node`: 1,000 at most, from index `first` on."""
        return self._call("stage_items", token.execution_id, (*token.arguments(), first, *items), read_text)

    def map_node(
        self,
        token: AttemptToken,
        items: Sequence[bytes],
        *,
        tolerated: int,
        stops: bool,
        keeps: bool = False,
        staged: int = 0,
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Park a mapped node until its items have ended.

        items      JSON each; those after the ones that were staged.
        tolerated  how many may fail; stops: beyond them no further item is started.
        keeps      the items of an earlier generation are kept, and only what did not complete runs.
        """
        head = (tolerated, "1" if stops else "0", "1" if keeps else "0", staged)
        return self._end("map_node", token, claiming, *head, *items)

    def release_node(
        self, token: AttemptToken, claiming: ClaimRequest | None = None, *, cause: str = "drain"
    ) -> Call[EndReply]:
        """Requeue a running attempt, uncharged: its worker shuts down, or ("host") lost its process."""
        return self._end("release_node", token, claiming, cause)

    def cancel_node(self, token: AttemptToken, claiming: ClaimRequest | None = None) -> Call[EndReply]:
        """End an attempt whose handler stopped for a cancel; replies `uncalled` where there is none."""
        return self._end("cancel_node", token, claiming)

    def report_events(
        self,
        token: AttemptToken,
        lines: Sequence[tuple[int, str, bytes]],
        *,
        allowed: int = MAX_LINES,
        tokens_allowed: int = MAX_TOKENS,
        events_allowed: int = MAX_EVENTS,
    ) -> Call[str]:
        """Append what a handler says to the history: (number within the attempt, event type, JSON).

        Replies ok, fenced, full (no more lines are kept), exceeded (a typed event is one too many).
        """
        flat: list[Argument] = [allowed, tokens_allowed, events_allowed]
        for line in lines:
            flat.extend(line)
        return self._call("report_events", token.execution_id, (*token.arguments(), *flat), read_text)

    # Durable handlers

    def append_journal(
        self,
        token: AttemptToken,
        number: int,
        data: bytes,
        *,
        takes: int | None = None,
        events: Sequence[bytes] = (),
        allowed_bytes: int = MAX_JOURNAL_BYTES,
        events_allowed: int = MAX_EVENTS,
    ) -> Call[list[Any]]:
        """Append entry `number` to the journal of a unit, with the letter it takes and its typed events.

        All of it is written, or none; an entry that is there already is left. Replies [word, number]: ok,
        fenced, gap, full, letter, exceeded.
        """
        letter: Argument = "" if takes is None else takes
        arguments = (*token.arguments(), number, data, letter, allowed_bytes, events_allowed, *events)
        return self._call("append_journal", token.execution_id, arguments, read_words)

    def snapshot_journal(self, token: AttemptToken, through: int, data: bytes) -> Call[tuple[str, bool]]:
        """Put a snapshot in place of the entries of a journal up to `through`. Words: ok, fenced, gap.

        More: the same call goes on removing entries.
        """
        arguments = (*token.arguments(), through, data)
        return self._call("snapshot_journal", token.execution_id, arguments, read_word_more)

    def await_letter(
        self,
        token: AttemptToken,
        *,
        until_ms: int | None,
        waits_for: bytes,
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Park a unit until a letter comes or until that moment; it is queued at once where one is there.

        waits_for  list of texts, JSON, for people.
        """
        until: Argument = "" if until_ms is None else until_ms
        return self._end("await_letter", token, claiming, until, waits_for)

    def post_letter(
        self,
        execution_id: str,
        unit: str,
        payload: bytes,
        *,
        idempotency: Idempotency,
        allowed: int = MAX_LETTERS,
    ) -> Call[list[Any]]:
        """Append a letter to the inbox of a unit, and queue the unit if it waits for one.

        Replies [word, status, number of the letter, more].
        """
        arguments = (unit, payload, *idempotency.arguments(), allowed)
        return self._call("post_letter", execution_id, arguments, read_words)

    # Liveness

    def renew_leases(
        self, tokens: Sequence[AttemptToken], *, lease_ms: int, beats: Sequence[bytes] = ()
    ) -> Call[list[str]]:
        """Renew the leases of running attempts. Replies a word for each: ok, cancel, lost.

        beats  details of each one's last heartbeat, JSON, for a later attempt; b"" leaves those there are.
        """
        flat: list[Argument] = [lease_ms]
        for token, beat in zip_longest(tokens, beats, fillvalue=b""):
            assert isinstance(token, AttemptToken)
            flat.extend((token.execution_id, *token.arguments(), beat))
        return Call(self, "renew_leases", (self.keys.shared("leases"),), ("", *flat), read_words)

    def stamp_tick(
        self, *, lease_ms: int, only_if_older_than_ms: int | None = None, is_stand_in: bool = False
    ) -> Call[list[int]]:
        """Record that timers and leases are looked at. Replies [now, no expiry before, stamped].

        is_stand_in  by a worker, because no orchestrator does.
        """
        age: Argument = "" if only_if_older_than_ms is None else only_if_older_than_ms
        arguments = ("", lease_ms, age, int(not is_stand_in))
        return Call(self, "stamp_tick", (self.keys.shared("tick"),), arguments, list)

    def announce_worker(
        self, worker_id: str, queues: Sequence[str], fields: Sequence[Argument] = (), *, made: int = 0
    ) -> Call[list[int]]:
        """Keep a worker in the list of live workers, or take it out where it has no fields.

        made  when they were looked up, by a clock of the worker: older ones replace no newer ones.
        Replies how many live workers read each of its queues, in their order.
        """
        arguments = ("", worker_id, " ".join(queues), made, *fields)
        return Call(self, "announce_worker", (self.keys.worker(worker_id),), arguments, list)

    def publish_handlers(self, digest: str, cards: bytes) -> Call[str]:
        """Keep the cards of handlers, JSON, under their digest for an hour."""
        return Call(
            self, "publish_handlers", (self.keys.key("cards", digest=digest),), ("", cards), read_text
        )

    def forget_consumers(self, queue: str, *, idle_ms: int) -> Call[str]:
        """Remove idle consumers without pending tasks from a queue's group."""
        return Call(self, "forget_consumers", (self.keys.tasks(queue),), ("", idle_ms), read_text)

    # Tenants and their keys

    def create_tenant(
        self, tenant: str, title: str, *, call_id: str, idempotency: Idempotency | None = None
    ) -> Call[list[Any]]:
        """Register a tenant. Replies [word, tenant]: ok, replayed, conflict, taken."""
        request = (idempotency.key, idempotency.digest) if idempotency else ("", "")
        key = self.keys.key("tenant", tenant=tenant)
        return Call(self, "create_tenant", (key,), ("", tenant, title, call_id, *request), read_words)

    def change_tenant(self, tenant: str, fields: Mapping[str, str], *, call_id: str) -> Call[str]:
        """Change the title of a tenant, or is_active: `1` or `0`. Replies ok, unknown."""
        arguments = [word for pair in fields.items() for word in pair]
        key = self.keys.key("tenant", tenant=tenant)
        return Call(self, "change_tenant", (key,), ("", call_id, *arguments), read_text)

    def create_api_key(
        self, tenant: str, key: NewApiKey, *, idempotency: Idempotency | None = None
    ) -> Call[list[Any]]:
        """Make an API key. Replies [word, key id, salt, created ms].

        Words: ok; replayed, the request made the key named before; conflict, unknown (tenant), gone (the key
        it replaces), full.
        """
        request = (idempotency.key, idempotency.digest) if idempotency else ("", "")
        arguments = ("", tenant, *key.arguments(), *request, key.salt)
        return Call(self, "create_api_key", (self.keys.api_key(key.key_id),), arguments, read_words)

    def revoke_api_key(self, tenant: str, key_id: str) -> Call[str]:
        """Revoke an API key. Replies ok, unknown."""
        return Call(self, "revoke_api_key", (self.keys.api_key(key_id),), ("", tenant, key_id), read_text)

    def use_api_key(self, key_id: str, minute_ms: int) -> Call[str]:
        """Take note of the minute in which an API key was used. Replies ok, unknown."""
        return Call(self, "use_api_key", (self.keys.api_key(key_id),), ("", minute_ms), read_text)

    def open_session(self, digest: str, stands_for: str, *, lasts_ms: int) -> Call[str]:
        """Open a browser's session, named by the digest of its cookie."""
        return Call(self, "open_session", (self.keys.session(digest),), ("", stands_for, lasts_ms), read_text)

    def close_session(self, digest: str) -> Call[str]:
        """Close a browser's session. Replies ok, unknown."""
        return Call(self, "close_session", (self.keys.session(digest),), ("",), read_text)

    # Operators

    def pause_execution(
        self, execution_id: str, *, by: bytes, reason: bytes, request: str
    ) -> Call[list[Any]]:
        """Pause an execution: nothing more is started. by, reason: JSON. Replies [word, status]."""
        return self._call("pause_execution", execution_id, (by, reason, request), read_words)

    def resume_execution(
        self, execution_id: str, *, by: bytes, reason: bytes, request: str, budget: Caps = NO_CAPS
    ) -> Call[list[Any]]:
        """Resume a paused execution: what was held goes on, in order. Replies [word, status, more].

        budget  limits of its calls to paid services from now on; None leaves a limit as it was.
        """
        shown = b"" if budget == NO_CAPS else orjson.dumps(budget.to_dict())
        arguments: tuple[Argument, ...] = (by, reason, request, *budget.words().split(), shown)
        return self._call("resume_execution", execution_id, arguments, read_words)

    def override_node(
        self,
        execution_id: str,
        unit: str,
        word: Word,
        payload: bytes,
        *,
        note: OperatorNote,
        idempotency: Idempotency,
        not_taken: tuple[str, ...] = (),
        taker: str = "",
    ) -> Call[list[Any]]:
        """Complete, fail or skip a unit by hand; payload: output or error, JSON.

        Replies [word, status, attempt, more].
        """
        arguments = (unit, *note.arguments(idempotency), word, payload, " ".join(not_taken), taker)
        return self._call("override_node", execution_id, arguments, read_words)

    def retry_node_now(
        self, execution_id: str, unit: str, *, note: OperatorNote, idempotency: Idempotency
    ) -> Call[list[Any]]:
        """End the wait of a unit now. Replies [word, status, attempt, more]."""
        arguments = (unit, *note.arguments(idempotency))
        return self._call("retry_node_now", execution_id, arguments, read_words)

    # Signals and approvals

    def await_node(
        self,
        token: AttemptToken,
        wait: Awaiting,
        *,
        crowded_taker: str = "",
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Park a node until its signal or approval comes; a signal kept for it is handed over at once.

        crowded_taker  who takes over if too many nodes wait for that name.
        """
        return self._end("await_node", token, claiming, *wait_arguments(wait, token.attempt), crowded_taker)

    def signal_execution(
        self, execution_id: str, name: str, payload: bytes, *, idempotency: Idempotency, waiting: bytes
    ) -> Call[list[Any]]:
        """Deliver a signal to the nodes that wait for it, or keep it for one that comes later.

        waiting  who waits for it, as read when the payload was checked.
        Replies [word, status, nodes it was given to, more].
        """
        arguments = (name, payload, *idempotency.arguments(), waiting)
        return self._call("signal_execution", execution_id, arguments, read_words)

    def decide_approval(
        self,
        execution_id: str,
        node_id: str,
        *,
        shown: str,
        decision: Decision,
        by: bytes,
        voter: str,
        form: bytes,
        idempotency: Idempotency,
    ) -> Call[list[Any]]:
        """Record one person's decision on an approval. by, form: JSON; voter: hex digest of `by`.

        Replies [word, replayed, text, approvals so far, more].
        """
        arguments = (node_id, shown, decision, by, voter, form, *idempotency.arguments())
        return self._call("decide_approval", execution_id, arguments, read_words)

    # Children

    def start_child(
        self,
        token: AttemptToken,
        child: Child,
        *,
        deep_taker: str = "",
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Create and start the child of a unit and park the unit, unless it does not wait for its child.

        deep_taker  who takes over if the child would be one level too deep.
        """
        own: tuple[Argument, ...] = (
            child.execution_id, child.most_levels, child.too_deep, deep_taker, child.output, child.definition,
            *child.last.arguments(), *child.extra,
        )  # fmt: skip
        return self._end("start_child", token, claiming, *own)

    def await_child(
        self,
        token: AttemptToken,
        child_id: str,
        *,
        looks_again: bool,
        claiming: ClaimRequest | None = None,
    ) -> Call[EndReply]:
        """Park a unit until the child it has ends.

        looks_again  the child is being cancelled and goes on afterwards: its next end is not the one
                     waited for.
        """
        return self._end("await_child", token, claiming, child_id, "1" if looks_again else "0")

    # Budgets of paid calls

    def reserve_budget(
        self, token: AttemptToken, *, number: int, tokens: int, nanos: int | None, tenant: Caps
    ) -> Call[list[Any]]:
        """Reserve the most that a paid call can use. Replies [word, …], see the script."""
        wanted: tuple[Argument, ...] = (number, tokens, "" if nanos is None else nanos)
        caps: tuple[Argument, ...] = tuple(
            "" if cap is None else cap for cap in (tenant.tokens, tenant.nanos)
        )
        arguments = (*token.arguments(), *wanted, *caps)
        return self._call("reserve_budget", token.execution_id, arguments, read_words)

    def settle_budget(
        self, token: AttemptToken, *, number: int, held: tuple[int, int | None, str], used: Usage | None
    ) -> Call[str]:
        """Replace the reservation of a paid call by what it has used.

        held  tokens and nanos reserved (None: the price is not known), and the day that was.
        used  None counts the whole reservation: the end of the call was not seen.
        """
        tokens, nanos, day = held
        counts: tuple[Argument, ...] = ("lost",)
        if used is not None:
            cost: Argument = "" if used.unpriced_calls else used.cost_nanos
            counts = (used.calls, used.input, used.output, used.cache_read, used.cache_write, cost)
        kept: tuple[Argument, ...] = (tokens, "" if nanos is None else nanos, day)
        arguments = (token.node_id, token.attempt, number, *kept, *counts)
        return self._call("settle_budget", token.execution_id, arguments, read_text)

    # Deliveries of messages about ends

    def claim_delivery(
        self, delivery_id: str, *, claim_id: str, lease_ms: int, content: bytes
    ) -> Call[list[Any]]:
        """Claim a delivery that is due for one attempt. Replies [word, what is sent, tries].

        claim_id  new for every attempt.
        content   what is sent, unless an earlier claim has fixed that.
        """
        return self._delivery("claim_delivery", delivery_id, (claim_id, lease_ms, content), read_words)

    def record_delivery(
        self, delivery_id: str, *, claim_id: str, state: str, delay_ms: int, attempt: bytes
    ) -> Call[str]:
        """Record an attempt of a delivery, JSON, and what it brings the delivery to. Replies ok, stale.

        delay_ms  until the next attempt of one that is `pending`.
        """
        arguments = (claim_id, state, delay_ms, attempt)
        return self._delivery("record_delivery", delivery_id, arguments, read_text)

    def resend_delivery(self, delivery_id: str, *, tenant: str, call_id: str) -> Call[str]:
        """Make a delivery due now, whatever became of it; its rhythm begins again. Replies ok, unknown."""
        return self._delivery("resend_delivery", delivery_id, (tenant, call_id), read_text)

    # The registry of workflows

    def register_workflow(self, wanted: Registration) -> Call[tuple[str, WorkflowRecord | None]]:
        """Register a workflow, or change one: record, version, name and place in the list together.

        Replies the word, see the script, and the record it speaks of.
        """
        key = self.keys.key("registered", tenant=wanted.tenant, workflow_id=wanted.workflow_id)

        def read(reply: list[Any]) -> tuple[str, WorkflowRecord | None]:
            return reply[0].decode(), read_record(wanted.tenant, reply[1])

        return Call(self, "register_workflow", (key,), wanted.arguments(), read)

    def remove_workflow(self, tenant: str, workflow_id: str, *, revision: int | None = None) -> Call[str]:
        """Remove a workflow with its versions; executions of it go on. revision: None for any."""
        key = self.keys.key("registered", tenant=tenant, workflow_id=workflow_id)
        arguments: tuple[Argument, ...] = (workflow_id, tenant, "" if revision is None else revision)
        return Call(self, "remove_workflow", (key,), arguments, read_text)

    # Schedules

    def put_schedule(
        self,
        tenant: str,
        workflow_id: str,
        wanted: NewSchedule,
        *,
        call_id: str,
        revision: int | None = None,
        idempotency: Idempotency | None = None,
    ) -> Call[tuple[str, ScheduleRecord | None]]:
        """Add a schedule to a workflow, or change its rule; revision: the one to change, None for a new one.

        Replies the word, see the script, and the record it speaks of.
        """
        request = (idempotency.key, idempotency.digest) if idempotency else ("", "")
        known: Argument = "" if revision is None else revision
        head = (wanted.schedule_id, tenant, workflow_id, wanted.name, wanted.other_name, known, *request)

        def read(reply: list[Any]) -> tuple[str, ScheduleRecord | None]:
            return reply[0].decode(), read_schedule_record(tenant, reply[1])

        key = self._schedule(tenant, wanted.schedule_id)
        return Call(self, "put_schedule", (key,), (*head, call_id, *wanted.words()), read)

    def remove_schedule(self, tenant: str, schedule_id: str, *, revision: int | None = None) -> Call[str]:
        """Remove a schedule; what it has started goes on. revision: None for any."""
        arguments: tuple[Argument, ...] = (schedule_id, tenant, "" if revision is None else revision)
        return Call(self, "remove_schedule", (self._schedule(tenant, schedule_id),), arguments, read_text)

    def pause_schedule(
        self,
        tenant: str,
        schedule_id: str,
        *,
        turn: int,
        call_id: str,
        is_paused: bool,
        by: str = "",
        reason: str = "",
        next_ms: int | None = None,
        due_ms: int | None = None,
    ) -> Call[str]:
        """Pause a schedule, or let it go on with a slot."""
        flag = "1" if is_paused else "0"
        then = ("" if next_ms is None else next_ms, "" if due_ms is None else due_ms)
        arguments: tuple[Argument, ...] = (schedule_id, tenant, turn, call_id, flag, by, reason, *then)
        return Call(self, "pause_schedule", (self._schedule(tenant, schedule_id),), arguments, read_text)

    def fire_schedule(
        self,
        execution_id: str,
        slot: Slot,
        definition: bytes,
        last: Slice,
        *,
        workflow_revision: int,
        extra: Sequence[Argument] = (),
    ) -> Call[list[Any]]:
        """Start the execution of a slot, unless it gives way. Replies [word, execution id, more]."""
        named = (
            slot.tenant,
            slot.schedule_id,
            slot.turn,
            slot.slot_ms,
            slot.kind,
            *slot.after(),
            slot.missed,
        )
        arguments = (*named, workflow_revision, definition, *last.arguments(), *extra)
        return self._call("fire_schedule", execution_id, arguments, read_words)

    def tend_schedule(
        self, slot: Slot, *, call_id: str, is_let_go: bool = False, error: str = ""
    ) -> Call[str]:
        """Let a slot go, or look at what a schedule has started.

        is_let_go  the slot of this kind, or of the kind `slot` all up to its next one.
        error      why no execution could be made for it.
        """
        kind = slot.kind if is_let_go else ""
        head = (slot.schedule_id, slot.tenant, slot.turn, call_id, kind, *slot.after(), slot.missed, error)
        return Call(self, "tend_schedule", (self._schedule(slot.tenant, slot.schedule_id),), head, read_text)

    def count_trigger(self, tenant: str, schedule_id: str, execution_id: str) -> Call[str]:
        """Count an execution of a schedule that was started by hand. Replies ok, unknown."""
        return Call(self, "count_trigger", (self._schedule(tenant, schedule_id),), (execution_id,), read_text)

    def backfill_schedule(
        self,
        tenant: str,
        schedule_id: str,
        *,
        call_id: str,
        first_ms: int | None,
        end_ms: int = 0,
        most: int = 0,
    ) -> Call[str]:
        """Have slots from first_ms to end_ms started, `most` at a time; None stops that."""
        first: Argument = "" if first_ms is None else first_ms
        arguments: tuple[Argument, ...] = (schedule_id, tenant, call_id, first, end_ms, most)
        return Call(self, "backfill_schedule", (self._schedule(tenant, schedule_id),), arguments, read_text)

    # Rates

    def take_rate(
        self, bucket: str, subject: str, *, most: int, window_ms: int, call_id: str
    ) -> Call[tuple[str, int, int, int]]:
        """Count a request against a rate.

        Replies ok or refused, how many are left, the time, and when the next window begins.
        """
        key = self.keys.key("rate", bucket=bucket, digest=digest_of(subject))

        def read(reply: list[Any]) -> tuple[str, int, int, int]:
            return reply[0].decode(), int(reply[1]), int(reply[2]), int(reply[3])

        return Call(self, "take_rate", (key,), ("", most, window_ms, call_id), read)

    # Webhooks

    def register_webhook(self, wanted: HookChange) -> Call[tuple[str, str, WebhookRecord | None]]:
        """Make a hook, or change one. Replies the word, the salt of its secret, and the record meant."""
        kind, _, path = wanted.name.partition(":")
        key = self.keys.key("hook", kind=kind, path=path)

        def read(reply: list[Any]) -> tuple[str, str, WebhookRecord | None]:
            return reply[0].decode(), reply[2].decode(), read_hook(reply[1].decode(), reply[3])

        return Call(self, "register_webhook", (key,), wanted.arguments(), read)

    def remove_webhook(self, kind: Kind, path: str, tenant: str, *, tag: str | None = None) -> Call[str]:
        """Remove a hook of a tenant. tag: None for any state. Replies ok, stale."""
        key = self.keys.key("hook", kind=kind, path=path)
        return Call(self, "remove_webhook", (key,), (hook_name(kind, path), tenant, tag or ""), read_text)

    def deliver_webhook(
        self,
        execution_id: str,
        definition: bytes,
        last: Slice,
        *,
        delivered: Delivered,
        extra: tuple[Argument, ...] = (),
    ) -> Call[list[Any]]:
        """Start an execution for a delivery, once for each delivery id. Replies [word, execution id, more].

        extra  as `create_execution` takes it.
        """
        arguments = (definition, *delivered.arguments(), *last.arguments(), *extra)
        return self._call("deliver_webhook", execution_id, arguments, read_words)

    def count_delivery(
        self, kind: Kind, path: str, result: str, *, call_id: str, reason: Refusal | None = None
    ) -> Call[str]:
        """Count a delivery that starts nothing: rejected, error, duplicate. Replies ok, unknown.

        reason  why it is rejected.
        """
        key = self.keys.key("hook", kind=kind, path=path)
        arguments = (hook_name(kind, path), result, call_id, reason or "")
        return Call(self, "count_delivery", (key,), arguments, read_text)

    # Without a script of their own

    async def drain_worklist(self, execution_id: str) -> None:
        """Settle saved turns until none is left."""
        more = True
        while more:
            _, more = await self.continue_execution(execution_id)

    def durable(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Write inside; where starts are durable it ends once that is on disk. Raises DurabilityUnknown."""
        return self.durability.kept() if self.durability else contextlib.nullcontext()

    async def probe(self) -> None:
        """Call a script and write a key, as a submission would. Raises StoreFull and STORE_FAULTS."""
        await self.continue_execution("none")
        try:
            await self._redis.set(self.keys.shared("probe"), 1, px=1000)
        except OutOfMemoryError as error:
            raise StoreFull from error

    async def drop_dead(self, tenant: str, entry_id: str) -> bool:
        """Remove one entry from a tenant's list of dead nodes; the node stays as it is."""
        return bool(await self._redis.xdel(self.keys.key("dead", tenant=tenant), entry_id))

    async def delete_namespace(self) -> None:
        """Delete every key under this engine's prefix, as a simulation does at its end.

        Raises ValueError for an engine without a prefix: its keys are those of the deployment.
        """
        if not self.keys.prefix:
            raise ValueError("these keys have no prefix; only a namespace of its own may be deleted")
        # By looking rather than by knowing: a key that some script begins to write must not be left behind.
        cursor = 0
        while True:
            cursor, keys = await self._redis.scan(cursor, match=f"{self.keys.prefix}*", count=5_000)
            if keys:
                await self._redis.unlink(*keys)
            if cursor == 0:
                return

    # Many calls as one

    def end_nodes(self, calls: Sequence[Call[Any]]) -> Call[list[Any]]:
        """Make calls of ending attempts as one, which writes once; the answer of each, or its fault.

        Only the last may claim tasks, and none may be large: the whole is sent again where no answer comes.
        """
        parts: list[Argument] = []
        for call in calls:
            parts += (self.library.function(call.name), len(call.arguments), *call.arguments)

        def read(replies: list[Any]) -> list[Any]:
            return [
                refused(call, reply) if isinstance(reply, Exception) else call.read(reply)
                for call, reply in zip(calls, replies, strict=True)
            ]

        return Call(self, "end_nodes", tuple(key for call in calls for key in call.keys), ("", *parts), read)

    async def end_all(self, calls: Sequence[Call[Any]]) -> list[Any]:
        """Make calls of ending attempts in one round trip; their answers in order, a fault in place of one.

        Raises StoreUnavailable when patience ends.
        """
        sizes = {place: size_of(call) for place, call in enumerate(calls)}
        groups = [[calls[i] for i in part] for part in parts_of(sizes, TOGETHER_BYTES, TOGETHER)]
        merged = [group[0] if len(group) == 1 else self.end_nodes(group) for group in groups]
        answers: list[Any] = []
        for group, answer in zip(groups, await self.call_all(merged, are_apart=True), strict=True):
            if len(group) > 1 and isinstance(answer, list):
                answers += answer
            else:
                answers += [answer] * len(group)
        return answers

    # How a verb becomes a call

    def _schedule(self, tenant: str, schedule_id: str) -> str:
        return self.keys.key("schedule", tenant=tenant, schedule_id=schedule_id)

    def _delivery(
        self, name: str, delivery_id: str, arguments: tuple[Argument, ...], read: Callable[[Any], R]
    ) -> Call[R]:
        key = self.keys.key("delivery", delivery_id=delivery_id)
        return Call(self, name, (key,), ("", delivery_id, *arguments), read)

    def _call(
        self, name: str, execution_id: str, arguments: tuple[Argument, ...], read: Callable[[Any], R]
    ) -> Call[R]:
        return Call(self, name, (self.keys.runtime(execution_id),), (execution_id, *arguments), read)

    def _end(
        self, name: str, token: AttemptToken, claiming: ClaimRequest | None, *own: Argument
    ) -> Call[EndReply]:
        claims = claiming.arguments() if claiming else NO_CLAIMS
        return self._call(name, token.execution_id, (*token.arguments(), *claims, *own), read_end_reply)
