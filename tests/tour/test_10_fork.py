"""An execution can be run again in three ways: by a retry, a replay or a fork.

A retry goes on with a failed or cancelled execution in place: what completed stays. A replay is a new
execution of the same definition. A fork is a new execution too, with a change: another definition, other
inputs, or a node to begin from. It keeps the outputs of every node that the change does not reach, and runs
the rest.
"""

from __future__ import annotations

from tests.tour.headrace import Headrace

REPORT = """
name: report
nodes:
  - {id: load, handler: transform, config: {output: [3, 1, 2]}}
  - {id: sort, handler: transform, dependencies: [load], config: {expression: "{{ load.result | sort }}"}}
  - {id: send, handler: transform, dependencies: [sort], config: {expression: "{{ sort.result | first }}"}}
"""

#: The same, but for the last node.
LARGEST = REPORT.replace("| first", "| last")

RELEASE = """
name: release
nodes:
  - {id: build, handler: noop}
  - {id: tested, handler: wait_for_signal, dependencies: [build], config: {name: tested}}
"""


async def test_a_fork_runs_only_what_the_change_reaches(headrace: Headrace) -> None:
    execution_id = await headrace.start(REPORT)
    await headrace.ended(execution_id)

    fork = await headrace.post(f"/v1/executions/{execution_id}/fork", definition=LARGEST)

    assert (fork["nodes"], fork["reused"]) == (["send"], ["load", "sort"])
    assert await headrace.ended(fork["execution_id"]) == "COMPLETED"
    assert await headrace.history(fork["execution_id"]) == ["queued send", "started send", "completed send"]
    assert (await headrace.outputs(fork["execution_id"]))["send"] == {"result": 3}


async def test_a_preview_says_what_would_run_and_changes_nothing(headrace: Headrace) -> None:
    execution_id = await headrace.start(REPORT)
    await headrace.ended(execution_id)

    preview = await headrace.post(f"/v1/executions/{execution_id}/fork", from_node="sort", preview=True)

    assert (preview["nodes"], preview["reused"]) == (["sort", "send"], ["load"])
    assert len((await headrace.get("/v1/executions"))["items"]) == 1


async def test_a_replay_runs_everything_again(headrace: Headrace) -> None:
    execution_id = await headrace.start(REPORT)
    await headrace.ended(execution_id)

    replay = await headrace.post(f"/v1/executions/{execution_id}/replay")

    assert replay["replay_of"] == execution_id
    assert await headrace.ended(replay["execution_id"]) == "COMPLETED"
    assert await headrace.history(replay["execution_id"]) == await headrace.history(execution_id)


async def test_a_retry_goes_on_in_place_and_keeps_what_completed(headrace: Headrace) -> None:
    execution_id = await headrace.start(RELEASE)
    await headrace.node_is(execution_id, "tested", "WAITING")
    await headrace.post(f"/v1/executions/{execution_id}/cancel")
    await headrace.ended(execution_id)

    retry = await headrace.post(f"/v1/executions/{execution_id}/retry")
    await headrace.node_is(execution_id, "tested", "WAITING")
    await headrace.post(f"/v1/executions/{execution_id}/signals/tested")

    assert retry["nodes"] == ["tested"]
    assert await headrace.ended(execution_id) == "COMPLETED"
    assert (await headrace.history(execution_id)).count("started build") == 1
