"""Workflows built in Python: the document, references, dependencies, and typos that are found at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from headrace import Terminal, Workflow
from headrace.keywords import WORKFLOW_FIELDS
from orchestrator.definitions.compiler import _TOP_FIELDS, compile_definition
from workers.handlers import Catalogue
from workers.registry import specs


def nodes_of(workflow: Workflow) -> dict[str, dict[str, Any]]:
    return {node["id"]: node for node in workflow.to_dict()["nodes"]}


def test_a_workflow_is_the_document_that_yaml_describes() -> None:
    with Workflow("Order", description="Ships it.", execution_timeout="1h") as w:
        fetch = w.http(url=f"https://shop.example/{w.inputs.id}", retry=3)
        check = w.condition(expression=fetch.output.body.total > 100, true_branch="ask")
        ask = w.approval(prompt=f"Ship {fetch.output.body.lines[0].sku}?", when=~w.inputs.is_test)
        ship = w.transform(
            output={"rows": fetch.output.body.lines, "by": ask.output.decision}, trigger_rule="all_done"
        )
        check >> ship
        w.returns({"shipped": ship.output.rows | "length"})

    document = yaml.safe_load(
        """
        name: Order
        description: Ships it.
        execution_timeout: 1h
        output: {shipped: "{{ ship.rows | length }}"}
        nodes:
          - id: fetch
            handler: http
            config: {url: "https://shop.example/{{ inputs.id }}"}
            retry: {max_attempts: 3}
          - id: check
            handler: condition
            dependencies: [fetch]
            config: {expression: "{{ fetch.body.total > 100 }}", true_branch: ask}
          - id: ask
            handler: approval
            dependencies: [fetch, check]
            config: {prompt: "Ship {{ fetch.body.lines[0].sku }}?"}
            when: not inputs.is_test
          - id: ship
            handler: transform
            dependencies: [fetch, check, ask]
            config: {output: {rows: "{{ fetch.body.lines }}", by: "{{ ask.decision }}"}}
            trigger_rule: all_done
        """
    )
    assert w.to_dict() == document
    assert compile_definition(w.to_dict(), handlers=Catalogue()).nodes
    assert yaml.safe_load(w.to_yaml()) == document


def test_steps_have_the_id_given_of_their_variable_or_of_their_handler() -> None:
    with Workflow("Ids") as w:
        first = w.noop()
        w.noop()
        w.noop()
        last = w.noop("the-end", config={"from": first})

    assert list(nodes_of(w)) == ["first", "noop", "noop_2", "the-end"]
    assert (first.id, last.id) == ("first", "the-end")
    assert nodes_of(w)["the-end"]["config"] == {"from": "{{ first }}"}


def test_ids_that_are_no_names_are_referred_to_as_the_language_has_it() -> None:
    with Workflow("Names") as w:
        a = w.noop("a-b")
        item = w.noop("item")
        w.noop("c", config={"x": a.output.n, "y": item.output["first name"], "z": f"{a.status}!"})

    assert nodes_of(w)["c"]["config"] == {
        "x": '{{ steps["a-b"].output.n }}',
        "y": '{{ steps["item"].output["first name"] }}',
        "z": '{{ steps["a-b"].status }}!',
    }
    assert nodes_of(w)["c"]["dependencies"] == ["a-b", "item"]
    assert compile_definition(w.to_dict(), handlers=Catalogue()).nodes


def test_a_map_names_its_items_and_may_be_one_reference() -> None:
    with Workflow("Prices") as w:
        ids = w.input()
        fetch = w.http(url=f"https://shop.example/{w.item}", map=w.inputs.ids)
        deep = w.http(url="https://x/{{ sku }}", map={"items": fetch.output, "item_name": "sku"})
        w.returns(deep)
        ids >> [fetch, deep]

    assert nodes_of(w)["fetch"]["map"] == {"items": "{{ inputs.ids }}"}
    assert nodes_of(w)["deep"]["dependencies"] == ["ids", "fetch"]
    assert compile_definition(w.to_dict(), handlers=Catalogue()).nodes


def test_order_without_data_is_said_by_arrows() -> None:
    with Workflow("Arrows") as w:
        a, b, c = w.noop("a"), w.noop("b"), w.noop("c")
        d = w.noop("d", after="a")
        a >> b >> [c]
        [b, c] >> d

    assert [node.get("dependencies") for node in w.to_dict()["nodes"]] == [
        None,
        ["a"],
        ["b"],
        ["a", "b", "c"],
    ]


def test_a_switch_and_a_catch_may_name_steps() -> None:
    with Workflow("Branches") as w:
        big, small, sorry = w.noop("big"), w.noop("small"), w.noop("sorry")
        w.switch("size", value=w.inputs.size, cases={"L": [big], "S": small}, default="small")
        w.fail("bad", message="no", catch=[{"errors": ["*"], "goto": sorry}])

    nodes = nodes_of(w)
    assert nodes["size"]["config"]["cases"] == {"L": ["big"], "S": "small"}
    assert nodes["big"]["dependencies"] == nodes["small"]["dependencies"] == ["size"]
    assert nodes["bad"]["catch"] == [{"errors": ["*"], "goto": "sorry"}]


def test_inputs_may_be_a_model() -> None:
    class Order(BaseModel):
        sum: int

    with Workflow("Typed", inputs=Order) as w:
        w.noop("a", config={"n": w.inputs.sum})

    assert w.to_dict()["inputs"]["properties"] == {"sum": {"title": "Sum", "type": "integer"}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"x": "{{ fetchh.body }}"}, "step 'a', config.x refers to 'fetchh', which is no step"),
        ({"x": ["{{fetchh}}"]}, r"config\.x\[0\] refers to 'fetchh'.*did you mean 'fetch'\?"),
        ({"x": '{{ steps["fetsch"].status }}'}, "did you mean 'fetch'"),
    ],
)
def test_a_text_that_names_no_step_fails_when_it_is_built(config: dict[str, Any], message: str) -> None:
    w = Workflow("Typos")
    w.noop("fetch")
    w.noop("a", config=config)

    with pytest.raises(ValueError, match=message):
        w.to_dict()


FOREIGN = Workflow("Other").noop("x")


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda w: w.noop("a", after="b"), "names 'b', which is no step"),
        (lambda w: [w.noop("a"), w.noop("a")], "two steps have the id 'a'"),
        (lambda w: w.noop("a", after=FOREIGN), "of another workflow"),
        (lambda w: print(w.noop().id), "known at the end"),
        (lambda w: w.noop("a b"), "is not allowed"),
        (lambda w: w.noop() if w.inputs.x > 1 else None, "say `when=`"),
        (lambda w: [*w.inputs.rows], "say `map=`"),
        (lambda w: len(w.inputs.rows), "length"),
        (lambda w: w.noop("a", config={"x": f"{w.inputs.x:>5}"}), "takes no format"),
        (
            lambda w: w.noop("a", depends_on=["b"]),
            "step 'a' .noop. has no argument 'depends_on'; did you mean 'after'",
        ),
        (
            lambda w: w.noop("a", retrys=3),
            r"did you mean 'retry'\? \(allowed: id, config, after, when, retry",
        ),
        (lambda w: w.http("a", url="x", timeot="3s"), r"did you mean 'timeout'\? \(allowed: id, url, method"),
        (lambda w: w.condition("a", else_branch="b"), "did you mean 'false_branch'"),
        (lambda w: w.node("mine", "a", url="x"), "goes into config: config={'url': …}"),
        (lambda w: w.node(print, "a"), "the name of a handler, as in @handler"),
        (lambda w: w.node("mine", "a", config="x"), "config is an object, got str"),
        (lambda w: w.noop("a", after=[3]), "after is steps or their ids, got 3"),
        (lambda w: w.noop("a") >> "b", "takes steps, got 'b'; an id is given to the later step, after=…"),
        (lambda w: w.noop("a", catch=w.noop("b")), "catch is a list of rules, each with the step"),
        (lambda w: w.noop("a", catch=[{"errors": ["*"]}]), "catch is a list of rules, each with the step"),
        (lambda w: w.noop("a")["rows"], r"write step\.output\['rows'\]"),
        (lambda w: "a" in w.inputs.rows, r"say `value\.is_in\(reference\)`"),
        (lambda w: int(w.inputs.n), 'say `reference \\| "int"`'),
        (lambda w: float(w.inputs.n), 'say `reference \\| "float"`'),
        (lambda w: w.inputs.name.upper(), "filters stand in the place of methods"),
        (lambda w: w.noop("a", config={"x": {1}}), r"nodes\[0\]\.config\.x is of the type set"),
    ],
)
def test_what_cannot_be_meant_is_refused(add: Callable[[Workflow], object], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message), Workflow("Wrong") as w:
        add(w)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"descripton": "x"}, "a Workflow has no argument 'descripton'; did you mean 'description'"),
        ({"input": {}}, "did you mean 'inputs'"),
        ({"cron": "@daily"}, "did you mean 'triggers'"),
        ({"output": 1}, r"say what it gives with w\.returns"),
    ],
)
def test_a_field_of_no_workflow_is_refused_with_the_nearest(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Workflow("Wrong", **fields)


def test_a_workflow_takes_every_field_that_a_definition_may_have() -> None:
    own = {"name", "inputs", "output", "nodes", "dag"}

    assert set(WORKFLOW_FIELDS) == {*_TOP_FIELDS} - own


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (
            lambda w: w.htpp,
            r"a Workflow has no 'htpp'; did you mean 'http'\?; a step of a handler of your own",
        ),
        (lambda w: w.shout, r"is w\.node\('shout', config="),
        (lambda w: w.noop("a").result, r"it has output, status and id; step\.output\.result is a field"),
    ],
)
def test_a_name_that_the_builder_does_not_have_comes_with_the_way_out(look: Any, message: str) -> None:
    with pytest.raises(AttributeError, match=message):
        look(Workflow("Wrong"))


def test_expressions_keep_their_order() -> None:
    with Workflow("Expressions") as w:
        a = w.noop()
        b = w.noop(when=(a.output.n + 1) * 2 > 3)
        c = w.noop(when=(a.output.kind == "x") | a.output.tags.first & True)
        d = w.noop(when=a.output.n.is_in([1, "two", None]))
        [b, c] >> d

    assert [node.get("when") for node in w.to_dict()["nodes"]] == [
        None,
        "((a.n + 1) * 2) > 3",
        '(a.kind == "x") or (a.tags.first and true)',
        'a.n in [1, "two", none]',
    ]
    assert compile_definition(w.to_dict(), handlers=Catalogue()).nodes


@pytest.mark.parametrize(
    "value",
    [
        "",
        "no",
        "a: b",
        "- x",
        "x\ny",
        "x\n",
        " x",
        "{{ now() }}",
        "1",
        "é",
        "a#b",
        "#",
        "null",
        "x\n  y",
        "\t",
        "~",
    ],
)
def test_any_text_survives_yaml(value: str) -> None:
    with Workflow("Text") as w:
        w.noop("a", config={"x": value, "list": [[value], {}, []]})

    assert yaml.safe_load(w.to_yaml()) == w.to_dict()


def test_every_handler_of_the_engine_has_a_method() -> None:
    ours = {spec.name for spec in specs() if spec.function.__module__.startswith("workers.library")}

    assert ours <= {name for name in dir(Workflow) if not name.startswith("_")}


def test_a_step_in_an_f_string_stands_for_what_it_gives() -> None:
    with Workflow("w") as w:
        first = w.http(url="http://h/")
        w.http(id="second", url=f"http://h/row/{first}")

    nodes = nodes_of(w)
    assert nodes["second"]["config"]["url"] == "http://h/row/{{ first }}"
    assert nodes["second"]["dependencies"] == ["first"]


def test_arithmetic_works_from_both_sides() -> None:
    with Workflow("w") as w:
        n = w.http(url="http://h/").output.body.n
        w.transform(id="sums", output=[1 + n, 10 - n, 2 * (n + 1), 100 / n, 9 // n, 7 % n, n % 3, n // 2, -n])

    assert nodes_of(w)["sums"]["config"]["output"] == [
        "{{ 1 + http.body.n }}", "{{ 10 - http.body.n }}", "{{ 2 * (http.body.n + 1) }}",
        "{{ 100 / http.body.n }}", "{{ 9 // http.body.n }}", "{{ 7 % http.body.n }}",
        "{{ http.body.n % 3 }}", "{{ http.body.n // 2 }}", "{{ -http.body.n }}",
    ]  # fmt: skip


def test_details_that_are_no_object_do_not_make_another_error_of_a_fault() -> None:
    odd: Any = "text"

    assert Terminal("no", details=odd).details == {"details": "text"}
    assert Terminal("no").details == {}


def test_a_definition_inside_of_a_step_has_names_of_its_own() -> None:
    with Workflow("billing") as child:
        charge = child.http(url="http://h/")
        child.notify(id="receipt", channel="log", message=f"paid {charge.output.body.id}")
    with Workflow("order") as w:
        charge = w.http(id="charge", url="http://h/order")
        written: Any = child.to_dict()
        w.sub_workflow("written", workflow=written, inputs={"n": 1})
        made: Any = child
        w.sub_workflow("made", workflow=made, inputs={"id": charge.output.body.id})

    nodes = nodes_of(w)
    assert nodes["written"]["config"]["workflow"] == nodes["made"]["config"]["workflow"] == child.to_dict()
    assert (nodes["written"].get("dependencies"), nodes["made"]["dependencies"]) == (None, ["charge"])
