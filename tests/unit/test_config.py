"""Settings: what the environment may say, and what it means."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from config import Settings


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


def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEASE_MS", "soon")

    with pytest.raises(ValidationError, match="lease_ms"):
        settings()
