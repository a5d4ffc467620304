"""What is used of the library beyond its documentation: a release without it fails here, in plain words."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import pytest
from workflows import Context, Workflow, step
from workflows.context.context_types import SerializedContext
from workflows.events import Event, StartEvent, StopEvent
from workflows.plugins import basic
from workflows.resource import Resource
from workflows.runtime.control_loop import rebuild_state_from_ticks, replay_ticks_stream
from workflows.runtime.types import internal_state, named_task, plugin, results, ticks

from headrace.llama.runtime import JournaledRuntime


class Middle(Event):
    pass


class Last(Event):
    pass


class Plain(Workflow):
    @step
    async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
        return StopEvent()


def parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (basic.BasicRuntime.run_workflow, {"run_id", "init_state", "start_event", "serialized_state"}),
        (basic.BasicRuntime.get_internal_adapter, {"workflow"}),
        (basic.BasicRuntime.get_registered, {"workflow"}),
        (basic.InternalAsyncioAdapter.on_tick, {"tick"}),
        (basic.InternalAsyncioAdapter.write_to_event_stream, {"event"}),
        (plugin.InternalRunAdapter.wait_for_next_task, {"running", "pending", "timeout"}),
        (plugin.InternalRunAdapter.get_state_store, {"namespace"}),
        (replay_ticks_stream, {"state", "ticks", "run_id"}),
        (rebuild_state_from_ticks, {"state", "ticks", "run_id"}),
        (internal_state.BrokerState.from_serialized, {"serialized", "workflow", "serializer"}),
        (internal_state.BrokerState.to_serialized, {"serializer"}),
        (Context.from_dict, {"workflow", "data", "serializer"}),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_a_function_takes_what_it_is_given(function: Any, names: set[str]) -> None:
    assert names <= parameters(function)


def test_a_runtime_keeps_what_belongs_to_a_run_by_its_id() -> None:
    queues = basic.AsyncioAdapterQueues("run", internal_state.BrokerState.from_workflow(Plain()))

    assert hasattr(basic.BasicRuntime(), "_queues")
    assert {"init_state", "ticks", "state_store"} <= vars(queues).keys()
    assert basic.get_current_run_id() is None


def test_a_workflow_tells_of_its_steps_and_takes_another_runtime() -> None:
    workflow, runtime = Plain(), basic.BasicRuntime()

    workflow._switch_runtime(runtime)

    assert workflow.runtime is runtime
    config = workflow._get_steps()["only"]._step_config
    assert (config.accepted_events, config.return_types) == ([StartEvent], [StopEvent])


def test_a_served_workflow_is_looked_through_once() -> None:
    workflow, runtime = Plain(), JournaledRuntime()

    runtime.serve(workflow)

    assert workflow._get_steps() is workflow._get_steps()
    assert runtime.get_or_register(workflow) is runtime.get_or_register(workflow)
    assert runtime.get_registered(Plain()) is None


class Mixed(Workflow):
    @step
    async def first(self, ev: StartEvent) -> Middle:
        return Middle()

    @step
    def plainly(self, ev: Middle) -> Last:
        return Last()

    @step
    async def with_a_resource(self, ev: Last, made: Annotated[int, Resource(lambda: 1)]) -> StopEvent:
        return StopEvent()


def test_only_steps_that_do_nothing_of_the_users_before_their_code_wait_at_the_gate() -> None:
    workflow, runtime = Mixed(), JournaledRuntime()

    runtime.serve(workflow)

    assert runtime._gated_steps[id(workflow)] == {"first"}
    assert vars(workflow).keys() & {"first", "plainly", "with_a_resource"} == {"first"}
    assert inspect.signature(workflow.first) == inspect.signature(Mixed().first)


def test_what_is_about_to_begin_says_of_which_step_it_is() -> None:
    assert {"step_id", "coro"} <= set(named_task.PendingWorker.__dataclass_fields__)
    assert callable(named_task.PendingWorker.start) and callable(named_task.PendingPull.start)
    assert list(inspect.signature(plugin.WaitForNextTaskResult).parameters) == ["completed", "started"]


def test_what_is_kept_of_a_run_has_the_fields_that_are_read() -> None:
    fields = SerializedContext.model_fields.keys()

    assert {"version", "state", "is_running", "workers", "elapsed_alive", "journal_seq"} <= fields
    assert {"waiter_id", "waiting_for_event", "has_requirements", "resolved_event", "timed_out"} <= set(
        results.StepWorkerWaiter.__dataclass_fields__
    )
    assert {"state", "event", "sends"} <= set(results.StepWorkerContext.__dataclass_fields__)
    assert {"work_item_id", "invocation_id"} <= set(results.StepWorkerState.__dataclass_fields__)
    assert {"stamped_at", "invocation_id", "step_id", "result"} <= ticks.TickStepResult.model_fields.keys()
    assert {"event", "step_id", "emission"} <= ticks.TickAddEvent.model_fields.keys()
    assert {"waiter_id", "timeout", "has_requirements"} <= results.AddWaiter.model_fields.keys()
