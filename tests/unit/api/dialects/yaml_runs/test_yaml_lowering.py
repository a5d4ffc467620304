"""Documents with steps become definitions of ours, one node for each step."""

from __future__ import annotations

from typing import Any

import pytest

from api.dialects.yaml_runs.lowering import MOST_JUMPS, in_their_words, lower, trigger_path_of
from api.dialects.yaml_runs.reader import StepsReader
from orchestrator.definitions.compiler import compile_definition
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid, Problem
from workers.handlers import Catalogue


def document(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    trigger = {"type": "webhook", "path": "/triggers/sample"}
    return {"name": "sample", "trigger": trigger, "steps": list(steps), **more}


def lowered(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Lower a document, and see to it that the engine takes what comes of it."""
    definition = lower(document(*steps, **more), limits=Limits())
    compile_definition(definition, handlers=Catalogue(frozenset()))
    return definition


def mistakes(sent: Any) -> dict[str, str]:
    with pytest.raises(DefinitionInvalid) as refused:
        lower(sent, limits=Limits())
    return {problem.path: problem.code for problem in refused.value.problems}


TRIGGER = {"id": "got", "type": "trigger"}


FIVE: list[dict[str, Any]] = [
    TRIGGER,
    {"id": "get", "type": "http", "url": "http://x/{got.body.id}"},
    {"id": "is_ok", "type": "condition", "condition": "{get.status_code} == 200", "on_false": "bad"},
    {"id": "good", "type": "llm", "prompt": "Say hello"},
    {"id": "bad", "type": "notify", "channel": "email", "message": "no"},
]


def test_each_step_is_a_node_behind_the_one_before_it() -> None:
    definition = lowered(*FIVE, description="What it is.")

    nodes = definition.pop("nodes")
    assert definition == {
        "name": "sample",
        "description": "What it is.",
        "fail_fast": True,
        "triggers": {"paths": [{"path": "sample"}]},
    }
    ids = [step["id"] for step in FIVE]
    assert [node["id"] for node in nodes] == ids
    assert [node.get("dependencies") for node in nodes] == [None, *([each] for each in ids[:-1])]
    assert [node.get("trigger_rule") for node in nodes] == [None, *["none_failed"] * 4]
    result = 'steps["is_ok"].output.result'
    assert [node.get("when") for node in nodes] == [None, None, None, result, f"(not {result})"]


def test_each_type_has_its_handler_and_config() -> None:
    code = '((steps["get"].output["status_code"] | default("{get.status_code}")))'
    asked = f'({code} | compare("==", ("200")))'

    nodes = {node["id"]: (node["handler"], node["config"]) for node in lowered(*FIVE)["nodes"]}

    values = {name: f"{{{{ trigger.{name} | default({{}}) }}}}" for name in ("body", "headers")}
    url = '{{ "http://x/" ~ (steps["got"].output["body"]["id"] | default("{got.body.id}")) }}'
    call = {"url": url, "expect_status": ["4xx", "5xx"], "on_failure": "output", "timeout": 30}
    question = {
        "result": f"{{{{ {asked} }}}}",
        "next_step": f'{{{{ "good" if {asked} else "bad" }}}}',
        "condition": f'{{{{ ({code} ~ " == " ~ ("200")) }}}}',
    }
    note = "written to the log; nothing leaves from here"
    data = {"channel": "email", "recipient": None, "subject": None, "sent": True, "note": note}
    asks = {"prompt": "Say hello", "model": "claude-sonnet-4-6", "max_tokens": 1024, "parse": True}
    assert nodes == {
        "got": ("output", values),
        "get": ("http", call),
        "is_ok": ("output", question),
        "good": ("llm", asks),
        "bad": ("notify", {"channel": "log", "message": "no", "data": data}),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", 0.5),
        ("timeout", "5s"),
        ("method", "post"),
        ("headers", {"A": "b"}),
        ("body", [1, None, "x"]),
    ],
)
def test_what_a_call_says_reaches_its_handler(field: str, value: Any) -> None:
    definition = lowered({"id": "a", "type": "http", "url": "http://x", field: value})

    assert definition["nodes"][0]["config"][field] == value


def test_what_a_model_is_asked_with_reaches_its_handler() -> None:
    step = {"id": "a", "type": "llm", "prompt": "{{ x }}", "model": "m", "max_tokens": 7}

    config = lowered(step)["nodes"][0]["config"]

    assert config == {"prompt": '{{ "{{ x }}" }}', "model": "m", "max_tokens": 7, "parse": True}


def test_steps_that_no_condition_can_skip_are_asked_nothing() -> None:
    definition = lowered(
        {"id": "a", "type": "condition", "condition": "true", "on_true": "c", "on_false": "d"},
        {"id": "b", "type": "trigger"},
        {"id": "c", "type": "trigger"},
        {"id": "d", "type": "trigger"},
        {"id": "e", "type": "trigger"},
    )

    assert [node.get("when") for node in definition["nodes"]] == [
        None,
        False,
        'steps["a"].output.result',
        '(not steps["a"].output.result)',
        None,
    ]


def test_many_conditions_may_follow_each_other_and_few_may_jump_over_one_step() -> None:
    def asked(number: int, target: str) -> dict[str, Any]:
        return {"id": f"c{number}", "type": "condition", "condition": "true", "on_true": target}

    row = [asked(number, f"c{number + 2}") for number in range(998)]
    last = [asked(998, "c999"), {"id": "c999", "type": "trigger"}]
    over = [asked(number, "c999") for number in range(60)]

    assert len(lowered(*row, *last)["nodes"]) == 1_000
    assert mistakes(document(*over, last[1])) == {"steps[17]": "too_many"}


def test_as_many_conditions_as_may_jump_over_one_step_compile() -> None:
    asked = {"type": "condition", "condition": "{got.body.x} > 1", "on_true": "z", "on_false": "y"}
    over = [{"id": f"c{number}", **asked} for number in range(MOST_JUMPS)]

    made = lowered(TRIGGER, *over, {"id": "y", "type": "trigger"}, {"id": "z", "type": "trigger"})

    assert len(made["nodes"]) == MOST_JUMPS + 3


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/triggers/a", "a"),
        ("triggers/a/b", "a/b"),
        ("a", "a"),
        ("/a/", "a"),
        ("/triggers/triggers/a", "triggers/a"),
    ],
)
def test_a_path_is_what_follows_triggers(text: str, path: str) -> None:
    assert trigger_path_of(text) == path


def test_a_tenant_that_chooses_no_paths_is_given_one() -> None:
    definition = lower(document(TRIGGER), limits=Limits(), chooses_path=False)

    assert definition["triggers"] == {"paths": [{}]}


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ([], {"": "wrong_type"}),
        ({}, {"name": "missing", "trigger": "missing", "steps": "missing"}),
        (document(TRIGGER, name=""), {"name": "bad_value"}),
        (document(TRIGGER, trigger="x"), {"trigger": "wrong_type"}),
        (document(TRIGGER, trigger={}), {"trigger.path": "missing"}),
        (document(TRIGGER, trigger={"path": "/triggers/"}), {"trigger.path": "bad_value"}),
        (document(TRIGGER, trigger={"path": "a", "secret": "x"}), {"trigger.secret": "unknown_field"}),
        (document(TRIGGER, steps={}), {"steps": "wrong_type"}),
        (document("x"), {"steps[0]": "wrong_type"}),  # type: ignore[arg-type]
        (document({"id": 1, "type": 2}), {"steps[0].id": "wrong_type", "steps[0].type": "bad_value"}),
        (document({"id": "a", "type": "llm", "prompt": 1}), {"steps[0].prompt": "wrong_type"}),
        (
            document({"id": "a", "type": "llm", "prompt": "x", "max_tokens": 0}),
            {"steps[0].max_tokens": "bad_value"},
        ),
        (document({"id": "a", "type": "condition", "condition": 5}), {"steps[0].condition": "wrong_type"}),
        (document({"id": "a", "type": "condition"}), {"steps[0].condition": "missing"}),
        (document({"id": "a", "type": "trigger", "url": "x"}), {"steps[0].url": "unknown_field"}),
        (document({"id": "a", "type": "notify"}), {"steps[0].channel": "missing"}),
        (
            document({"id": "a", "type": "condition", "condition": "true", "on_true": 3}),
            {"steps[0].on_true": "wrong_type"},
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(sent: Any, found: dict[str, str]) -> None:
    assert mistakes(sent) == found


@pytest.mark.parametrize(
    ("path", "message", "found"),
    [
        (
            "nodes[1].config.url",
            "node 'get': 'config.url' must be text",
            ("steps[1].url", "step 'get': 'url' must be text"),
        ),
        ("nodes[0].id", "'nodes[0].id' is wrong", ("steps[0].id", "'steps[0].id' is wrong")),
        ("triggers.paths[0].path", "taken", ("trigger.path", "taken")),
        ("name", "'name' is wrong", ("name", "'name' is wrong")),
    ],
)
def test_a_problem_of_the_definition_is_one_of_the_document(
    path: str, message: str, found: tuple[str, str]
) -> None:
    problem = in_their_words(Problem(path, "x", message))

    assert (problem.path, problem.message) == found


def test_files_with_steps_and_a_trigger_are_known() -> None:
    reader = StepsReader()

    readable = reader.read(document(TRIGGER))

    assert reader.recognises(document())
    assert not reader.recognises({"nodes": [], "trigger": {}})
    assert (readable.title, readable.labels) == ("sample", {"door": "yaml_runs"})
    assert readable.definition == lower(document(TRIGGER), limits=Limits())
