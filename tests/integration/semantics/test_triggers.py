"""What started an execution: one document, fixed by the first start, that templates read as `trigger`."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.errors import PayloadTooLarge, StartInvalid, TriggerConflict
from orchestrator.operations.origin import TRIGGER_BYTES, Origin
from orchestrator.states import ExecutionStatus
from orchestrator.store.claim_texts import ClaimTexts
from orchestrator.store.replies import TRIGGER, Claim
from tests.dags import node, workflow
from tests.integration.child_workflows import parent
from tests.integration.handler_steps import act, output_of
from tests.makers import Rig, WorkerFleet, until

HOOK = {"source": "webhook", "payload": {"n": 7}, "headers": {"x-kind": "order"}}


def reads(expression: str, node_id: str = "A", **fields: Any) -> dict[str, Any]:
    return node(node_id, handler="transform", **fields) | {"config": {"expression": expression}}


async def started(rig: Rig, *nodes: dict[str, Any], trigger: Any = None, **extras: Any) -> str:
    submitted = await rig.engine.executions.submit(
        workflow(*nodes, **extras), trigger=True, origin=Origin(trigger=trigger)
    )
    return submitted.execution_id


async def result_of(rig: Rig, execution_id: str, node_id: str = "A") -> Any:
    await act(rig)
    return output_of(await rig.store.output(execution_id, node_id))["result"]


async def shown(rig: Rig, execution_id: str) -> Any:
    text = (await rig.engine.executions.get(execution_id)).trigger
    return None if text is None else orjson.loads(text)


async def test_templates_and_conditions_read_the_document(rig: Rig) -> None:
    execution_id = await started(
        rig,
        reads("{{ trigger.payload.n + 1 }}"),
        reads("{{ trigger }}", "B", when="trigger.headers['x-kind'] == 'order'"),
        trigger=HOOK,
        output="{{ trigger.source }}",
    )

    assert await result_of(rig, execution_id) == 8
    # A payload is read under each of its names, and kept once.
    named = {"data": HOOK["payload"], "body": HOOK["payload"]}
    assert await result_of(rig, execution_id, "B") == HOOK | named
    assert orjson.loads(await rig.engine.outputs.of_execution(execution_id)) == "webhook"
    assert await shown(rig, execution_id) == HOOK


async def test_a_start_without_a_document_is_one_by_hand(rig: Rig) -> None:
    execution_id = await started(rig, reads("{{ trigger }}"))

    assert await result_of(rig, execution_id) == {"source": "manual"} == await shown(rig, execution_id)


async def test_a_document_without_a_source_gets_one(rig: Rig) -> None:
    execution_id = await started(rig, node("A"), trigger={"data": 1})

    assert await shown(rig, execution_id) == {"source": "manual", "data": 1}


async def test_the_document_is_data_and_is_never_rendered(rig: Rig) -> None:
    execution_id = await started(rig, reads("{{ trigger.data }}"), trigger={"data": "{{ inputs.secret }}"})

    assert await result_of(rig, execution_id) == "{{ inputs.secret }}"


async def test_only_nodes_that_refer_to_it_are_handed_the_document(rig: Rig) -> None:
    await started(rig, reads("{{ trigger.source }}"), reads("{{ inputs }}", "B"), trigger=HOOK)

    claims = [await rig.worker.claim(task) for task in await rig.worker.read()]

    handed = {claim.node_id: (claim.trigger, claim.inputs) for claim in claims if isinstance(claim, Claim)}
    assert orjson.loads(handed["A"][0]) == HOOK
    assert handed["A"][1] == handed["B"][0] == b""


async def test_items_of_a_map_read_the_document(rig: Rig) -> None:
    mapped = reads("{{ trigger.payload.n + item }}", map={"items": "{{ trigger.rows }}"})
    execution_id = await started(rig, mapped, trigger={**HOOK, "rows": [1, 2]})

    await act(rig)

    output = output_of(await rig.store.output(execution_id, "A"))
    assert output == [{"result": 8}, {"result": 9}]


async def test_a_document_that_finds_no_room_in_a_reply_is_read_from_its_key(rig: Rig) -> None:
    large = {**HOOK, "data": "x" * 200_000}
    await started(rig, reads("{{ trigger.data }}"), trigger=large)
    (task,) = await rig.worker.read()

    claim = await rig.transitions.claim_node(
        rig.worker.token(task),
        message_id=task.message_id,
        queue="default",
        worker_id="w1",
        lease_ms=90_000,
        most_bytes=50_000,
    )

    assert isinstance(claim, Claim)
    assert [name for name, _ in claim.unread] == [TRIGGER]
    (filled,) = await ClaimTexts(rig.redis, rig.store.keys).fill([claim])
    assert orjson.loads(filled.trigger) == large and not filled.unread


async def test_the_first_trigger_fixes_the_document(rig: Rig) -> None:
    execution_id = await rig.submit(reads("{{ trigger.data }}"), trigger=False)
    assert await shown(rig, execution_id) is None

    first = await rig.engine.executions.trigger(execution_id, document={"data": 1})
    again = await rig.engine.executions.trigger(execution_id, document={"data": 1, "source": "manual"})
    bare = await rig.engine.executions.trigger(execution_id)
    with pytest.raises(TriggerConflict):
        await rig.engine.executions.trigger(execution_id, document={"data": 2})

    assert (first.already, again.already, bare.already) == (False, True, True)
    assert await result_of(rig, execution_id) == 1


async def test_a_start_by_hand_is_a_document_too(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))

    assert (await rig.engine.executions.trigger(execution_id, document={"source": "manual"})).already
    with pytest.raises(TriggerConflict):
        await rig.engine.executions.trigger(execution_id, document={"source": "path"})


async def test_a_document_over_the_limit_is_refused_and_nothing_is_stored(rig: Rig) -> None:
    with pytest.raises(PayloadTooLarge, match=f"allowed are {TRIGGER_BYTES:,}"):
        await started(rig, node("A"), trigger={"data": "x" * TRIGGER_BYTES})

    assert await rig.dump() == {}


@pytest.mark.parametrize("source", ["cron", "", 7, None, ["manual"]])
async def test_an_unknown_source_is_refused(rig: Rig, source: Any) -> None:
    with pytest.raises(StartInvalid, match=r"'trigger\.source' must be one of manual, webhook"):
        await started(rig, node("A"), trigger={"source": source})


async def test_a_replay_keeps_the_document_and_says_replay(rig: Rig) -> None:
    made = await started(rig, node("A"), trigger=HOOK)
    by_hand = await started(rig, node("A"))
    executions = rig.engine.executions

    kept = await executions.replay(made)
    merged = await executions.replay(made, trigger={"payload": {"n": 8}})
    replaced = await executions.replay(made, trigger={"data": 1}, merge=False)
    as_it_was = await executions.replay(made, trigger={"source": "webhook"})
    bare = await executions.replay(by_hand)

    assert await shown(rig, kept.execution_id) == {**HOOK, "source": "replay"}
    assert await shown(rig, merged.execution_id) == {**HOOK, "source": "replay", "payload": {"n": 8}}
    assert await shown(rig, replaced.execution_id) == {"source": "replay", "data": 1}
    assert await shown(rig, as_it_was.execution_id) == HOOK
    assert await shown(rig, bare.execution_id) == {"source": "replay"}


async def test_a_fork_keeps_the_document_as_it_is(rig: Rig) -> None:
    made = await started(rig, reads("{{ trigger.source }}"), trigger=HOOK)
    await act(rig)

    fork = await rig.engine.executions.fork(made, from_node="A")

    assert fork.execution_id is not None
    assert await shown(rig, fork.execution_id) == HOOK
    assert await result_of(rig, fork.execution_id) == "webhook"


async def test_a_node_that_only_reads_the_document_is_kept_by_a_fork_with_other_inputs(rig: Rig) -> None:
    made = await started(rig, reads("{{ trigger.source }}"), reads("{{ inputs }}", "B"), trigger=HOOK)
    await act(rig)

    preview = await rig.engine.executions.fork(made, inputs={"n": 1}, preview=True)

    assert (preview.reused, preview.nodes) == (("A",), ("B",))


async def test_a_child_is_started_by_its_parent(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    made = await started(rig, parent("P", workflow(reads("{{ trigger }}", "X"))), trigger=HOOK)

    async def has_ended() -> bool:
        return (await rig.status(made)).is_terminal

    await until(has_ended)

    assert await rig.status(made) is ExecutionStatus.COMPLETED
    (child,) = (await rig.engine.executions.children(made)).items
    wanted = {"source": "parent", "execution_id": made, "node_id": "P"}
    assert await shown(rig, child.execution_id) == wanted
    assert output_of(await rig.store.output(child.execution_id, "X")) == {"result": wanted}


async def test_a_rendered_config_shows_what_the_document_gave(rig: Rig) -> None:
    made = await started(rig, reads("{{ trigger.payload.n }}"), trigger=HOOK)

    found = await rig.engine.nodes.rendered_config(made, "A")

    assert found.config["expression"] == 7
