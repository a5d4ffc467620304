"""Executions: start, list, read, steer and repeat them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.api.outputs import fill_in
from headrace.calls import (
    Definition,
    Document,
    History,
    Pages,
    Part,
    Steps,
    Way,
    delete,
    each_of,
    get,
    get_items,
    get_pages,
    get_value,
    given,
    listing,
    operation,
    path_of,
    post,
    post_once,
    stream,
)
from headrace.sendable import definition_of
from headrace.values import Acted, Created, Event, Execution, Explanation, Forked, Rerun


class Executions(Part[Way]):
    """`client.executions`. Each verb sends an Idempotency-Key; a caller's own lets the call be repeated."""

    # --- start and read

    @operation
    def run(
        self,
        definition: Definition,
        *,
        inputs: Mapping[str, Any] | None = None,
        trigger: bool | Mapping[str, Any] = True,
        labels: Mapping[str, str] | None = None,
        execution_key: str | None = None,
        id_conflict_policy: str | None = None,
        on_complete: Any = None,
        on_failure: Any = None,
        on_cancel: Any = None,
        wait_s: int | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Created]:
        """Submit a definition (an object, or YAML text) and start it unless `trigger` is False.

        trigger             an object starts it too: templates read it as `trigger`.
        execution_key       your own name for it, taken wherever an id is.
        id_conflict_policy  while another execution holds that key: fail, use_existing, terminate_existing.
        on_complete, …      targets of messages about its end, beside those of the definition.
        wait_s              up to 60: answer once it has ended, or after so many seconds.
        """
        body = {"definition": definition_of(definition), "trigger": trigger} | given(
            inputs=inputs,
            labels=labels,
            execution_key=execution_key,
            id_conflict_policy=id_conflict_policy,
            on_complete=on_complete,
            on_failure=on_failure,
            on_cancel=on_cancel,
        )
        answer = yield from post_once(path_of("executions"), body, idempotency_key, wait_s=wait_s)
        return Created.from_dict(answer.document, is_replay=answer.is_replay)

    @operation
    def trigger(
        self,
        execution_id: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> Steps[Acted]:
        """Start a submitted execution. A repeated call is harmless, and answered with `already`.

        document  what templates read as `trigger`.
        """
        return (yield from _act(execution_id, "trigger", given(inputs=inputs, trigger=document), None))

    @operation
    def get(self, execution_id: str, *, whole: bool = False, wait_s: int | None = None) -> Steps[Execution]:
        """One execution with all its nodes.

        whole   read large outputs too, which the view otherwise only gives the size of.
        wait_s  up to 60: answer once it has ended, or after so many seconds.
        """
        query = None if wait_s is None else {"wait": str(wait_s)}
        document = yield from get(path_of("executions", execution_id), query, answered_after_s=wait_s or 0)
        if whole:
            yield from fill_in(document, path_of("executions", execution_id, "output"))
            nodes = document.each("nodes")
            for node in nodes:
                path = path_of("executions", execution_id, "nodes", node["node_id"], "output")
                yield from fill_in(node, path)
            document["nodes"] = [dict(node) for node in nodes]
        return Execution.from_dict(document)

    @listing
    def list(
        self,
        *,
        limit: int | None = None,
        status: str | Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        name: str | None = None,
        name_prefix: str | None = None,
        text: str | None = None,
        workflow: str | None = None,
        schedule: str | None = None,
        webhook: str | None = None,
        parent: str | None = None,
        execution_key: str | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
        ended_after: str | None = None,
        ended_before: str | None = None,
    ) -> Pages[Execution]:
        """Executions, newest first.

        limit     how many at most; None: all.
        status    one or several.
        labels    all of them must be there.
        text      part of title, id, key or a label.
        workflow  a name or an id.
        schedule  that started them: its name or id.
        webhook   that started them: its path.
        parent    `none`: without those that nodes of others started.
        """
        query: dict[str, str | list[str]] = given(
            status=[*status] if status is not None and not isinstance(status, str) else status,
            label=[f"{key}:{value}" for key, value in (labels or {}).items()] or None,
            name=name,
            name_prefix=name_prefix,
            text=text,
            workflow=workflow,
            schedule=schedule,
            webhook=webhook,
            parent=parent,
            execution_key=execution_key,
            created_after=created_after,
            created_before=created_before,
            ended_after=ended_after,
            ended_before=ended_before,
        )
        return each_of(get_pages(path_of("executions"), query, limit=limit), Execution.from_dict)

    @listing
    def children(self, execution_id: str, *, limit: int | None = None) -> Pages[Execution]:
        """Executions that nodes of this one started, oldest first."""
        path = path_of("executions", execution_id, "children")
        return each_of(get_pages(path, limit=limit), Execution.from_dict)

    @operation
    def definition(self, execution_id: str) -> Steps[Document]:
        """The definition as submitted."""
        return dict((yield from get(path_of("executions", execution_id, "definition"))))

    @operation
    def results(self, execution_id: str) -> Steps[Document]:
        """Outputs by node id, whole; `{}` for a node without one."""
        path = path_of("executions", execution_id, "results")
        page = yield from get(path)
        results: Document = page["results"]
        while cursor := page.get("next_cursor"):
            page = yield from get(path, {"cursor": cursor})
            results |= page["results"]
        return results

    @operation
    def output(self, execution_id: str) -> Steps[Any]:
        """What the `output` of its definition came to, whole. Raises NotFound before that and without one."""
        return (yield from get_value(path_of("executions", execution_id, "output")))

    @operation
    def explain(self, execution_id: str) -> Steps[tuple[Explanation, ...]]:
        """What every unfinished node waits for, and what will wake it."""
        return Explanation.all_of((yield from get_items(path_of("executions", execution_id, "explain"))))

    @operation
    def history(
        self,
        execution_id: str,
        *,
        after: int = 0,
        node: str | None = None,
        types: Sequence[str] | None = None,
    ) -> Steps[tuple[Event, ...]]:
        """The events so far behind `after`, in order; `events` follows what comes.

        node   only those of a node and its items, or of an item such as `fetch[3]`.
        types  only those of these types.
        """
        query: dict[str, Any] = given(node=node, type=[*types] if types else None)
        path, part = path_of("executions", execution_id, "history"), after
        found: list[Document] = []
        while True:
            page = yield from get(path, {**query, "after": str(part), "limit": "1000"})
            found += page["items"]
            if page["next_after"] is None:
                return tuple([Event.from_dict(each) for each in found])
            part = page["next_after"]

    @stream
    def events(self, execution_id: str, *, after: int = 0, give_up_after_s: float | None = 60.0) -> History:
        """Every event once, in order, from the one after `after` until the execution has ended.

        Broken streams are resumed at the seq read last.
        give_up_after_s  how long to be without a server before ServerUnreachable is raised; None: for ever.
        """
        path = path_of("executions", execution_id, "events")
        return History(path, after, give_up_after_s)

    # --- steer

    @operation
    def cancel(
        self,
        execution_id: str,
        *,
        reason: str | None = None,
        grace: float | str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Acted]:
        """Cancel; running attempts may still end within the grace (seconds, or `30s`), 30 s without one."""
        body = given(reason=reason, grace=grace)
        return (yield from _act(execution_id, "cancel", body, idempotency_key))

    @operation
    def pause(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Acted]:
        """Start nothing more of an execution until it is resumed."""
        return (yield from _act(execution_id, "pause", given(by=by, reason=reason), idempotency_key))

    @operation
    def resume(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        budget: Mapping[str, float] | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Acted]:
        """Resume a paused execution.

        budget  {max_tokens, max_cost_usd} its calls may use from now on; what is left out stays as it is.
        """
        body = given(by=by, reason=reason, budget=budget)
        return (yield from _act(execution_id, "resume", body, idempotency_key))

    @operation
    def purge(self, execution_id: str) -> Steps[None]:
        """Remove for good an execution that has ended or was never started, and its children with it.

        Raises NotFound the second time, and ApiError while it has not ended or its parent is there.
        """
        yield from delete(path_of("executions", execution_id))

    # --- repeat

    @operation
    def retry(
        self,
        execution_id: str,
        *,
        nodes: Sequence[str] | None = None,
        preview: bool = False,
        generation: int | None = None,
    ) -> Steps[Rerun]:
        """Run the failed part of an execution again, in place, or say what that would be.

        nodes       only these, and all behind them; None for all that failed.
        generation  as a preview names it; the same call repeated then retries nothing twice.
        """
        named = None if nodes is None else list(nodes)
        body = {"preview": preview} | given(nodes=named, generation=generation)
        return Rerun.from_dict((yield from post(path_of("executions", execution_id, "retry"), body)))

    @operation
    def replay(
        self,
        execution_id: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        trigger: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Created]:
        """Start a new execution of the same definition; `inputs` override those of the same name.

        trigger  likewise, of what started the original.
        """
        path = path_of("executions", execution_id, "replay")
        body = given(inputs=inputs, trigger=trigger)
        answer = yield from post_once(path, body, idempotency_key)
        return Created.from_dict(answer.document, is_replay=answer.is_replay)

    @operation
    def fork(
        self,
        execution_id: str,
        *,
        from_node: str | None = None,
        definition: Definition | None = None,
        inputs: Mapping[str, Any] | None = None,
        preview: bool = False,
        idempotency_key: str | None = None,
    ) -> Steps[Forked]:
        """Start a new execution that keeps what the change does not reach, or say what it would run."""
        wanted = None if definition is None else definition_of(definition)
        body = {"preview": preview} | given(from_node=from_node, definition=wanted, inputs=inputs)
        path = path_of("executions", execution_id, "fork")
        return Forked.from_dict((yield from post_once(path, body, idempotency_key)).document)


def _act(execution_id: str, verb: str, body: Document, key: str | None) -> Steps[Acted]:
    answer = yield from post_once(path_of("executions", execution_id, verb), body, key)
    return Acted.from_dict(answer.document)
