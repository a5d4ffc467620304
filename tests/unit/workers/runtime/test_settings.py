"""What a worker's settings become."""

from __future__ import annotations

from typing import Any

from config import Settings
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
