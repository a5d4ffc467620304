"""`./headrace apply`, `workflows` and `run NAME`: what they ask of the server and what they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

ORDER = "name: Order Pipeline\nnodes:\n  - {id: A, handler: noop}\n"


class Registry:
    """Answers as the API does for workflows, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx2.Request] = []
        self.texts: dict[str, list[bytes]] = {}
        self.refused = b""
        self.unknown = "unknown"

    def record(self, name: str) -> dict[str, Any]:
        return {
            "workflow_id": "wf_1", "name": name, "title": "Order Pipeline", "description": "Ships.",
            "labels": {"team": "shop"}, "is_active": True, "version": len(self.texts.get(name, ["x"])),
            "created_at": "c", "updated_at": "u",
        }  # fmt: skip

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        name = request.url.path.removeprefix("/v1/workflows").strip("/")
        if request.method == "PUT":
            return self._put(name, request)
        if request.method == "DELETE":
            return httpx2.Response(204)
        if request.method == "PATCH":
            return httpx2.Response(
                200, json=self.record(name) | json.loads(request.content) | {"outcome": "updated"}
            )
        if name == "":
            return httpx2.Response(200, json={"items": [self.record("order-pipeline")], "next_cursor": None})
        if name == f"{self.unknown}/executions":
            return httpx2.Response(
                404, json={"code": "WORKFLOW_NOT_FOUND", "detail": f"no workflow {self.unknown!r}"}
            )
        if name.endswith("/executions"):
            return httpx2.Response(202, json={"execution_id": "e1", "status": "RUNNING"})
        if name.endswith("/source"):
            return httpx2.Response(200, text=ORDER)
        if name.endswith("/pause"):
            return httpx2.Response(200, json=self.record(name) | {"is_active": False, "outcome": "updated"})
        if name.startswith(self.unknown):
            return httpx2.Response(
                404, json={"code": "WORKFLOW_NOT_FOUND", "detail": f"no workflow {self.unknown!r}"}
            )
        schema = {"type": "object", "properties": {"n": {"type": "string"}}}
        more = {"version": 2, "hash": "hash"} if "/versions/" in name else {}
        return httpx2.Response(200, json=self.record(name) | more | {"definition": {"inputs": schema}})

    def _put(self, name: str, request: httpx2.Request) -> httpx2.Response:
        texts = self.texts.setdefault(name, [])
        if self.refused and self.refused in request.content:
            return httpx2.Response(400, json={"code": "DEFINITION_INVALID", "detail": "no", "errors": [
                {"path": "nodes", "code": "x", "message": "wrong", "line": 2, "column": 1}
            ]})  # fmt: skip
        if texts and request.headers.get("if-match") is None:
            return httpx2.Response(428, json={"code": "PRECONDITION_REQUIRED", "detail": "If-Match"})
        if request.url.params.get("dry_run"):
            return self._foreseen(name, texts, request)
        outcome = "updated" if texts else "created"
        if request.content in texts:
            outcome = "unchanged"
        else:
            texts.append(request.content)
        answer = self.record(name) | {"outcome": outcome}
        return httpx2.Response(200, json=answer | self._warnings(request))

    def _foreseen(self, name: str, texts: list[bytes], request: httpx2.Request) -> httpx2.Response:
        outcome, version = "created", 1
        if texts:
            is_same = request.content in texts
            outcome, version = ("unchanged", len(texts)) if is_same else ("updated", len(texts) + 1)
        answer = self.record(name) | {"outcome": outcome, "version": version}
        return httpx2.Response(200, json=answer | self._warnings(request))

    def _warnings(self, request: httpx2.Request) -> dict[str, Any]:
        if b"kid" not in request.content or "kid" in self.texts:
            return {}
        return {
            "warnings": [
                {"path": "nodes[0].config.workflow", "code": "unknown_workflow", "message": "no kid"}
            ]
        }


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry()
    answer_with(monkeypatch, made.answer)
    return made


def test_apply_creates_changes_and_leaves_alone(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "order.yaml"
    file.write_text(ORDER)

    first = run("apply", str(file))
    again = run("apply", str(file))
    file.write_text(ORDER + "# more\r\n")
    changed = run("apply", str(file))

    assert [first, again, changed] == [
        (0, ["created order-pipeline (version 1)"]),
        (0, ["unchanged order-pipeline (version 1)"]),
        (0, ["updated order-pipeline (version 2)"]),
    ]
    assert registry.texts["order-pipeline"] == [ORDER.encode(), file.read_bytes()]
    assert {request.headers["content-type"] for request in registry.asked} == {"application/yaml"}


def test_a_dry_run_of_apply_says_what_it_would_do(registry: Registry, tmp_path: Path) -> None:
    file, bad = tmp_path / "order.yaml", tmp_path / "bad.yaml"
    file.write_text(ORDER)
    bad.write_text("name: Bad\nnodes: []\n")
    registry.refused = b"Bad"

    first = run("apply", str(file), "--dry-run")
    run("apply", str(file))
    again = run("apply", str(file), "--dry-run")
    labelled = run("apply", str(file), "--dry-run", "--label", "team=blue")
    same_label = run("apply", str(file), "--dry-run", "--label", "team=shop")
    file.write_text(ORDER + "# more\n")
    changed = run("apply", str(file), str(bad), "--dry-run")

    assert [first, again, labelled, same_label] == [
        (0, ["would create order-pipeline (version 1)"]),
        (0, ["unchanged order-pipeline (version 1)"]),
        (0, ["would update order-pipeline (version 1 stays)"]),
        (0, ["unchanged order-pipeline (version 1)"]),
    ]
    assert changed[0] == 2
    assert "would update order-pipeline (version 1 to 2)" in changed[1]
    assert f"{bad}: refused: 1 problem" in changed[1]
    assert registry.texts["order-pipeline"] == [ORDER.encode()]
    assert not [asked for asked in registry.asked if asked.method == "PATCH"]


def test_a_dry_run_registers_no_file_that_names_another(registry: Registry, tmp_path: Path) -> None:
    parent, kid = tmp_path / "parent.yaml", tmp_path / "kid.yaml"
    parent.write_text(ORDER + "# starts kid\n")
    kid.write_text(ORDER.replace("Order Pipeline", "Kid"))

    code, lines = run("apply", "--dry-run", str(parent), str(kid))

    assert (code, lines) == (0, ["would create order-pipeline (version 1)", "would create kid (version 1)"])
    assert not any(registry.texts.values())


def test_a_dry_run_warns_of_what_applying_warns_of(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parent.yaml"
    file.write_text("name: Parent\nnodes: [{id: A, handler: sub_workflow, config: {workflow: kid}}]\n")
    warning = f"{file}: warning: nodes[0].config.workflow: no kid"

    assert run("apply", "--dry-run", str(file)) == (0, ["would create parent (version 1)", warning])
    assert run("apply", str(file)) == (0, ["created parent (version 1)", warning])


def test_apply_prints_warnings_once_all_files_are_registered(registry: Registry, tmp_path: Path) -> None:
    parent, kid = tmp_path / "parent.yaml", tmp_path / "kid.yaml"
    parent.write_text("name: Parent\nnodes: [{id: A, handler: sub_workflow, config: {workflow: kid}}]\n")
    kid.write_text("name: Kid\nnodes: [{id: A, handler: noop}]\n")
    made = "created parent (version 1)"

    alone = run("apply", str(parent))
    registry.texts.clear()
    together = run("apply", str(parent), str(kid))

    warning = f"{parent}: warning: nodes[0].config.workflow: no kid"
    assert alone == (0, [made, warning])
    assert together == (0, [made, "created kid (version 1)"])


def test_apply_takes_json_and_another_name(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "night_shift.json"
    file.write_text('{"name": "夜勤", "nodes": []}')

    assert run("apply", str(file)) == (0, ["created night-shift (version 1)"])
    assert run("apply", str(file), "--name", "night") == (0, ["created night (version 1)"])
    assert registry.asked[0].headers["content-type"] == "application/json"


def test_apply_names_the_file_that_is_refused_and_goes_on(registry: Registry, tmp_path: Path) -> None:
    registry.refused = b"Bad"
    for name, title in (("a", "Bad"), ("b", "Good")):
        (tmp_path / f"{name}.yaml").write_text(ORDER.replace("Order Pipeline", title))

    code, lines = run("apply", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))

    assert code == 2
    assert f"{tmp_path / 'a.yaml'}: refused: 1 problem" in lines
    assert "  nodes (line 2, column 1): wrong" in lines
    assert lines[-1] == "created good (version 1)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.yaml",), "headrace apply: none.yaml: no such file"),
        (("a.yaml", "b.yaml", "--name", "x"), "headrace apply: --name is for one file"),
    ],
)
def test_apply_says_what_is_wrong_with_its_arguments(
    registry: Registry, arguments: tuple[str, ...], message: str
) -> None:
    assert run("apply", *arguments) == (2, [message])
    assert not registry.asked


def test_workflows_are_listed_shown_paused_and_deleted(registry: Registry) -> None:
    row = "order-pipeline  Order Pipeline                            version 1  u"
    assert run("workflows", "--text", "order", "--label", "team:shop") == (0, [row])
    assert dict(registry.asked[0].url.params) == {"limit": "50", "label": "team:shop", "text": "order"}
    assert run("workflows", "get", "order-pipeline") == (
        0,
        [
            "Order Pipeline (order-pipeline)", "  wf_1", "  version 1, active", "  created c, updated u",
            "  team=shop", "  Ships.",
        ],
    )  # fmt: skip
    assert run("workflows", "get", "order-pipeline", "--source") == (0, ORDER.splitlines())
    assert run("workflows", "pause", "order-pipeline") == (0, ["paused"])
    assert run("workflows", "delete", "order-pipeline") == (0, ["deleted order-pipeline"])


def test_run_starts_a_registered_workflow_where_there_is_no_such_file(registry: Registry) -> None:
    assert run("run", "order-pipeline", "-i", "n=5", "--no-watch") == (0, ["e1"])
    assert [(request.method, request.url.path) for request in registry.asked] == [
        ("GET", "/v1/workflows/order-pipeline"),
        ("POST", "/v1/workflows/order-pipeline/executions"),
    ]
    assert json.loads(registry.asked[1].content) == {"inputs": {"n": "5"}}
    assert run("run", "missing.yaml") == (2, ["headrace run: missing.yaml: no such file"])
    assert run("run", "unknown", "-i", "n=5") == (
        2,
        ["there is no file 'unknown'", "refused: no workflow 'unknown'"],
    )


def test_run_asks_for_a_word_that_is_too_long_to_name_a_file(registry: Registry) -> None:
    registry.unknown = "long" * 100

    assert run("run", registry.unknown) == (
        2,
        [f"there is no file {registry.unknown!r}", f"refused: no workflow {registry.unknown!r}"],
    )


@pytest.mark.parametrize("named", ["unknown", "Unknown", "un_known", "un.known"])
def test_run_looks_for_a_name_in_both_places_and_hints_at_a_file_that_is_near(
    registry: Registry, named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unknown.yaml").write_text(ORDER)
    registry.unknown = named

    assert run("run", named) == (
        2,
        [f"there is no file {named!r}; did you mean 'unknown.yaml'?", f"refused: no workflow {named!r}"],
    )
    assert run("run", "unknwon.yaml") == (
        2,
        ["headrace run: unknwon.yaml: no such file; did you mean 'unknown.yaml'?"],
    )


def test_a_version_that_is_named_is_started_shown_and_printed(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "order.yaml"
    file.write_text(ORDER)

    assert run("run", "order-pipeline", "--version", "2", "-i", "n=5", "--no-watch") == (0, ["e1"])
    assert [request.url.path for request in registry.asked] == [
        "/v1/workflows/order-pipeline/versions/2",
        "/v1/workflows/order-pipeline/executions",
    ]
    assert json.loads(registry.asked[1].content) == {"inputs": {"n": "5"}, "version": 2}
    assert run("workflows", "get", "order-pipeline", "--version", "2") == (
        0,
        ["Order Pipeline (order-pipeline)", "  version 2, created c", "  hash hash"],
    )
    assert run("workflows", "get", "order-pipeline", "--version", "2", "--source")[0] == 0
    assert dict(registry.asked[-1].url.params) == {"version": "2"}
    assert run("run", str(file), "--version", "2") == (
        2,
        [f"headrace run: --version is for a registered workflow; '{file}' is a file"],
    )


def test_labels_are_added_and_taken_away(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "order.yaml"
    file.write_text(ORDER)

    assert run("workflows", "label", "order-pipeline", "tier=1", "team=") == (0, ["tier=1"])
    assert run("workflows", "label", "order-pipeline") == (0, ["team=shop"])
    assert run("apply", str(file), "--label", "team:blue") == (0, ["created order-pipeline (version 1)"])
    assert run("workflows", "--label", "team=blue")[0] == 0

    changes = [json.loads(asked.content) for asked in registry.asked if asked.method == "PATCH"]
    assert changes == [{"labels": {"tier": "1"}}, {"labels": {"team": "blue"}}]
    assert registry.asked[-1].url.params["label"] == "team:blue"
