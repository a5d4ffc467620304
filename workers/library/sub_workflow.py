"""The handler of nodes that run another workflow as a child execution."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace import Completed, Terminal, handler
from orchestrator.definitions.registry import is_name, is_workflow_id, name_of
from orchestrator.errors import ErrorType
from orchestrator.states import ExecutionStatus
from workers.config_models import has_template
from workers.context import HandlerContext
from workers.outcome import AwaitingChild, Failed, Nesting, Outcome

EXECUTION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class SubWorkflowConfig(BaseModel):
    """The definition to run, its inputs, whether to wait for it, and what its parent's end does to it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    workflow: dict[str, Any] | str
    version: int | str | None = None
    inputs: dict[str, Any] = {}
    #: Whether the child reads its inputs as `trigger.payload`, too.
    inputs_as_payload: bool = False
    #: The outputs of the child, or these with what else its templates could read.
    form: Annotated[Literal["outputs", "context"], Field(alias="as")] = "outputs"
    wait: bool = True
    parent_close_policy: Literal["request_cancel", "terminate", "abandon"] = "request_cancel"

    @field_validator("workflow", mode="before")
    @classmethod
    def _a_definition(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return value
        if isinstance(value, str) and (
            is_name(value) or is_workflow_id(value) or EXECUTION_ID.match(value) or has_template(value)
        ):
            return value
        problem = (
            "'workflow' is a definition, as an object, the name (a-z 0-9 -) or the id (wf_…) of a registered "
            "workflow, or the id of an execution that has run it"
        )
        if isinstance(value, str) and (name := name_of(value)):
            problem += f"; found {value[:80]!r}; a workflow of that title has the name {name!r}"
        raise ValueError(problem)

    @field_validator("version")
    @classmethod
    def _from_one(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, int) and value < 1:
            raise ValueError("versions of registered workflows have numbers from 1")
        return value

    @field_validator("inputs", mode="before")
    @classmethod
    def _none_are_none(cls, value: Any) -> Any:
        return {} if value is None else value


@handler("sub_workflow", config=SubWorkflowConfig)
async def sub_workflow(config: SubWorkflowConfig, context: HandlerContext) -> Outcome:
    """Run another workflow as an execution of its own, and wait for its end without a worker.

    Output: its `output` or, without one, the outputs of its nodes by node id; {"execution_id", "name"} where
    it is not waited for. With `as: context`: {"status": "completed", "context": {"trigger", "steps": {ID:
    {"output"}}}}.
    A child that failed is retried in place when this node is tried again.
    """
    own = context.child
    if own is None:
        raise Terminal("a child execution needs a worker of the engine", type=ErrorType.CONFIG_ERROR)
    child = await own.find()
    is_woken = isinstance(context.resume, dict) and "child" in context.resume
    if child is None or not is_woken:
        request = await own.request(
            config.workflow, config.inputs, config.version, inputs_as_payload=config.inputs_as_payload
        )
        if child is None or not request.is_met_by(child):
            return Nesting(await own.stage(request))
        if child.status.is_terminal and child.status is not ExecutionStatus.COMPLETED:
            # The child of an earlier try: retried in place, unless nothing of it can run again.
            is_retried = await own.retry(child)
            return AwaitingChild(child.execution_id) if is_retried else Nesting(await own.stage(request))
    if child.status is ExecutionStatus.COMPLETED:
        if config.form == "context":
            return Completed({"status": "completed", "context": await own.context(child)})
        return Completed(await own.output(child))
    if child.status.is_terminal:
        return Failed(await own.failure(child))
    return AwaitingChild(child.execution_id, looks_again=child.cancelling is not None)
