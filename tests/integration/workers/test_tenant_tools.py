"""What belongs to one tenant is not set for another, in the words of a name that nobody has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from clients.notify.webhook_signer import signed_headers
from config import Settings
from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import WorkerFleet, node, until, workflow
from tests.unit.clients.containers.fake_engine import FakeEngine, running_engine
from tests.unit.clients.http.target_server import Seen, TargetServer, reply, running_target
from workers.runtime.settings import toolbox

E, N = ExecutionStatus, NodeStatus
KEY, OTHER_KEY = "acme-c4nary-0123456789", "default-c4nary-9876543210"
SIGNING = "whsec_" + "YWNtZS1zaWduaW5nLXNlY3JldC0w"
#: Names that acme has and beta has not, and one that nobody has.
ACMES, NOBODYS = "MINE", "NONE"
PRIVATE = "127.0.0.1 is a private address, and HTTP_ALLOW_PRIVATE does not list it"
NO_RETRY = {"max_attempts": 1}


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    def echo(seen: Seen) -> bytes:
        body = orjson.dumps({"you": seen.headers.get("authorization", "")})
        return reply(200, body, content_type="application/json")

    async with running_target() as server:
        server.answers |= {"/echo": echo, "/hook": reply(204, b"")}
        yield server


@pytest.fixture
async def docker() -> AsyncIterator[FakeEngine]:
    async with running_engine() as made:
        yield made


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, target: TargetServer, docker: FakeEngine
) -> Callable[..., None]:
    """Set what `default` and acme have; words are further variables."""

    def given(environment: str, **words: str) -> None:
        # `invalid` is a domain that never resolves.
        here = orjson.dumps({f"{ACMES.lower()}.invalid": target.url}).decode()
        hooks = orjson.dumps({ACMES: f"{target.url}/hook"}).decode()
        variables = {
            "ENVIRONMENT": environment,
            "DOCKER_HOST": docker.url,
            "SECRET_KEY": OTHER_KEY,
            "NOTIFY_URLS": orjson.dumps({"ops": f"{target.url}/hook"}).decode(),
            "TENANT_ACME_SECRET_MINE": KEY,
            "TENANT_ACME_WEBHOOK_SECRETS": orjson.dumps({ACMES: SIGNING}).decode(),
            "TENANT_ACME_NOTIFY_URLS": hooks,
            "TENANT_ACME_SERVICES": here,
            "TENANT_ACME_CONTAINER_IMAGES": "tool:1",
            "TENANT_ACME_CONTAINER_NETWORKS": ACMES,
            # Of one that has variables, but none of these.
            "TENANT_BETA_SECRET_OWN": "beta-c4nary-5555555555",
            **words,
        }
        for name, text in variables.items():
            monkeypatch.setenv(name, text)

    return given


@dataclass(frozen=True)
class Ended:
    status: ExecutionStatus
    output: Any
    #: Type and message.
    error: tuple[str, str] | None


async def run(engine: Engine, tenant: str, handler: str, config: dict[str, Any]) -> Ended:
    view = engine.of(tenant)
    document = workflow(node("A", handler=handler, config=config, retry=NO_RETRY))
    execution_id = (await view.executions.submit(document, trigger=True)).execution_id

    async def has_ended() -> bool:
        return (await view.executions.status(execution_id)).is_terminal

    await until(has_ended)
    state = (await view.nodes.get(execution_id, "A")).state
    output = (await view.executions.results(execution_id))["A"]
    error = (state.error["type"], state.error["message"]) if state.error else None
    return Ended(await view.executions.status(execution_id), orjson.loads(output or b"null"), error)


def a_secret(target: TargetServer, name: str) -> tuple[str, dict[str, Any]]:
    # Of an address that anyone may call: what has a secret also reaches it.
    headers = {"Authorization": f"Bearer {{{{ secrets.{name} }}}}"}
    return "http", {"url": f"{target.url}/echo", "headers": headers}


def a_signing_secret(target: TargetServer, name: str) -> tuple[str, dict[str, Any]]:
    url = f"{target.url}/hook"
    return "notify", {"channel": "webhook", "url": url, "message": "hello", "secret": name}


def a_notify_url(target: TargetServer, name: str) -> tuple[str, dict[str, Any]]:
    return "notify", {"channel": "slack", "url": name, "message": "hello"}


def an_apprise_url(target: TargetServer, name: str) -> tuple[str, dict[str, Any]]:
    return "notify", {"channel": "apprise", "url": name, "message": "hello"}


def a_service(target: TargetServer, name: str) -> tuple[str, dict[str, Any]]:
    return "call_external_service", {"url": f"http://{name.lower()}.invalid/echo"}


def an_image(target: TargetServer, name: str) -> tuple[str, dict[str, Any]]:
    return "container", {"image": {ACMES: "tool:1", NOBODYS: "tool:2"}.get(name, name)}


OWNED = [a_secret, a_signing_secret, a_notify_url, a_service, an_image]


@pytest.mark.parametrize("asking", OWNED)
@pytest.mark.parametrize("stranger", ["beta", "gamma", "default"])
async def test_what_is_acmes_is_not_set_for_another_tenant(
    engine: Engine,
    fleet: WorkerFleet,
    target: TargetServer,
    environment: Callable[..., None],
    asking: Callable[[TargetServer, str], tuple[str, dict[str, Any]]],
    stranger: str,
) -> None:
    environment("production")
    await fleet.start(tools=toolbox(Settings(_env_file=None)))

    works = await run(engine, "acme", *asking(target, ACMES))
    sent = len(target.seen)
    foreign = await run(engine, stranger, *asking(target, ACMES))
    unknown = await run(engine, stranger, *asking(target, NOBODYS))

    assert works.status is E.COMPLETED
    assert foreign.status is unknown.status is E.FAILED
    assert foreign.error is not None
    assert unknown.error is not None
    # Word for word the same, but for the name that was asked for.
    asked, none = (str(asking(target, name)[1]) for name in (ACMES, NOBODYS))
    assert asked != none
    said = foreign.error[1].replace(ACMES, NOBODYS).replace(ACMES.lower(), NOBODYS.lower())
    assert (foreign.error[0], said.replace("tool:1", "tool:2")) == unknown.error
    assert len(target.seen) == sent


@pytest.mark.parametrize(("handler", "config"), [
    ("http", {"url": "{url}/echo"}),
    ("notify", {"channel": "slack", "url": "{url}/hook", "message": "hello"}),
    ("notify", {"channel": "webhook", "url": "{url}/hook", "message": "hello", "secret": SIGNING}),
    ("call_external_service", {"url": "{url}/echo"}),
])  # fmt: skip
async def test_in_production_only_a_tenant_s_own_list_opens_a_private_address(
    engine: Engine,
    fleet: WorkerFleet,
    target: TargetServer,
    environment: Callable[..., None],
    handler: str,
    config: dict[str, Any],
) -> None:
    environment("production", HTTP_ALLOW_PRIVATE="10.0.0.0/8", TENANT_GAMMA_HTTP_ALLOW_PRIVATE="127.0.0.1")
    await fleet.start(tools=toolbox(Settings(_env_file=None)))
    config = {**config, "url": config["url"].replace("{url}", target.url)}

    ended = {name: await run(engine, name, handler, config) for name in ("gamma", "beta", "delta")}

    assert ended["gamma"].status is E.COMPLETED
    for name in ("beta", "delta"):
        assert ended[name].error == (
            "SsrfBlocked",
            f"refused to call 127.0.0.1:{target.port}: {PRIVATE}",
        )
    assert len(target.seen) == 1


async def test_messages_list_a_tenant_s_own_names_only(
    engine: Engine, fleet: WorkerFleet, target: TargetServer, environment: Callable[..., None]
) -> None:
    environment("production")
    await fleet.start(tools=toolbox(Settings(_env_file=None)))

    messages: dict[str, str] = {}
    for tenant in ("acme", "default", "beta"):
        for asking in (a_signing_secret, a_notify_url, an_image):
            ended = await run(engine, tenant, *asking(target, "nowhere"))
            assert ended.error is not None
            messages[tenant] = f"{messages.get(tenant, '')} {ended.error[1]}"

    assert messages["acme"].count(ACMES) == 2
    assert "tool:1" in messages["acme"]
    assert "ops" in messages["default"]
    for tenant, foreign in (("acme", "ops"), ("default", ACMES), ("beta", ACMES), ("beta", "ops")):
        assert foreign not in messages[tenant]
    assert messages["beta"].count("none") == 3
    assert "tool:1" not in messages["beta"] + messages["default"]


async def test_a_webhook_is_signed_with_the_tenant_s_own_secret(
    engine: Engine, fleet: WorkerFleet, target: TargetServer, environment: Callable[..., None]
) -> None:
    # One name, two secrets.
    others = "whsec_" + "ZGVmYXVsdC1zaWduaW5nLXNlY3JldDA="
    environment("development", WEBHOOK_SECRETS=orjson.dumps({ACMES: others}).decode())
    await fleet.start(tools=toolbox(Settings(_env_file=None)))

    for tenant, secret in (("acme", SIGNING), ("default", others)):
        assert (await run(engine, tenant, *a_signing_secret(target, ACMES))).status is E.COMPLETED
        seen = target.seen[-1]
        moment = int(seen.headers["webhook-timestamp"])
        expected = signed_headers(secret, message=seen.headers["webhook-id"], body=seen.body, now_s=moment)
        assert seen.headers["webhook-signature"] == expected["webhook-signature"]


async def test_in_development_addresses_services_and_containers_are_everybody_s(
    engine: Engine,
    fleet: WorkerFleet,
    target: TargetServer,
    environment: Callable[..., None],
    docker: FakeEngine,
) -> None:
    environment(
        "development",
        SERVICES=orjson.dumps({"shared.invalid": target.url}).decode(),
        WEBHOOK_SECRETS=orjson.dumps({"default": SIGNING}).decode(),
    )
    await fleet.start(tools=toolbox(Settings(_env_file=None)))
    docker.images.add("other:1")

    for tenant in ("acme", "beta", "gamma"):
        for asking in (
            ("http", {"url": f"{target.url}/echo"}),
            ("call_external_service", {"url": "http://shared.invalid/echo"}),
            ("container", {"image": "tool:1"}),
        ):
            assert (await run(engine, tenant, *asking)).status is E.COMPLETED

    # Secrets, signing secrets and URLs never are.
    for tenant in ("beta", "gamma"):
        for handler, config in (
            a_secret(target, "KEY"),
            a_secret(target, ACMES),
            a_signing_secret(target, "default"),
            a_notify_url(target, "ops"),
            an_apprise_url(target, "ops"),
            a_notify_url(target, ACMES),
        ):
            assert (await run(engine, tenant, handler, config)).status is E.FAILED
    # A list of its own is its own in development too.
    assert (await run(engine, "acme", "container", {"image": "other:1"})).status is E.FAILED


async def test_children_have_what_their_parent_s_tenant_has(
    engine: Engine, fleet: WorkerFleet, target: TargetServer, environment: Callable[..., None]
) -> None:
    environment("development")
    await fleet.start(tools=toolbox(Settings(_env_file=None)))
    handler, config = a_secret(target, ACMES)
    grandchild = workflow(node("A", handler=handler, config=config, retry=NO_RETRY))
    child = workflow(node("S", handler="sub_workflow", config={"workflow": grandchild}, retry=NO_RETRY))

    for tenant in ("acme", "beta"):
        ended = await run(engine, tenant, "sub_workflow", {"workflow": child})
        assert (ended.status is E.COMPLETED) == (tenant == "acme")
    assert [seen.headers["authorization"] for seen in target.seen] == [f"Bearer {KEY}"]


async def test_a_map_and_a_retry_keep_the_tenant(
    engine: Engine, fleet: WorkerFleet, target: TargetServer, environment: Callable[..., None]
) -> None:
    environment("development")
    target.answers["/echo"] = reply(503, b"")
    await fleet.start(tools=toolbox(Settings(_env_file=None)))
    handler, config = a_secret(target, ACMES)
    policy = {"max_attempts": 2, "initial_interval": 0.01, "jitter": "none"}
    mapped = node("A", handler=handler, config=config, map={"items": [1, 2]}, retry=policy)

    view = engine.of("acme")
    execution_id = (await view.executions.submit(workflow(mapped), trigger=True)).execution_id

    async def has_ended() -> bool:
        return (await view.executions.status(execution_id)).is_terminal

    await until(has_ended)
    target.answers["/echo"] = reply(200, b"")
    await view.executions.retry(execution_id)
    await until(has_ended)
    assert await view.executions.status(execution_id) is E.COMPLETED
    assert [seen.headers["authorization"] for seen in target.seen] == [f"Bearer {KEY}"] * 6


async def test_every_tenant_s_secrets_are_hidden_everywhere(
    engine: Engine, fleet: WorkerFleet, target: TargetServer, environment: Callable[..., None]
) -> None:
    environment("development")
    await fleet.start(tools=toolbox(Settings(_env_file=None)))

    assert (await run(engine, "acme", *a_secret(target, ACMES))).output["body"] == {"you": "Bearer ***"}
    for tenant in ("acme", "beta", "gamma", "default"):
        for secret in (KEY, OTHER_KEY):
            ended = await run(engine, tenant, "transform", {"output": {"x": f"<{secret}>"}})
            assert ended.output["result"] == {"x": "<***>"}
            failed = await run(engine, tenant, "fail", {"message": f"with {secret}"})
            assert failed.error is not None
            assert failed.error[1] == "with ***"


@pytest.mark.parametrize("guess", [KEY[:10], KEY[:-1]])
async def test_a_stranger_who_tries_the_beginnings_of_a_secret_learns_nothing(
    engine: Engine, fleet: WorkerFleet, environment: Callable[..., None], guess: str
) -> None:
    environment("development")
    await fleet.start(tools=toolbox(Settings(_env_file=None)))

    # An error and a line that end with what a secret begins with, and an output that was cut there.
    own = await run(engine, "acme", "fail", {"message": f"with {guess}"})
    assert own.error is not None
    assert own.error[1] == "with ***"
    for tenant in ("beta", "gamma", "default"):
        failed = await run(engine, tenant, "fail", {"message": f"with {guess}"})
        assert failed.error is not None
        assert failed.error[1] == f"with {guess}"
        ended = await run(engine, tenant, "transform", {"output": {"x": f"with {guess}…"}})
        assert ended.output["result"] == {"x": f"with {guess}…"}
