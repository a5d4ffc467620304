"""Executions: start, list, read, steer and repeat them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from clients.headrace import events
from clients.headrace.outputs import fill_in
from clients.headrace.transport import Document, Documents, Transport, given, path_of
from clients.headrace.views import Created, Event, ExecutionView, Forked, Rerun


class Executions:
    """`client.executions`. Each verb sends an Idempotency-Key; a caller's own lets the call be repeated."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    # --- start and read

    async def run(
        self,
        definition: Mapping[str, Any] | str,
        *,
        inputs: Mapping[str, Any] | None = None,
        trigger: bool | Mapping[str, Any] = True,
        labels: Mapping[str, str] | None = None,
        execution_key: str | None = None,
        id_conflict_policy: str | None = None,
        on_complete: Any = None,
        on_failure: Any = None,
        on_cancel: Any = None,
        idempotency_key: str | None = None,
    ) -> Created:
        """Submit a definition (an object, or YAML text) and start it unless `trigger` is False.

        trigger             an object starts it too: templates read it as `trigger`.
        execution_key       your own name for it, taken wherever an id is.
        id_conflict_policy  while another execution holds that key: fail, use_existing, terminate_existing.
        on_complete, …      targets of messages about its end, beside those of the definition.
        """
        body = {"definition": definition, "trigger": trigger} | given(
            inputs=inputs,
            labels=labels,
            execution_key=execution_key,
            id_conflict_policy=id_conflict_policy,
            on_complete=on_complete,
            on_failure=on_failure,
            on_cancel=on_cancel,
        )
        answer = await self._transport.post_once(path_of("executions"), body, idempotency_key)
        return Created.from_dict(answer.document, is_replay=answer.is_replay)

    async def trigger(
        self,
        execution_id: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> Document:
        """Start a submitted execution. A repeated call is harmless, and answered with `already`.

        document  what templates read as `trigger`.
        """
        return await self._act(execution_id, "trigger", given(inputs=inputs, trigger=document), None)

    async def get(
        self, execution_id: str, *, whole: bool = False, wait_s: int | None = None
    ) -> ExecutionView:
        """One execution with all its nodes.

        whole   read large outputs too, which the view otherwise only gives the size of.
        wait_s  up to 60: answer once it has ended, or after so many seconds.
        """
        query = None if wait_s is None else {"wait": str(wait_s)}
        document = await self._transport.get(
            path_of("executions", execution_id), query, answered_after_s=wait_s or 0
        )
        if whole:
            await fill_in(self._transport, document, path_of("executions", execution_id, "output"))
            for node in document["nodes"]:
                path = path_of("executions", execution_id, "nodes", node["node_id"], "output")
                await fill_in(self._transport, node, path)
        return ExecutionView.from_dict(document)

    async def list(
        self,
        *,
        limit: int | None = None,
        labels: Mapping[str, str] | None = None,
        **filters: str | list[str],
    ) -> AsyncIterator[ExecutionView]:
        """Executions, newest first.

        labels   all of them must be there.
        filters  status (one or several), name, name_prefix, text (part of title, id, key or a label),
                 parent ("none"), workflow (a name or an id), execution_key, created_after, created_before.
        """
        query: dict[str, str | list[str]] = {**filters}
        if labels:
            query["label"] = [f"{name}:{value}" for name, value in labels.items()]
        async for item in self._transport.pages(path_of("executions"), query, limit=limit):
            yield ExecutionView.from_dict(item)

    async def children(self, execution_id: str, *, limit: int | None = None) -> AsyncIterator[ExecutionView]:
        """Executions that nodes of this one started, oldest first."""
        path = path_of("executions", execution_id, "children")
        async for item in self._transport.pages(path, limit=limit):
            yield ExecutionView.from_dict(item)

    async def definition(self, execution_id: str) -> Document:
        """The definition as submitted."""
        return await self._transport.get(path_of("executions", execution_id, "definition"))

    async def results(self, execution_id: str) -> Document:
        """Outputs by node id, whole; `{}` for a node without one."""
        path = path_of("executions", execution_id, "results")
        page = await self._transport.get(path)
        results: Document = page["results"]
        while cursor := page.get("next_cursor"):
            page = await self._transport.get(path, {"cursor": cursor})
            results |= page["results"]
        return results

    async def output(self, execution_id: str) -> Any:
        """What the `output` of its definition came to, whole. Raises NotFound before that and without one."""
        return await self._transport.value(path_of("executions", execution_id, "output"))

    async def explain(self, execution_id: str) -> Documents:
        """What every unfinished node waits for, and what will wake it."""
        return await self._transport.items(path_of("executions", execution_id, "explain"))

    def events(
        self, execution_id: str, *, after: int = 0, give_up_after_s: float | None = 60.0
    ) -> AsyncIterator[Event]:
        """Every event once, in order, from the one after `after` until the execution has ended.

        Broken streams are resumed at the seq read last.
        give_up_after_s  how long to be without a server before ServerUnreachable is raised; None: for ever.
        """
        path = path_of("executions", execution_id, "events")
        return events.follow(self._transport, path, after=after, give_up_after_s=give_up_after_s)

    # --- steer

    async def cancel(
        self,
        execution_id: str,
        *,
        reason: str | None = None,
        grace: float | str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Cancel; running attempts may still end within the grace (seconds, or `30s`), 30 s without one."""
        return await self._act(execution_id, "cancel", given(reason=reason, grace=grace), idempotency_key)

    async def pause(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Start nothing more of an execution until it is resumed."""
        return await self._act(execution_id, "pause", given(by=by, reason=reason), idempotency_key)

    async def resume(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        budget: Mapping[str, float] | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Resume a paused execution.

        budget  {max_tokens, max_cost_usd} its calls may use from now on; what is left out stays as it is.
        """
        body = given(by=by, reason=reason, budget=budget)
        return await self._act(execution_id, "resume", body, idempotency_key)

    async def purge(self, execution_id: str) -> None:
        """Remove for good an execution that has ended or was never started, and its children with it.

        Raises NotFound the second time, and ApiError while it has not ended or its parent is there.
        """
        await self._transport.delete(path_of("executions", execution_id))

    # --- repeat

    async def retry(
        self,
        execution_id: str,
        *,
        nodes: Sequence[str] | None = None,
        preview: bool = False,
        generation: int | None = None,
    ) -> Rerun:
        """Run the failed part of an execution again, in place, or say what that would be.

        nodes       only these, and all behind them; None for all that failed.
        generation  as a preview names it; the same call repeated then retries nothing twice.
        """
        named = None if nodes is None else list(nodes)
        body = {"preview": preview} | given(nodes=named, generation=generation)
        return Rerun.from_dict(await self._transport.post(path_of("executions", execution_id, "retry"), body))

    async def replay(
        self,
        execution_id: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        trigger: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Created:
        """Start a new execution of the same definition; `inputs` override those of the same name.

        trigger  likewise, of what started the original.
        """
        path = path_of("executions", execution_id, "replay")
        body = given(inputs=inputs, trigger=trigger)
        answer = await self._transport.post_once(path, body, idempotency_key)
        return Created.from_dict(answer.document, is_replay=answer.is_replay)

    async def fork(
        self,
        execution_id: str,
        *,
        from_node: str | None = None,
        definition: Mapping[str, Any] | str | None = None,
        inputs: Mapping[str, Any] | None = None,
        preview: bool = False,
        idempotency_key: str | None = None,
    ) -> Forked:
        """Start a new execution that keeps what the change does not reach, or say what it would run."""
        change = given(from_node=from_node, definition=definition, inputs=inputs)
        return Forked.from_dict(
            await self._act(execution_id, "fork", change | {"preview": preview}, idempotency_key)
        )

    async def _act(self, execution_id: str, verb: str, body: Document, key: str | None) -> Document:
        answer = await self._transport.post_once(path_of("executions", execution_id, verb), body, key)
        return answer.document
