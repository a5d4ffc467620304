"""`secrets.NAME`: only where a handler declares it, only in the worker, and nowhere afterwards."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from config import Settings
from headrace import Terminal, handler
from orchestrator.definitions.compiler import compile_definition
from orchestrator.engine import Engine
from orchestrator.errors import DefinitionInvalid, Problem
from orchestrator.states import NodeStatus
from orchestrator.templates.references import SECRETS_ALLOWED
from tests.fake_handlers import Stage, ended, start
from tests.makers import Rig, WorkerFleet, node, workflow
from tests.unit.clients.http.target_server import Seen, TargetServer, reply, running_target
from workers.context import HandlerContext, Toolbox
from workers.handlers import Catalogue
from workers.runtime.redaction import Redactor

CANARY = 'c4nary"/+ täl'
FORMS = (CANARY.encode(), b"c4nary", base64.b64encode(CANARY.encode()), b"c4nary%22")


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        yield server


@pytest.fixture
def leaky(stage: Stage) -> None:
    @handler("test_leaky", secrets=("key",))
    async def leak(config: Mapping[str, Any], context: HandlerContext) -> Any:
        """Put a secret wherever a handler can put something."""
        key = config["key"]
        context.log(f"using {key}", key=key)
        context.progress(0.5, key, key=key)
        match config["by"]:
            case "output":
                return {"a": [key, {key: 1}], "b64": base64.b64encode(key.encode()).decode()}
            case "error":
                raise Terminal(f"refused {key}", details={"key": key})
        raise ValueError(key)


def problems(*nodes: dict[str, Any]) -> list[Problem]:
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(workflow(*nodes), handlers=Catalogue())
    return refused.value.problems


@pytest.mark.parametrize(
    ("handler_name", "config"),
    [
        ("http", {"url": "https://x.example/", "query": {"k": "{{ secrets.K }}"}}),
        ("http", {"url": "https://x.example/", "method": "{{ secrets.K }}"}),
        ("llm", {"prompt": "{{ secrets.K }}"}),
        ("llm", {"prompt": "say {{ inputs.x ~ secrets.K }}"}),
        ("transform", {"output": {"x": ["{{ secrets.K }}"]}}),
        ("transform", {"output": "{% for c in secrets.K %}{{ c }}{% endfor %}"}),
        ("noop", {"x": "{{ secrets['K'] }}"}),
        ("condition", {"expression": "secrets.K == 'x'"}),
        ("delay", {"seconds": "{{ secrets.K|length }}"}),
        ("notify", {"channel": "log", "message": "{{ secrets.K }}"}),
    ],
)
def test_a_secret_where_it_would_be_kept_is_refused(handler_name: str, config: dict[str, Any]) -> None:
    (problem,) = problems(node("A", handler=handler_name, config=config))

    assert problem.code == "secret_not_allowed"
    assert "allowed" in problem.message


def test_the_field_that_a_refusal_names_as_an_example_does_take_secrets() -> None:
    assert "config.headers of http" in SECRETS_ALLOWED
    assert "headers" in (Catalogue().secret_fields("http") or ())


def test_a_secret_in_when_is_refused() -> None:
    (problem,) = problems(node("A", handler="http", config={"url": "https://x/"}, when="{{ secrets.K }}"))

    assert (problem.code, problem.path) == ("secret_not_allowed", "dag.nodes[0].when")


@pytest.mark.parametrize(
    "text", ["{{ secrets }}", "{{ secrets|list }}", "{{ secrets[inputs.x] }}", "{{ [secrets][0].K }}",
             "{{ secrets.get('K') }}", "{% for s in secrets %}{{ s }}{% endfor %}"]
)  # fmt: skip
def test_secrets_are_reached_by_name_only(text: str) -> None:
    (problem,) = problems(node("A", handler="http", config={"url": "https://x.example/", "body": text}))

    assert problem.code in ("bad_template", "secret_not_allowed")


async def test_a_secret_reaches_its_target_and_no_key_of_redis(
    rig: Rig, engine: Engine, fleet: WorkerFleet, target: TargetServer
) -> None:
    def echo(seen: Seen) -> bytes:
        body = orjson.dumps({"you": seen.headers["authorization"], "sent": seen.body.decode()})
        return reply(200, body, content_type="application/json")

    target.answers["/echo"] = echo
    await fleet.start(tools=Toolbox(secrets={"K": "c4nary-0123456789"}))

    config = {
        "url": f"{target.url}/echo",
        "method": "POST",
        "headers": {"Authorization": "Bearer {{ secrets.K }}"},
        "body": {"key": "{{ secrets.K }}"},
    }
    execution_id = await start(engine, node("A", handler="http", config=config))

    assert await ended(engine, execution_id) == "COMPLETED"
    assert target.seen[0].headers["authorization"] == "Bearer c4nary-0123456789"
    output = orjson.loads((await engine.executions.results(execution_id))["A"] or b"")
    assert output["body"] == {"you": "Bearer ***", "sent": '{"key":"***"}'}
    assert "c4nary" not in repr(await rig.dump())


@pytest.mark.usefixtures("leaky")
@pytest.mark.parametrize("by", ["output", "error", "fault"])
async def test_nothing_a_handler_leaves_behind_holds_a_secret(
    rig: Rig, engine: Engine, fleet: WorkerFleet, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    await fleet.start(tools=Toolbox(secrets={"K": CANARY}))

    execution_id = await start(
        engine, node("A", handler="test_leaky", config={"key": "{{ secrets.K }}", "by": by})
    )
    await ended(engine, execution_id)

    kept = repr(await rig.dump()).encode() + caplog.text.encode()
    assert b"***" in kept
    assert not [form for form in FORMS if form in kept]


async def test_a_missing_secret_is_named(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start(tools=Toolbox(secrets={"OTHER": "not to be shown"}))

    config = {"url": "https://x.example/", "headers": {"a": "{{ secrets.K }}"}}
    execution_id = await start(engine, node("A", handler="http", config=config))
    await ended(engine, execution_id)

    state = (await engine.nodes.get(execution_id, "A")).state
    assert state.status is NodeStatus.FAILED
    assert state.error is not None
    assert state.error["type"] == "TemplateError"
    assert "the secret 'K' is not set here (SECRET_K; " in state.error["message"]
    assert "OTHER" not in state.error["message"]


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Redactor(["abcd", "abcdefgh"]).text("x abcdefgh y abcd") == "x *** y ***"


def test_secrets_come_from_the_environment_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("SECRET_A=filed\nSECRET_B=fi$led${HOME}\nOTHER=x\n")
    monkeypatch.setattr("config.ROOT", tmp_path)
    monkeypatch.setenv("SECRET_A", "given")
    monkeypatch.setenv("SECRET_", "nameless")

    found = Settings().secrets

    assert (found["A"], found["B"]) == ("given", "fi$led${HOME}")
    assert "" not in found
    assert "OTHER" not in found
    assert "given" not in repr(Settings())
