"""Every change of state, one method each: the only writer of the engine's keys.

A method gives a `Call`. Awaiting it sends it alone; a worker sends several together with `together`. Every
script may be sent twice with the same arguments and then answers the same, so a lost reply is simply asked
for again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from redis.exceptions import OutOfMemoryError

from orchestrator.answer_verbs import AnswerVerbs
from orchestrator.budget_verbs import BudgetVerbs
from orchestrator.child_verbs import ChildVerbs
from orchestrator.courier import Argument, Call
from orchestrator.errors import StoreFull
from orchestrator.intervention_verbs import InterventionVerbs
from orchestrator.layout import Reuse, Slice
from orchestrator.limit_verbs import LimitVerbs
from orchestrator.replies import Claim, Ended, read_claim, read_text, read_word_more, read_words
from orchestrator.states import Reason, WaitingOn
from orchestrator.verbs import Holding, Take, held

__all__ = ["HANDLER_PATIENCE_MS", "MAX_INFRA_ATTEMPTS", "MAX_LINES", "Holding", "Take", "Transitions"]

#: Leases a unit may lose before it counts as poison.
MAX_INFRA_ATTEMPTS = 5
#: How long a task is handed from worker to worker when nobody offers its handler.
HANDLER_PATIENCE_MS = 300_000
#: Log and progress lines kept for one execution.
MAX_LINES = 20_000
#: Pieces of streamed text kept for one execution, about 250 characters each.
MAX_TOKENS = 50_000


class Transitions(AnswerVerbs, BudgetVerbs, ChildVerbs, InterventionVerbs, LimitVerbs):
    """The verbs of the engine."""

    # An execution as a whole

    def stage_execution(self, execution_id: str, part: Slice) -> Call[str]:
        """Write one slice of a large submission; it stays invisible until created."""
        return self._call("stage_execution", execution_id, part.arguments(), read_text)

    def reuse_nodes(self, execution_id: str, source_id: str, part: Reuse) -> Call[list[Any]]:
        """Mark nodes of a staged fork as ended in its source, outputs copied. Replies [word, nodes done]."""
        return self._call("reuse_nodes", execution_id, (source_id, *part.arguments()), read_words)

    def purge_staging(self, execution_id: str, *, age_ms: int) -> Call[tuple[str, bool]]:
        """Remove one slice of a submission that was abandoned."""
        return self._call("purge_staging", execution_id, (age_ms,), read_word_more)

    def create_execution(
        self,
        execution_id: str,
        definition: bytes,
        last: Slice,
        *,
        tenant: str = "default",
        idempotency_key: str = "",
        request_hash: str = "",
        is_started: bool = False,
        extra: tuple[Argument, ...] = (),
    ) -> Call[list[Any]]:
        """Make a submission visible and, if asked, start it. Replies [word, execution id, more]."""
        head = (definition, tenant, idempotency_key, request_hash, "1" if is_started else "0")
        return self._call("create_execution", execution_id, (*head, *last.arguments(), *extra), read_words)

    def start_execution(self, execution_id: str, inputs: bytes | str = "") -> Call[list[Any]]:
        """Start an execution once, its roots queued before the reply. Replies [word, status, more]."""
        return self._call("start_execution", execution_id, (inputs,), read_words)

    def cancel_execution(
        self, execution_id: str, *, reason: str, grace_ms: int, request_id: str
    ) -> Call[list[Any]]:
        """Cancel what has not started and give what runs a period of grace. Replies [word, status, more]."""
        return self._call("cancel_execution", execution_id, (reason, grace_ms, request_id), read_words)

    def enforce_cancel(self, execution_id: str, generation: str) -> Call[tuple[str, bool]]:
        """End the grace of a cancel: fence what still runs."""
        return self._call("enforce_cancel", execution_id, (generation,), read_word_more)

    def time_out_execution(self, execution_id: str, generation: str, error: bytes) -> Call[tuple[str, bool]]:
        """End an execution whose deadline has passed."""
        return self._call("time_out_execution", execution_id, (generation, error), read_word_more)

    def retry_execution(
        self,
        execution_id: str,
        *,
        generation: int,
        position: int,
        nodes: int | None,
        items: Sequence[str],
        wanted_by: str = "",
    ) -> Call[list[Any]]:
        """List a slice of what is to run again; with `nodes`, commit. Replies [word, status, more].

        wanted_by  `EXECUTION UNIT ATTEMPT` that waits for it; refused once that attempt is not to go on.
        """
        arguments = (generation, position, "" if nodes is None else nodes, wanted_by, *items)
        return self._call("retry_execution", execution_id, arguments, read_words)

    def continue_execution(self, execution_id: str) -> Call[tuple[str, bool]]:
        """Go on with a saved worklist."""
        return self._call("continue_execution", execution_id, (), read_word_more)

    async def go_on(self, execution_id: str) -> None:
        """Go on with a saved worklist until it is empty."""
        more = True
        while more:
            _, more = await self.continue_execution(execution_id)

    def repair_execution(
        self, execution_id: str, *, seq: int, repairs: Sequence[str]
    ) -> Call[tuple[str, bool]]:
        """Apply a plan's repairs, unless something has happened since event `seq`."""
        return self._call("repair_execution", execution_id, (seq, *repairs), read_word_more)

    # A node, before it runs

    def claim_node(
        self, holding: Holding, *, message_id: str, queue: str, worker_id: str, lease_ms: int
    ) -> Call[Claim | str]:
        """Take one delivered task. Replies the claim, or a word: busy, stale, gone, cancelling."""
        arguments = (*held(holding), message_id, queue, worker_id, lease_ms)
        return self._call("claim_node", holding.execution_id, arguments, read_claim)

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
    ) -> Call[str]:
        """Give back, uncharged, a task whose handler this worker does not have."""
        offered = "1" if is_offered else "0"
        arguments = (node_id, attempt, message_id, queue, offered, patience_ms, error)
        return self._call("hand_back_node", execution_id, arguments, read_text)

    def wake_node(
        self, execution_id: str, node_id: str, attempt: int, on: WaitingOn | str
    ) -> Call[tuple[str, bool]]:
        """Fire the timer of a waiting node."""
        return self._call("wake_node", execution_id, (node_id, attempt, str(on)), read_word_more)

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
    ) -> Call[tuple[str, bool]]:
        """End an attempt that ran too long, or a task nobody took; delay_ms retries it."""
        delay = "" if delay_ms is None else delay_ms
        counted = " ".join(map(str, counts))
        arguments = (node_id, attempt, kind, error, delay, "1" if is_dead else "0", counted)
        return self._call("time_out_node", execution_id, arguments, read_word_more)

    def reap_node(
        self, execution_id: str, node_id: str, attempt: int, *, lost: bytes, poison: bytes
    ) -> Call[tuple[str, bool]]:
        """Take an attempt from a worker whose lease ran out."""
        arguments = (node_id, attempt, MAX_INFRA_ATTEMPTS, lost, poison)
        return self._call("reap_node", execution_id, arguments, read_word_more)

    # A running attempt: each may claim further tasks in the same call

    def complete_node(
        self, holding: Holding, output: bytes, *, not_taken: Sequence[str] = (), take: Take | None = None
    ) -> Call[Ended]:
        """Store the output and dispatch what became ready."""
        return self._end("complete_node", holding, take, output, " ".join(not_taken))

    def fail_node(
        self, holding: Holding, error: bytes, *, reason: Reason, is_dead: bool, take: Take | None = None
    ) -> Call[Ended]:
        """End a node whose tries are used up, or whose error allows no further one."""
        return self._end("fail_node", holding, take, error, str(reason), "1" if is_dead else "0")

    def retry_node(
        self,
        holding: Holding,
        error: bytes,
        *,
        delay_ms: int,
        counts: Sequence[int] = (),
        take: Take | None = None,
    ) -> Call[Ended]:
        """Park a failed attempt until its back-off ends. counts: tries that each retry rule has counted."""
        return self._end("retry_node", holding, take, error, delay_ms, " ".join(map(str, counts)))

    def skip_node(
        self, holding: Holding, *, reason: Reason, data: bytes, take: Take | None = None
    ) -> Call[Ended]:
        """End a node that turned out not to be wanted."""
        return self._end("skip_node", holding, take, str(reason), data)

    def wait_node(
        self,
        holding: Holding,
        *,
        on: WaitingOn,
        delay_ms: int | None,
        until_ms: int | None,
        output: bytes,
        take: Take | None = None,
    ) -> Call[Ended]:
        """Park a node that asked to wait; `output` becomes its output when the timer fires."""
        delay: Argument = "" if delay_ms is None else delay_ms
        return self._end("wait_node", holding, take, str(on), delay, until_ms or 0, output)

    def map_node(
        self,
        holding: Holding,
        items: Sequence[bytes],
        *,
        tolerated: int,
        stops: bool,
        keeps: bool = False,
        take: Take | None = None,
    ) -> Call[Ended]:
        """Park a node on its items, JSON each; `keeps` goes on with those there are."""
        head = (tolerated, "1" if stops else "0", "1" if keeps else "0")
        return self._end("map_node", holding, take, *head, *items)

    def release_node(self, holding: Holding, take: Take | None = None) -> Call[Ended]:
        """Hand a running attempt back, uncharged."""
        return self._end("release_node", holding, take)

    def cancel_node(self, holding: Holding, take: Take | None = None) -> Call[Ended]:
        """End an attempt whose handler stopped because of a cancel; `uncalled` when there is none."""
        return self._end("cancel_node", holding, take)

    def report_events(
        self,
        holding: Holding,
        lines: Sequence[tuple[int, str, bytes]],
        *,
        allowed: int = MAX_LINES,
        tokens_allowed: int = MAX_TOKENS,
    ) -> Call[str]:
        """Append what a handler logged and streamed: (number within the attempt, event type, JSON)."""
        flat: list[Argument] = [allowed, tokens_allowed]
        for line in lines:
            flat.extend(line)
        return self._call("report_events", holding.execution_id, (*held(holding), *flat), read_text)

    # Liveness

    def renew_leases(
        self, holdings: Sequence[Holding], *, lease_ms: int, beats: Sequence[bytes] = ()
    ) -> Call[list[str]]:
        """Renew the leases of running attempts. Replies a word for each: ok, cancel, lost.

        beats  for each, what its handler has reached, JSON, for the attempt after it; b"" where there is no
               news.
        """
        flat: list[Argument] = [lease_ms]
        for holding, beat in zip_longest(holdings, beats, fillvalue=b""):
            assert isinstance(holding, Holding)
            flat.extend((holding.execution_id, *held(holding), beat))
        return Call(self, "renew_leases", self.keys.shared("leases"), ("", *flat), read_words)

    def stamp_tick(self, *, lease_ms: int, only_if_older_than_ms: int | None = None) -> Call[list[int]]:
        """Say that timers and leases are looked at. Replies [now, no expiry before, stamped]."""
        age: Argument = "" if only_if_older_than_ms is None else only_if_older_than_ms
        return Call(self, "stamp_tick", self.keys.shared("tick"), ("", lease_ms, age), list)

    def announce_worker(
        self, worker_id: str, fields: Sequence[Argument], *, is_leaving: bool = False
    ) -> Call[int]:
        """Keep a worker in the list of live ones, or take it out. Replies now, ms."""
        arguments = ("", worker_id, "1" if is_leaving else "0", *fields)
        return Call(self, "announce_worker", self.keys.worker(worker_id), arguments, int)

    def forget_consumers(self, queue: str, *, idle_ms: int) -> Call[str]:
        """Take consumers without pending tasks off a queue's group."""
        return Call(self, "forget_consumers", self.keys.tasks(queue), ("", idle_ms), read_text)

    async def probe(self) -> None:
        """Call a script and write a key, as a submission would. Raises StoreFull and what redis raises."""
        await self.continue_execution("none")
        try:
            await self.redis.set(self.keys.shared("probe"), 1, px=1000)
        except OutOfMemoryError as error:
            raise StoreFull from error

    async def drop_dead(self, entry_id: str) -> bool:
        """Take one entry off the list of dead nodes."""
        return bool(await self.redis.xdel(self.keys.shared("dead"), entry_id))
