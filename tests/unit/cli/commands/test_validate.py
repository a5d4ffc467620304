"""`./headrace validate`: what it sends, what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner, Result

from cli.__main__ import app
from headrace import client
from headrace.client import AsyncClient
from tests.held_port import HeldPort

SUMMARY = {"name": "demo", "version": "0" * 16, "nodes": 1, "edges": 0, "depth": 1}
GOOD: dict[str, Any] = {"valid": True, "errors": [], "warnings": [], "summary": SUMMARY}
WARNED = GOOD | {
    "warnings": [
        {"path": "nodes[0]", "code": "never_runs", "message": "'A' can never run", "line": 3, "column": 5}
    ]
}
WRONG = GOOD | {
    "valid": False,
    "summary": None,
    "errors": [
        {"path": "nodes[0].x", "code": "unknown_field", "message": "unknown 'x'", "line": 9, "column": 2},
        {
            "path": "nodes[0].handler",
            "code": "unknown_handler",
            "message": "unknown handler 'nop'",
            "hint": "did you mean 'noop'?",
            "line": 4,
            "column": 14,
        },
    ],
}
JSON_TEXT = '{"name": "demo",\n "nodes": [\n   {"id": "A",\n    "handler": "nop"}\n ]}\n'

Run = Callable[..., Result]


@pytest.fixture
def sent() -> list[Any]:
    """The definitions that reached the server."""
    return []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sent: list[Any]) -> Run:
    """Run the command in a directory of its own, against a server that gives these answers in turn."""
    monkeypatch.chdir(tmp_path)

    def run_against(answers: list[dict[str, Any]], *arguments: str, stdin: str | None = None) -> Result:
        waiting = iter(answers)

        def answer(request: httpx2.Request) -> httpx2.Response:
            assert (request.method, request.url.path) == ("POST", "/v1/validate")
            sent.append(json.loads(request.content)["definition"])
            return httpx2.Response(200, json=next(waiting))

        fake = partial(AsyncClient, transport=httpx2.MockTransport(answer))
        monkeypatch.setattr(client, "AsyncClient", fake)
        return CliRunner().invoke(app, ["validate", "--server", "http://server", *arguments], input=stdin)

    return run_against


def written(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_a_good_file_ends_with_0_and_prints_nothing_but_the_sum(run: Run, sent: list[Any]) -> None:
    ended = run([GOOD], written("a.yaml", "name: demo\n"))

    assert (ended.exit_code, ended.stdout, sent) == (0, "", ["name: demo\n"])
    assert ended.stderr == "1 file: no errors, no warnings\n"


def test_findings_are_lines_with_file_line_column_and_code_in_the_order_of_the_file(run: Run) -> None:
    ended = run([WRONG, WARNED], written("a.yaml", "x"), written("b.yml", "y"))

    assert ended.exit_code == 1
    assert ended.stdout.splitlines() == [
        "a.yaml:4:14: unknown_handler unknown handler 'nop'; did you mean 'noop'?",
        "a.yaml:9:2: unknown_field unknown 'x'",
        "b.yml:3:5: never_runs warning: 'A' can never run",
    ]
    assert ended.stderr == "2 files: 2 errors, 1 warning\n"


def test_warnings_fail_only_when_strict(run: Run) -> None:
    file = written("a.yaml", "x")

    assert run([WARNED], file).exit_code == 0
    assert run([WARNED], file, "--strict").exit_code == 1
    assert run([GOOD], file, "--strict").exit_code == 0


def test_json_is_sent_as_an_object_and_its_lines_are_found_in_the_file(run: Run, sent: list[Any]) -> None:
    entry = {"path": "nodes[0].handler", "code": "unknown_handler", "message": "unknown handler 'nop'"}

    ended = run([GOOD | {"errors": [entry]}], written("a.json", JSON_TEXT))

    assert sent == [json.loads(JSON_TEXT)]
    assert ended.stdout == "a.json:4:5: unknown_handler unknown handler 'nop'\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"name": }', "a.json:1:10: bad_json not valid JSON: Expecting value"),
        ('{"a": 1,\n "a": 2}', "a.json:2:2: duplicate_key the key 'a' stands twice in this object"),
        ('{"a": [1,\n NaN]}', "a.json:2:2: not_finite NaN is not JSON"),
        ("[1]", "a.json:1:1: wrong_type a workflow must be a JSON object"),
    ],
)
def test_json_that_cannot_be_read_is_an_error_and_is_not_sent(
    run: Run, sent: list[Any], text: str, line: str
) -> None:
    ended = run([], written("a.json", text))

    assert (ended.exit_code, ended.stdout, sent) == (1, line + "\n", [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("name", ["flow.json", "flow.yaml"])
def test_a_file_is_read_as_editors_save_it(
    run: Run, sent: list[Any], tmp_path: Path, encoding: str, name: str
) -> None:
    text = '{"name": "grün",\n "nodes": [{"id": "A", "handler": "noop"}]}\n'
    file = tmp_path / name
    file.write_bytes(text.replace("\n", "\r\n").encode(encoding))

    assert run([GOOD], str(file)).exit_code == 0

    assert sent == [json.loads(text) if name == "flow.json" else text]


def test_standard_input_is_read_as_yaml_or_json(run: Run, sent: list[Any]) -> None:
    assert run([WARNED], "-", stdin="name: demo\n").stdout.startswith("stdin:3:5: never_runs")
    assert run([GOOD], "-", stdin=JSON_TEXT).exit_code == 0
    assert sent == ["name: demo\n", json.loads(JSON_TEXT)]


def test_a_json_report_has_an_entry_for_each_file(run: Run) -> None:
    ended = run([WRONG, GOOD], written("a.yaml", "x"), written("b.yaml", "y"), "-o", "json")

    first, second = json.loads(ended.stdout)["files"]
    assert (ended.exit_code, first["file"], first["valid"], len(first["errors"])) == (1, "a.yaml", False, 2)
    assert first["errors"][0] == {
        "path": "nodes[0].handler",
        "code": "unknown_handler",
        "message": "unknown handler 'nop'",
        "hint": "did you mean 'noop'?",
        "line": 4,
        "column": 14,
    }
    assert second == {"file": "b.yaml", "valid": True, "errors": [], "warnings": [], "summary": SUMMARY}


def test_a_sarif_report_names_rule_level_and_place(run: Run) -> None:
    ended = run([WARNED], written("a b.yaml", "x"), "--output", "sarif")

    log = json.loads(ended.stdout)
    (only,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert only["tool"]["driver"] == {"name": "headrace", "rules": [{"id": "never_runs"}]}
    assert only["results"] == [
        {
            "ruleId": "never_runs",
            "ruleIndex": 0,
            "level": "warning",
            "message": {"text": "'A' can never run"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "a%20b.yaml"},
                        "region": {"startLine": 3, "startColumn": 5},
                    }
                }
            ],
        }
    ]


@pytest.mark.parametrize("arguments", [("none.yaml",), ("a.yaml", "-o", "xml"), ()])
def test_an_unreadable_file_or_a_wrong_option_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    written("a.yaml", "x")

    assert run([], *arguments).exit_code == 2


def test_without_a_server_it_ends_with_5(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    fake = partial(AsyncClient, transport=httpx2.MockTransport(refuse))
    monkeypatch.setattr(client, "AsyncClient", fake)
    monkeypatch.chdir(tmp_path)

    ended = CliRunner().invoke(app, ["validate", written("a.yaml", "x"), "--server", "http://server"])

    assert ended.exit_code == 5
    assert "./headrace dev" in ended.stderr


CUSTOM = "name: x\nnodes:\n  - {id: A, handler: audit_trip, config: {a: 1}}\n"


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where no server is."""
    held = HeldPort()
    yield f"http://127.0.0.1:{held.number}"
    held.close()


def test_without_a_server_files_are_checked_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STACK_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("cli.stack.info.api_url", lambda: nobody)
    bad = written("bad.yaml", "name: x\nnodes:\n  - {id: A, handler: htpp}\n")
    broken = written("broken.json", '{"name": }')

    ended = CliRunner().invoke(app, ["validate", bad, broken, written("custom.yaml", CUSTOM)])

    assert ended.exit_code == 1
    slip, broken_json, custom = ended.stdout.splitlines()
    assert slip == "bad.yaml:3:22: unknown_handler unknown handler 'htpp' in node 'A'; did you mean 'http'?"
    assert broken_json == "broken.json:1:10: bad_json not valid JSON: Expecting value"
    assert custom.startswith(
        "custom.yaml:3:22: unknown_handler warning: handler 'audit_trip' is not built in"
    )
    assert "checked without the handlers of workers" in ended.stderr


def test_a_named_server_that_is_away_is_not_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    monkeypatch.chdir(tmp_path)

    ended = CliRunner().invoke(app, ["validate", "--server", nobody, written("a.yaml", CUSTOM)])

    assert (ended.exit_code, ended.stdout) == (5, "")


def test_a_module_that_cannot_be_loaded_ends_the_checks_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], nobody: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDLERS", "no_such_module")
    monkeypatch.setattr("cli.stack.info.api_url", lambda: nobody)

    ended = CliRunner().invoke(app, ["validate", written("a.yaml", CUSTOM)])

    assert ended.exit_code == 2
    assert "headrace validate: cannot load handler module 'no_such_module' (HANDLERS)" in ended.stderr
    assert capfd.readouterr().err == ""


def test_files_of_other_shapes_are_checked_here_and_stubs_are_left_out(run: Run, sent: list[Any]) -> None:
    steps = written(
        "steps.yaml", "name: x\ntrigger: {type: webhook, path: /x}\nsteps:\n  - {id: a, type: htpp}\n"
    )
    stubs = written("steps.stubs.yaml", "nodes: {}")

    ended = run([GOOD], steps, stubs, written("a.yaml", "name: demo\n"))

    assert sent == ["name: demo\n"]
    assert ended.exit_code == 1
    assert ended.stdout.startswith("steps.yaml:4:")
    assert ended.stderr.startswith("2 files: ")
