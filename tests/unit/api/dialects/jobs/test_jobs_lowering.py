"""Jobs become chains of nodes of ours."""

from __future__ import annotations

import random
from typing import Any

import pytest

from api.dialects.jobs.lowering import NO_ORDER, OUTPUTS, PARAMS, Step, in_order, lower, title_of
from api.dialects.jobs.schemas import JobParams, JobRequest
from orchestrator.definitions.compiler import compile_definition
from workers.handlers import Catalogue


def filled(*steps: dict[str, Any], run_name: str = "demo") -> dict[str, Any]:
    """A job with every default filled in."""
    return JobRequest.model_validate({"run_name": run_name, "steps": list(steps)}).model_dump()


def bare(step_id: str, *needs: str) -> Step:
    return Step(0, step_id, "preprocess", needs, {})


def test_the_documented_steps_are_a_chain_that_reads_its_job_from_the_inputs() -> None:
    definition = lower(
        filled(
            {"id": "store", "op": "store_result", "needs": ["llm"], "params": {"namespace": "demo"}},
            {"id": "llm", "op": "llm_summarize", "needs": ["pre"]},
            {"id": "pre", "op": "preprocess"},
        )
    )

    text = "inputs.inputs[inputs.steps[2].params.field]"
    clean = 'steps["pre"].output.clean_text'
    most = "inputs.steps[1].params.max_tokens"
    assert definition == {
        "name": "demo",
        "nodes": [
            {
                "id": "pre",
                "handler": "output",
                "config": {
                    "clean_text": f'{{{{ (({text} if {text} is defined and {text} is not none else "")'
                    ' | string).split() | join(" ") }}'
                },
            },
            {
                "id": "llm",
                "handler": "output",
                "dependencies": ["pre"],
                "config": {
                    "summary": f'{{{{ "Summary(" ~ ([({clean} | string) | length, {most}] | min) ~ "): " ~ '
                    f"({clean} | string)[:{most}] }}}}"
                },
            },
            {
                "id": "store",
                "handler": "output",
                "dependencies": ["llm"],
                "config": {"stored_under": "{{ inputs.steps[0].params.namespace }}", "items": 1},
            },
        ],
        "output": {
            "run_name": "{{ inputs.run_name }}",
            "inputs": "{{ inputs.inputs }}",
            "outputs": {
                "pre": '{{ steps["pre"].output }}',
                "llm": '{{ steps["llm"].output }}',
                "store": '{{ steps["store"].output }}',
            },
            "stores": {
                "{{ inputs.steps[0].params.namespace }}": ['{{ steps["llm"].output.summary }}'],
            },
        },
    }
    compile_definition(definition, handlers=Catalogue(frozenset()))


@pytest.mark.parametrize(
    ("steps", "order"),
    [
        ([bare("a"), bare("b"), bare("c")], ["c", "b", "a"]),
        ([bare("a"), bare("b", "a"), bare("c", "a")], ["a", "c", "b"]),
        ([bare("a"), bare("x", "a"), bare("b"), bare("y", "b")], ["b", "y", "a", "x"]),
        ([bare("d", "b", "c"), bare("b", "a"), bare("c", "a"), bare("a")], ["a", "c", "b", "d"]),
        ([bare("a"), bare("b", "a", "a")], ["a", "b"]),
        ([], []),
        ([bare("a", "b"), bare("b", "a")], None),
        ([bare("a", "a")], None),
        ([bare("a"), bare("b", "c")], None),
    ],
)
def test_of_the_steps_that_are_ready_the_last_comes_first(steps: list[Step], order: list[str] | None) -> None:
    found = in_order(steps)

    assert (None if found is None else [step.id for step in found]) == order


@pytest.mark.parametrize("seed", range(50))
def test_every_step_comes_behind_all_it_needs(seed: int) -> None:
    draw = random.Random(seed)
    names = [f"s{number}" for number in range(draw.randint(1, 12))]
    steps = [
        bare(name, *draw.sample(names[:index], draw.randint(0, index))) for index, name in enumerate(names)
    ]
    draw.shuffle(steps)

    found = in_order(steps)

    assert found is not None
    places = {step.id: place for place, step in enumerate(found)}
    assert sorted(places) == sorted(names)
    assert all(places[need] < places[step.id] for step in steps for need in step.needs)


def test_steps_without_an_order_are_one_node_that_fails_and_is_no_step() -> None:
    definition = lower(filled({"id": "job", "op": "preprocess", "needs": ["job"]}))

    assert definition["nodes"] == [{"id": "job-2", "handler": "fail", "config": {"message": NO_ORDER}}]
    assert "output" not in definition


def test_no_steps_are_one_node_that_does_nothing() -> None:
    definition = lower(filled())

    assert definition["nodes"] == [{"id": "job", "handler": "noop"}]
    assert definition["output"]["outputs"] == definition["output"]["stores"] == {}


def test_what_is_stored_is_counted_for_each_namespace() -> None:
    def store(step_id: str, namespace: str, *needs: str) -> dict[str, Any]:
        params = {"namespace": namespace, "data": step_id}
        return {"id": step_id, "op": "store_result", "needs": list(needs), "params": params}

    definition = lower(filled(store("a", "x"), store("b", "y", "a"), store("c", "x", "b")))

    assert [node["config"]["items"] for node in definition["nodes"]] == [1, 1, 2]
    assert definition["output"]["stores"] == {
        "{{ inputs.steps[0].params.namespace }}": [
            "{{ inputs.steps[0].params.data }}",
            "{{ inputs.steps[2].params.data }}",
        ],
        "{{ inputs.steps[1].params.namespace }}": ["{{ inputs.steps[1].params.data }}"],
    }


def test_a_reference_that_leads_nowhere_fails_its_step_alone() -> None:
    definition = lower(
        filled(
            {"id": "a", "op": "llm_summarize", "params": {"source": "@ghost.x"}},
            {"id": "b", "op": "preprocess", "needs": ["a"]},
        )
    )

    assert [node["handler"] for node in definition["nodes"]] == ["fail", "output"]
    assert definition["nodes"][0]["config"]["message"].endswith(
        "which is no step before it (it is the first step)"
    )
    compile_definition(definition, handlers=Catalogue(frozenset()))


@pytest.mark.parametrize(
    ("run_name", "title"),
    [
        ("demo", "demo"),
        (" a\nb\x00 ", "a b"),
        ("", "job"),
        ("\t", "job"),
        ("x" * 300, "x" * 256),
        ("Prüfung", "Prüfung"),
    ],
)
def test_any_run_name_makes_a_title(run_name: str, title: str) -> None:
    assert title_of(run_name) == title


def test_every_op_has_its_parameters_and_outputs() -> None:
    assert PARAMS.keys() == OUTPUTS.keys()
    assert set(JobParams.model_fields) == {name for names in PARAMS.values() for name in names}
