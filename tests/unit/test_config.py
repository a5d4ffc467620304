"""Settings: what the environment may say, and what it means."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import app as command_line
from cli.stack.redis_server import RedisUnavailable, find_redis
from config import ROOT, Settings, SettingsInvalid, read_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine the tests run on."""
    for name in Settings.model_fields:
        for spelling in (name, name.upper()):
            if spelling in os.environ:
                monkeypatch.delenv(spelling)


def settings() -> Settings:
    return Settings(_env_file=None)


def test_documented_defaults_hold() -> None:
    found = settings()

    assert found.redis_dsn == "redis://localhost:6379/0"
    assert (found.environment, found.debug) == ("development", True)
    assert (found.worker_stream, found.worker_group) == ("workflow:tasks", "workflow_group")
    assert found.worker_name.startswith("worker-")


def test_redis_url_beats_host_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@far:7000/2")
    monkeypatch.setenv("REDIS_HOST", "near")

    found = settings()

    assert found.redis_dsn == "redis://:secret@far:7000/2"
    assert found.redis_label == "far:7000/2"


def test_the_path_of_a_socket_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///my%20data/redis.sock?db=3")

    assert settings().redis_label == "/my data/redis.sock database 3"


def test_password_is_quoted_in_the_url_and_absent_from_label_and_repr(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "p@ss/word")

    found = settings()

    assert found.redis_dsn == "redis://:p%40ss%2Fword@localhost:6379/0"
    assert "p@ss" not in found.redis_label + repr(found)


@pytest.mark.parametrize("name", ["REDIS_URL", "REDIS_HOST", "REDIS_PORT"])
def test_a_named_redis_is_known_to_be_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not settings().is_redis_given

    monkeypatch.setenv(
        name, {"REDIS_URL": "redis://h", "REDIS_HOST": "localhost", "REDIS_PORT": "6379"}[name]
    )

    assert settings().is_redis_given


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")

    found = settings()

    assert found.redis_url is None
    assert found.anthropic_api_key is None
    assert not found.is_redis_given


def test_services_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICES", '{"service-a": "http://localhost:8090"}')

    assert settings().services == {"service-a": "http://localhost:8090"}


def test_private_networks_follow_the_environment_unless_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().private_networks == ("*",)

    monkeypatch.setenv("ENVIRONMENT", "production")
    assert settings().private_networks == ()

    monkeypatch.setenv("HTTP_ALLOW_PRIVATE", "10.0.0.0/8, intranet,")
    assert settings().private_networks == ("10.0.0.0/8", "intranet")


def test_host_names_follow_the_environment_unless_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().host_names == ()

    monkeypatch.setenv("ENVIRONMENT", "production")
    assert settings().host_names == ("*",)

    monkeypatch.setenv("ALLOWED_HOSTS", "flows.example.com, *.inner.example")
    assert settings().host_names == ("flows.example.com", "*.inner.example")


def test_no_page_but_our_own_is_trusted_unless_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().page_origins == ()

    monkeypatch.setenv("CORS_ORIGINS", "https://app.example.com, http://localhost:3000")
    assert settings().page_origins == ("https://app.example.com", "http://localhost:3000")


@pytest.mark.parametrize(
    "origin", ["*", "app.example.com", "https://a.example/", "null", "https://*.example"]
)
def test_an_origin_no_page_can_have_is_refused(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", f"http://localhost:3000,{origin}")

    with pytest.raises(SettingsInvalid, match=r"^CORS_ORIGINS: .*allowed: "):
        read_settings()


def test_images_and_networks_follow_the_environment_unless_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (settings().allowed_images, settings().allowed_networks) == (None, None)

    monkeypatch.setenv("ENVIRONMENT", "production")
    assert (settings().allowed_images, settings().allowed_networks) == ((), ())

    monkeypatch.setenv("CONTAINER_IMAGES", "python:3.12-slim, ghcr.io/acme/*,")
    assert settings().allowed_images == ("python:3.12-slim", "ghcr.io/acme/*")


def test_what_is_secret_is_absent_from_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hush-1")
    monkeypatch.setenv("WEBHOOK_SECRETS", '{"default": "hush-2"}')
    monkeypatch.setenv("NOTIFY_URLS", '{"ops": "https://example.com/hush-3"}')

    assert "hush" not in repr(settings())


def test_lists_are_split_and_never_empty_of_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_QUEUES", "fast, default,fast")
    monkeypatch.setenv("HANDLERS", "shop.handlers , shop.mail")

    found = settings()

    assert found.queue_names == ("fast", "default")
    assert found.handler_modules == ("shop.handlers", "shop.mail")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("LEASE_MS", "abc", "LEASE_MS: 'abc' is not a whole number; allowed: 300 or more"),
        ("WORKER_CONCURRENCY", "0", "WORKER_CONCURRENCY: '0' is out of bounds; allowed: 1 to 10000"),
        ("DRAIN_S", "-1", "DRAIN_S: '-1' is out of bounds; allowed: 0 or more"),
        ("DRAIN_S", "nan", "DRAIN_S: 'nan' is not a finite number; allowed: 0 or more"),
        ("TENANT_DAILY_COST_USD", "0", "TENANT_DAILY_COST_USD: '0' is out of bounds; allowed: more than 0"),
        ("LLM_PROVIDER", "foo", "LLM_PROVIDER: 'foo' is not known; allowed: anthropic, openai, echo"),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL: 'loud' is not known; allowed: DEBUG, INFO, WARNING, ERROR, CRITICAL",
        ),
        ("SMTP_STARTTLS", "maybe", "SMTP_STARTTLS: 'maybe' is neither true nor false; allowed: true, false"),
        ("NOTIFY_URLS", "[1]", 'NOTIFY_URLS: a list; allowed: a JSON object such as {"name": "text"}'),
        (
            "SERVICES",
            "{bad",
            'SERVICES: not valid JSON at character 2; allowed: a JSON object such as {"name": "text"}',
        ),
        (
            "SERVICES",
            '{"a": "ftp://x"}',
            "SERVICES: 'a': the URL 'ftp://x' has scheme 'ftp'; allowed: http://, https://",
        ),
        (
            "HTTP_ALLOW_PRIVATE",
            "zzz/99",
            "HTTP_ALLOW_PRIVATE: entry 'zzz/99' is none of: *, network, address, name, host:port",
        ),
        ("LLM_PRICES", "/nowhere", "LLM_PRICES: no file '/nowhere'; allowed: the path of a JSON file"),
        (
            "WORKER_QUEUES",
            "a b",
            (
                "WORKER_QUEUES: no node can name the queue 'a b'; allowed: a comma list of names made of "
                "letters, digits, '_', '.' and '-', at most 128 each"
            ),
        ),
    ],
)
def test_a_wrong_value_is_one_line_with_name_value_and_what_is_allowed(
    name: str, value: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsInvalid) as refused:
        read_settings()

    assert refused.value.lines == (line,)


def test_every_wrong_setting_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEASE_MS", "soon")
    monkeypatch.setenv("REDIS_PORT", "70000")

    with pytest.raises(SettingsInvalid) as refused:
        read_settings()

    assert [line.partition(":")[0] for line in refused.value.lines] == ["REDIS_PORT", "LEASE_MS"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEBHOOK_SECRETS", '["whsec_hush"]'),
        ("WEBHOOK_SECRETS", '{"default": ["hush"]}'),
        ("WEBHOOK_SECRETS", "whsec_hush"),
        ("NOTIFY_URLS", '{"ops": {"url": "hush"}}'),
        ("NOTIFY_URLS", "https://example.com/hush"),
        ("REDIS_URL", "hush"),
        ("REDIS_URL", "http://:hush@far:6379"),
        ("REDIS_URL", "redis://:hush@far:port"),
        ("REDIS_URL", "redis://:hush@far/hush"),
        ("REDIS_URL", "rediss://:hush@far?ssl=hush"),
        ("REDIS_HOST", "user:hush@far:6379/0"),
    ],
)
def test_a_wrong_secret_is_refused_without_its_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsInvalid, match=rf"^{name}: .*allowed: ") as refused:
        read_settings()

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["workers.worker", "orchestrator.starter", "workers.simulator.process", "main"]
)
def test_a_process_with_wrong_settings_ends_in_plain_lines(name: str) -> None:
    environment = {**os.environ, "LEASE_MS": "abc", "WEBHOOK_SECRETS": '["whsec_hush"]'}
    command = ["-m", "uvicorn", "main:app"] if name == "main" else ["-m", name]

    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert [json.loads(line)["error"].partition(":")[0] for line in ended.stderr.splitlines()] == [
        "LEASE_MS",
        "WEBHOOK_SECRETS",
    ]
    assert "hush" not in ended.stderr


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [(["dev"], 1), (["doctor", "--server", "http://127.0.0.1:1"], 1), (["redis", "PING"], 2)],
)
def test_a_command_with_wrong_settings_says_so_in_a_line(
    command: list[str], exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEASE_MS", "abc")

    ended = CliRunner().invoke(command_line, command)

    assert ended.exit_code == exit_code
    assert "LEASE_MS: 'abc' is not a whole number; allowed: 300 or more" in ended.output
    assert "Traceback" not in ended.output
    assert "pydantic" not in ended.output


def test_a_simulation_with_wrong_settings_says_so_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEASE_MS", "abc")
    file = tmp_path / "order.yaml"
    file.write_text("name: order\nnodes: [{id: a, handler: noop}]\n")

    ended = CliRunner().invoke(command_line, ["simulate", str(file)])

    assert ended.output == "headrace simulate: LEASE_MS: 'abc' is not a whole number; allowed: 300 or more\n"
    assert ended.exit_code == 2


@pytest.mark.parametrize(
    "line",
    [
        "REDIS_PASSWORD=x${NOPE}y$HOME$$",
        "REDIS_PASSWORD='x${NOPE}y$HOME$$'",
        'REDIS_PASSWORD="x${NOPE}y$HOME$$"',
        "export redis_password=x${NOPE}y$HOME$$  # a comment",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_dollar_in_the_env_file_stays_as_it_is_written(tmp_path: Path, line: str, encoding: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f'{line}\nREDIS_PORT=\nSERVICES={{"a": "http://a/$b"}}\nOTHER=1\n', encoding=encoding)

    found = Settings(_env_file=file)

    assert found.redis_password == "x${NOPE}y$HOME$$"
    assert (found.redis_port, found.services) == (6379, {"a": "http://a/$b"})


def test_the_environment_beats_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("REDIS_HOST=filed\nREDIS_DB=3\n")
    monkeypatch.setenv("REDIS_HOST", "given")

    found = Settings(_env_file=file)

    assert (found.redis_host, found.redis_db) == ("given", 3)


def test_an_unknown_word_for_the_stacks_redis_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_REDIS", "foo")

    with pytest.raises(RedisUnavailable, match="'foo' is not known; allowed: embedded, or"):
        asyncio.run(find_redis(settings(), data_dir=Path(), lock_fd=0, emit=lambda *_: None))


@pytest.mark.parametrize("key", ["short", "sixteen-letters-ü", " sixteen-letters-x", "sixteen\tletters-x"])
def test_a_key_of_the_operator_that_cannot_be_sent_is_refused_and_not_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATOR_KEY", key)

    with pytest.raises(SettingsInvalid) as refused:
        read_settings()

    (line,) = refused.value.lines
    assert line.startswith("OPERATOR_KEY: the value cannot be a key; allowed: 16 or more")
    assert key.strip() not in line
