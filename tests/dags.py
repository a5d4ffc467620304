"""Small makers of definition documents, and random DAGs with a scripted outcome for every node."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition, PlainHandlers
from orchestrator.documents.limits import Limits

RULES = (
    "none_failed_min_one_success",
    "all_success",
    "all_done",
    "all_done_min_one_success",
    "all_failed",
    "all_skipped",
    "none_failed",
    "none_skipped",
)
EARLY_RULES = ("one_success", "one_failed", "one_done", "always")

#: "ok", "fail", "skip", ("branch", ids not taken), or ("items", one of the first three for each item);
#: what tests.families adds, the interpreter tells.
Outcome = str | tuple[str, Any]

HANDLERS = PlainHandlers(
    frozenset({"noop", "condition", "switch", "delay", "http", "sub_workflow", "unreliable_handler"})
)


def node(
    node_id: str, *, after: list[str] | None = None, handler: str = "noop", **fields: Any
) -> dict[str, Any]:
    """Make one node of a document; fields are those of the definition format."""
    return {"id": node_id, "handler": handler, "dependencies": after or [], "config": {}, **fields}


def condition(
    node_id: str,
    *,
    after: list[str] | None = None,
    true: list[str] | None = None,
    false: list[str] | None = None,
    expression: str = "true",
    **fields: Any,
) -> dict[str, Any]:
    """Make a condition node with its two branches."""
    config = {"expression": expression, "true_branch": true or [], "false_branch": false or []}
    return node(node_id, after=after, handler="condition", **fields) | {"config": config}


def workflow(*nodes: dict[str, Any], name: str = "test", **extras: Any) -> dict[str, Any]:
    """Make a native document; extras stand beside `dag`."""
    return {"name": name, "dag": {"nodes": list(nodes)}, **extras}


def compiled(document: dict[str, Any]) -> Definition:
    """Compile a document against the handlers the tests use."""
    return compile_definition(document, handlers=HANDLERS, limits=Limits())


@dataclass(frozen=True)
class ScriptedDag:
    """A document and what each handler call would do, were it made."""

    document: dict[str, Any]
    outcomes: dict[str, Outcome]

    def outcome(self, of: dict[str, Any]) -> Outcome:
        """Answer as the interpreter asks."""
        return self.outcomes[of["id"]]


@st.composite
def scripted_dags(
    draw: st.DrawFn, max_nodes: int = 60, *, is_plain: bool = False, with_maps: bool = False
) -> ScriptedDag:
    """Draw a DAG with joins under all rules, conditions and switches, `when`, and uncritical nodes.

    is_plain   no switch, and no failure that is handled: caught by a successor, or gone on from.
    with_maps  some nodes run once for each item of a list, of which some fail and some are tolerated.
    """
    count = draw(st.integers(1, max_nodes))
    names = [f"n{i}" for i in range(count)]
    nodes: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(names):
        parents = draw(st.lists(st.integers(0, i - 1), max_size=4, unique=True)) if i else []
        nodes[name] = node(name, after=[names[p] for p in parents])
    targets = _draw_branches(draw, nodes, is_plain)
    outcomes: dict[str, Outcome] = {}
    for name, drawn in nodes.items():
        if drawn["dependencies"]:
            allowed = RULES if name in targets else RULES + EARLY_RULES
            drawn["trigger_rule"] = draw(st.just(RULES[0]) | st.sampled_from(allowed))
        if draw(st.integers(0, 3)) == 0:
            drawn["critical"] = False
        if not is_plain and draw(st.integers(0, 3)) == 0:
            drawn["retry"] = {"max_attempts": 1, "on_exhausted": "continue"}
        outcomes[name] = _draw_outcome(draw, drawn)
        if with_maps and drawn["handler"] == "noop" and draw(st.integers(0, 5)) == 0:
            outcomes[name] = _draw_map(draw, drawn, outcomes[name])
    return ScriptedDag(workflow(*nodes.values()), outcomes)


def _draw_branches(draw: st.DrawFn, nodes: dict[str, dict[str, Any]], is_plain: bool) -> set[str]:
    """Turn a third of the nodes that have successors into conditions; give the ids named in branches."""
    successors: dict[str, list[str]] = {name: [] for name in nodes}
    for name, drawn in nodes.items():
        for dependency in drawn["dependencies"]:
            successors[dependency].append(name)
    targets: set[str] = set()
    for name, after in successors.items():
        if after and not is_plain and draw(st.integers(0, 4)) == 0:
            goto = draw(st.sampled_from(after))
            nodes[name]["catch"] = [{"errors": ["*"], "goto": goto}]
            targets.add(goto)
            continue
        if not after or draw(st.integers(0, 2)):
            continue
        sides = draw(st.lists(st.sampled_from(("1", "2", "3", "")), min_size=len(after), max_size=len(after)))
        one, two, three = (
            [s for s, side in zip(after, sides, strict=True) if side == number] for number in "123"
        )
        config: dict[str, Any]
        if is_plain or draw(st.booleans()):
            config = {"expression": "true", "true_branch": one, "false_branch": two}
            nodes[name].update(handler="condition", config=config)
            targets.update(one, two)
        else:
            config = {"value": "1", "cases": {"1": one, "2": two}, "default": three}
            nodes[name].update(handler="switch", config=config)
            targets.update(one, two, three)
    return targets


def _draw_outcome(draw: st.DrawFn, drawn: dict[str, Any]) -> Outcome:
    kind = draw(st.sampled_from(("ok", "ok", "ok", "fail", "skip")))
    if kind == "skip" and draw(st.booleans()):
        drawn["when"] = "{{ false }}"
    if kind != "ok":
        return kind
    if draw(st.integers(0, 4)) == 0:
        drawn["when"] = "{{ true }}"
    config = drawn["config"]
    if drawn["handler"] == "switch":
        config["value"] = draw(st.sampled_from("123"))
        answers = {**config["cases"], "3": config["default"]}
        return "branch", tuple(i for case, ids in answers.items() if case != config["value"] for i in ids)
    if drawn["handler"] != "condition":
        return "ok"
    is_true = draw(st.booleans())
    config["expression"] = "true" if is_true else "false"
    return "branch", tuple(config["false_branch" if is_true else "true_branch"])


def _draw_map(draw: st.DrawFn, drawn: dict[str, Any], outcome: Outcome) -> Outcome:
    """Map a node; one that is skipped is so by its `when`, before there are items."""
    items = draw(st.lists(st.sampled_from(("ok", "ok", "ok", "fail", "skip")), max_size=6))
    drawn["map"] = {
        "items": list(range(len(items))),
        "max_concurrency": draw(st.sampled_from((0, 0, 1, 2, 5))),
        "tolerated_failure_count": draw(st.sampled_from((0, 0, 1, 2, 30))),
        "tolerated_failure_percentage": draw(st.sampled_from((0, 0, 20, 33.4, 50, 100))),
        "on_item_failure": draw(st.sampled_from(("continue", "stop"))),
    }
    if outcome == "skip":
        drawn["when"] = "{{ false }}"
    return outcome if isinstance(outcome, str) and outcome != "ok" else ("items", tuple(items))
