"""Methods of Workflow for the handlers that come with the engine.

Written by `python -m docs.generate` from the handlers' own schemas; changes here are lost. A field that is
left out has the handler's default; docs/handlers.md says what each means. Words of Python end in `_`.
"""

# long: a method for each handler
# fmt: off

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack

from headrace.fields import Duration, NodeFields, Template

if TYPE_CHECKING:
    from headrace.fields import Steps
    from headrace.step import Step

__all__ = ["BuiltIn"]


def _given(**fields: Any) -> dict[str, Any]:
    return {name.rstrip("_"): value for name, value in fields.items() if value is not None}


class BuiltIn:
    """A step for each handler of the engine."""

    def node(
        self,
        handler: str,
        id: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Add a step of any handler."""
        raise NotImplementedError

    def approval(
        self,
        id: str | None = None,
        *,
        prompt: Template,
        timeout: Duration | Template | None = None,
        form: Mapping[str, Any] | Template | None = None,
        assignees: Sequence[Any] | Template | None = None,
        quorum: int | Template | None = None,
        on_timeout: Literal["approve", "deny", "fail"] | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Ask people to approve or deny what is shown, and wait for them without a worker."""
        config = _given(
            prompt=prompt, timeout=timeout, form=form, assignees=assignees, quorum=quorum,
            on_timeout=on_timeout,
        )
        return self.node("approval", id, config=config, **fields)

    def call_external_service(
        self,
        id: str | None = None,
        *,
        url: Template,
        method: Template | None = None,
        headers: Mapping[str, Any] | Template | None = None,
        query: Mapping[str, Any] | Template | None = None,
        body: Any = None,
        form: Mapping[str, Any] | Template | None = None,
        multipart: Mapping[str, Any] | Template | None = None,
        timeout: Duration | Template | None = None,
        expect_status: Sequence[Any] | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Call a service by URL or by its name in SERVICES."""
        config = _given(
            url=url, method=method, headers=headers, query=query, body=body, form=form,
            multipart=multipart, timeout=timeout, expect_status=expect_status,
        )
        return self.node("call_external_service", id, config=config, **fields)

    def condition(
        self,
        id: str | None = None,
        *,
        expression: Any = None,
        left: Any = None,
        operator: Literal["==", "!=", "<", "<=", ">", ">="] | Template | None = None,
        right: Any = None,
        true_branch: Steps | None = None,
        false_branch: Steps | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Choose a branch; the ids in the other one are skipped."""
        config = _given(
            expression=expression, left=left, operator=operator, right=right,
            true_branch=true_branch, false_branch=false_branch,
        )
        return self.node("condition", id, config=config, **fields)

    def container(
        self,
        id: str | None = None,
        *,
        image: Template,
        args: Sequence[Any] | Template | None = None,
        entrypoint: Sequence[Any] | Template | None = None,
        env: Mapping[str, Any] | Template | None = None,
        input: Any = None,
        working_dir: Template | None = None,
        network: Template | None = None,
        memory_mb: int | Template | None = None,
        cpus: float | Template | None = None,
        timeout: Duration | Template | None = None,
        pull: Literal["missing", "always", "never"] | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Run a container without network, rights or a disk of its own."""
        config = _given(
            image=image, args=args, entrypoint=entrypoint, env=env, input=input,
            working_dir=working_dir, network=network, memory_mb=memory_mb, cpus=cpus,
            timeout=timeout, pull=pull,
        )
        return self.node("container", id, config=config, **fields)

    def delay(
        self,
        id: str | None = None,
        *,
        seconds: Duration | Template | None = None,
        until: Any = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Let time pass, by a durable timer and without a worker."""
        config = _given(
            seconds=seconds, until=until,
        )
        return self.node("delay", id, config=config, **fields)

    def emit(
        self,
        id: str | None = None,
        *,
        type: Template,
        value: Any = None,
        parents: Sequence[Any] | Template | None = None,
        internal: bool | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Write a typed event into the history, as `node.event`. It is never dropped."""
        config = _given(
            type=type, value=value, parents=parents, internal=internal,
        )
        return self.node("emit", id, config=config, **fields)

    def fail(
        self,
        id: str | None = None,
        *,
        message: Template,
        type: Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Fail, for a state that the definition finds and cannot go on from. Not tried again."""
        config = _given(
            message=message, type=type,
        )
        return self.node("fail", id, config=config, **fields)

    def http(
        self,
        id: str | None = None,
        *,
        url: Template,
        method: Template | None = None,
        headers: Mapping[str, Any] | Template | None = None,
        query: Mapping[str, Any] | Template | None = None,
        body: Any = None,
        form: Mapping[str, Any] | Template | None = None,
        multipart: Mapping[str, Any] | Template | None = None,
        timeout: Duration | Template | None = None,
        expect_status: Sequence[Any] | Template | None = None,
        max_bytes: int | Template | None = None,
        follow_redirects: bool | Template | None = None,
        resend_body_across_origins: bool | Template | None = None,
        on_failure: Literal["fail", "output"] | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Send a request. A JSON body is parsed."""
        config = _given(
            url=url, method=method, headers=headers, query=query, body=body, form=form,
            multipart=multipart, timeout=timeout, expect_status=expect_status, max_bytes=max_bytes,
            follow_redirects=follow_redirects,
            resend_body_across_origins=resend_body_across_origins, on_failure=on_failure,
        )
        return self.node("http", id, config=config, **fields)

    def input(
        self,
        id: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Give the inputs of the execution; the config holds the values of those that are not given."""
        return self.node("input", id, config=config, **fields)

    def llm(
        self,
        id: str | None = None,
        *,
        prompt: Template | None = None,
        messages: Sequence[Any] | Template | None = None,
        system: Template | None = None,
        model: Template | None = None,
        max_tokens: int | Template | None = None,
        schema: Mapping[str, Any] | Template | None = None,
        parse: bool | Template | None = None,
        effort: Literal["low", "medium", "high", "xhigh", "max"] | Template | None = None,
        cache: bool | Literal["5m", "1h"] | Template | None = None,
        extra_body: Mapping[str, Any] | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Ask a language model.

        prompt      The question; a value that is no text is sent as JSON.
        messages    A conversation, in the place of a prompt.
        system      System prompt.
        model       LLM_MODEL of the worker without it.
        max_tokens  The most an answer may use.
        schema      JSON Schema the answer must match.
        parse       Put an answer that is JSON out as `parsed`, too; null where it is none.
        effort      Reasoning effort.
        cache       Keep the prompt cached; true is five minutes.
        extra_body  Passed on to the API as it is.
        """
        config = _given(
            prompt=prompt, messages=messages, system=system, model=model, max_tokens=max_tokens,
            schema=schema, parse=parse, effort=effort, cache=cache, extra_body=extra_body,
        )
        return self.node("llm", id, config=config, **fields)

    def noop(
        self,
        id: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Do nothing, with any config. Output: {"status": "ok"}."""
        return self.node("noop", id, config=config, **fields)

    def notify(
        self,
        id: str | None = None,
        *,
        channel: Literal["log", "webhook", "slack", "email", "apprise"] | Template,
        message: Template | None = None,
        title: Template | None = None,
        level: Literal["debug", "info", "warning", "error"] | Template | None = None,
        url: Template | None = None,
        secret: Template | None = None,
        event: Template | None = None,
        data: Mapping[str, Any] | Template | None = None,
        headers: Mapping[str, Any] | Template | None = None,
        to: Sequence[Any] | Template | None = None,
        cc: Sequence[Any] | Template | None = None,
        bcc: Sequence[Any] | Template | None = None,
        reply_to: Template | None = None,
        html: Template | None = None,
        timeout: Duration | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Send a notification: to the log, a signed webhook, a Slack-compatible webhook, by mail or by
        Apprise."""
        config = _given(
            channel=channel, message=message, title=title, level=level, url=url, secret=secret,
            event=event, data=data, headers=headers, to=to, cc=cc, bcc=bcc, reply_to=reply_to,
            html=html, timeout=timeout,
        )
        return self.node("notify", id, config=config, **fields)

    def output(
        self,
        id: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Give the config with its templates resolved or, without one, the outputs of the dependencies by
        id."""
        return self.node("output", id, config=config, **fields)

    def sub_workflow(
        self,
        id: str | None = None,
        *,
        workflow: Mapping[str, Any] | Template,
        version: int | Template | None = None,
        inputs: Mapping[str, Any] | Template | None = None,
        inputs_as_payload: bool | Template | None = None,
        as_: Literal["outputs", "context"] | Template | None = None,
        wait: bool | Template | None = None,
        parent_close_policy: Literal["request_cancel", "terminate", "abandon"] | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Run another workflow as an execution of its own, and wait for its end without a worker."""
        config = _given(
            workflow=workflow, version=version, inputs=inputs, inputs_as_payload=inputs_as_payload,
            as_=as_, wait=wait, parent_close_policy=parent_close_policy,
        )
        return self.node("sub_workflow", id, config=config, **fields)

    def switch(
        self,
        id: str | None = None,
        *,
        value: Any,
        cases: Mapping[str, Any] | Template,
        default: Steps | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Choose among named cases; the ids of all other cases are skipped."""
        config = _given(
            value=value, cases=cases, default=default,
        )
        return self.node("switch", id, config=config, **fields)

    def transform(
        self,
        id: str | None = None,
        *,
        expression: Any = None,
        output: Any = None,
        as_: Literal["text", "value"] | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Give back what the templates of the config came to. Output: {"result": value}."""
        config = _given(
            expression=expression, output=output, as_=as_,
        )
        return self.node("transform", id, config=config, **fields)

    def unreliable_handler(
        self,
        id: str | None = None,
        *,
        failure_rate: float | Template | None = None,
        fail_times: int | Template | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Fail half the time, to show retries at work."""
        config = _given(
            failure_rate=failure_rate, fail_times=fail_times,
        )
        return self.node("unreliable_handler", id, config=config, **fields)

    def wait_for_signal(
        self,
        id: str | None = None,
        *,
        name: Template,
        timeout: Duration | Template | None = None,
        on_timeout: Literal["fail", "continue", "branch"] | Template | None = None,
        schema: Mapping[str, Any] | Template | None = None,
        received_branch: Steps | None = None,
        timeout_branch: Steps | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Wait until a signal of that name comes, without a worker. One that came before is taken at once."""
        config = _given(
            name=name, timeout=timeout, on_timeout=on_timeout, schema=schema,
            received_branch=received_branch, timeout_branch=timeout_branch,
        )
        return self.node("wait_for_signal", id, config=config, **fields)
