"""What is used of the library beyond its documentation: a release without it fails here, in plain words."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import pytest
from llama_index_instrumentation.dispatcher import Dispatcher, Manager
from llama_index_instrumentation.span_handlers import SimpleSpanHandler
from pydantic import BaseModel
from workflows import Context, Workflow, step
from workflows.context.context_types import SerializedContext
from workflows.context.pre_context import PreContext
from workflows.context.serializers import JsonSerializer
from workflows.context.state_store import DictState, InMemoryStateStore, encode_state
from workflows.events import Event, StartEvent, StopEvent
from workflows.plugins import basic
from workflows.resource import Resource
from workflows.runtime.control_loop import rebuild_state_from_ticks, replay_ticks_stream
from workflows.runtime.types import internal_state, named_task, plugin, results, step_function, ticks

from headrace.llama.handlers import RUN_ID_TAG
from headrace.llama.runtime import JournaledRuntime
from headrace.llama.unheard import is_heard


class Middle(Event):
    pass


class Last(Event):
    pass


class Typed(BaseModel):
    count: int = 0


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


def test_a_fresh_run_begins_as_the_library_begins_one() -> None:
    workflow = Plain()
    begun = PreContext(workflow=workflow, previous_context=None, serializer=None)

    made = internal_state.BrokerState.from_serialized(begun.init_snapshot, workflow, begun.serializer)

    assert made == internal_state.BrokerState.from_workflow(workflow)
    assert begun.serialized_state in (None, {})
    assert RUN_ID_TAG in inspect.getsource(Context._workflow_run)


@pytest.mark.parametrize("state", [DictState(a=1, b={"c": [None, "x"]}), DictState(), Typed(count=3)])
async def test_a_store_is_encoded_as_the_library_writes_it(state: Any) -> None:
    store, serializer = InMemoryStateStore(state), JsonSerializer()
    record = store._memory_storage.load_sync()
    assert record is not None

    data, name, module = encode_state(record.data, serializer)

    written = store.to_dict(serializer)
    assert (data, name, module) == tuple(
        written[each] for each in ("state_data", "state_type", "state_module")
    )


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


def test_a_step_is_a_span_only_where_something_takes_spans() -> None:
    workflow, runtime = Plain(), JournaledRuntime()
    runtime.serve(workflow)
    dispatcher = workflow._dispatcher

    async def called() -> None: ...

    assert dispatcher.span(called) is called
    taking = SimpleSpanHandler()
    dispatcher.root.add_span_handler(taking)
    try:
        assert dispatcher.span(called) is not called
    finally:
        dispatcher.root.span_handlers.remove(taking)


def test_events_are_described_in_full_only_where_something_takes_that() -> None:
    JournaledRuntime()
    JournaledRuntime()
    dispatcher, stop = step_function._dispatcher, StopEvent(result="x")
    assert vars(step_function)["summarize_event"](stop) == "StopEvent"

    taking = SimpleSpanHandler()
    dispatcher.root.add_span_handler(taking)
    try:
        assert vars(step_function)["summarize_event"](stop) == "StopEvent(result='x')"
    finally:
        dispatcher.root.span_handlers.remove(taking)


def test_who_listens_to_another_dispatcher_hears_of_steps_too() -> None:
    manager = Manager(Dispatcher(name="root", propagate=False))
    of_steps, of_models = (Dispatcher(name=name, parent_name="root", manager=manager) for name in "sm")
    for each in (of_steps, of_models):
        manager.add_dispatcher(each)

    assert not is_heard(of_steps)
    of_models.add_span_handler(SimpleSpanHandler())
    assert is_heard(of_steps)


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
