"""What a worker's settings become."""

from __future__ import annotations

from typing import Any

import pytest

from config import Settings
from workers.context import Toolbox
from workers.runtime.settings import toolbox


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def test_mail_and_containers_are_as_the_settings_say() -> None:
    tools = toolbox(
        settings(
            environment="production",
            smtp_host="mail.example.com",
            smtp_port=465,
            smtp_user="me@example.com",
            smtp_password="hush",
            webhook_secrets={"default": "hush"},
            notify_urls={"ops": "https://example.com/hush"},
            docker_host="tcp://engine:2375",
            container_images="tool:1",
            container_memory_mb=64,
            container_cpus=0.5,
            output_max_bytes=5_000,
        )
    )

    assert tools.smtp is not None
    assert (tools.smtp.label, tools.smtp.sender, tools.smtp.starttls) == (
        "mail.example.com:465",
        "me@example.com",
        True,
    )
    containers = tools.container_settings
    assert containers is not None
    assert (containers.engine_url, containers.images, containers.networks) == (
        "tcp://engine:2375",
        ("tool:1",),
        (),
    )
    assert (containers.memory_mb, containers.cpus, containers.max_output_bytes) == (64, 0.5, 5_000)
    assert "hush" not in repr(tools)


def test_without_a_host_there_is_no_mail() -> None:
    assert toolbox(settings()).smtp is None


def test_in_production_a_tenant_has_its_own_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of-default")
    monkeypatch.setenv("TENANT_ACME_SECRET_KEY", "of-acme")
    monkeypatch.setenv("TENANT_ACME_SERVICES", '{"stock": "http://10.0.0.1:90"}')
    monkeypatch.setenv("TENANT_ACME_CONTAINER_IMAGES", "tool:1")
    tools = toolbox(
        settings(
            environment="production",
            http_timeout_s=7,
            http_allow_private="*",
            services={"mine": "http://mine"},
            webhook_secrets={"default": "hush"},
            notify_urls={"ops": "https://example.com/hush"},
            container_images="*",
            container_networks="lan",
            container_memory_mb=64,
        )
    )

    for tenant, secrets, services, images in (
        ("acme", {"KEY": "of-acme"}, {"stock": "http://10.0.0.1:90"}, ("tool:1",)),
        ("beta", {}, {}, ()),
    ):
        own = tools.of(tenant)
        assert (own.secrets, own.services) == (secrets, services)
        assert (own.webhook_secrets, own.notify_urls) == ({}, {})
        assert own.http_policy is not None
        assert own.container_settings is not None
        assert not own.http_policy.guard.allow_all
        assert own.http_policy.guard.endpoints == ({("10.0.0.1", 90)} if tenant == "acme" else set())
        assert own.http_policy.timeout_s == 7
        assert (own.container_settings.images, own.container_settings.networks) == (images, ())
        assert own.container_settings.memory_mb == 64
    assert tools.of("default") is tools
    assert tools.secrets == {"KEY": "of-default"}
    # Tenants without variables share one set.
    assert tools.of("beta") is tools.of("gamma")
    assert "of-acme" not in repr(tools)


def test_in_development_a_tenant_has_what_everybody_has_and_its_own_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TENANT_ACME_SERVICES", '{"stock": "http://acme"}')
    monkeypatch.setenv("TENANT_ACME_HTTP_ALLOW_PRIVATE", "10.0.0.0/8")
    tools = toolbox(
        settings(
            services={"stock": "http://stock", "shared": "http://shared"},
            notify_urls={"ops": "https://example.com/hush"},
            container_networks="lan",
        )
    )

    acme, beta = tools.of("acme"), tools.of("beta")

    assert acme.services == {"stock": "http://acme", "shared": "http://shared"}
    assert beta.services == tools.services
    assert [each.http_policy and each.http_policy.guard.allow_all for each in (acme, beta)] == [False, True]
    assert (acme.notify_urls, beta.notify_urls) == ({}, {})
    for each in (acme, beta):
        assert each.container_settings is not None
        assert (each.container_settings.images, each.container_settings.networks) == (None, ("lan",))


async def test_the_model_and_the_mail_server_are_everybody_s_and_all_is_closed_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TENANT_ACME_SECRET_KEY", "of-acme")
    tools = toolbox(settings(smtp_host="mail.example.com", llm_provider="echo"))

    for tenant in ("acme", "beta"):
        own = tools.of(tenant)
        assert own.llm is tools.llm
        assert own.smtp == tools.smtp
        assert own.http is own.http
        assert own.http is not tools.http
    clients = [each.http for each in (tools, tools.of("acme"), tools.of("beta"))]
    await tools.aclose()

    assert [each.http for each in (tools, tools.of("acme"), tools.of("beta"))] != clients
    await tools.aclose()


def test_a_toolbox_made_by_hand_gives_other_tenants_nothing_of_its_own() -> None:
    tools = Toolbox(
        environment="production", secrets={"K": "hush"}, services={"a": "http://a"}, notify_urls={"o": "x"}
    )

    own = tools.of("acme")

    assert (own.environment, own.secrets, own.services, own.notify_urls) == ("production", {}, {}, {})
    assert own.llm_settings is tools.llm_settings
