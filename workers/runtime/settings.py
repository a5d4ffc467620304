"""A worker's settings as plain values, and the tools built from them."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config import Settings
from orchestrator.definitions.budgets import NO_CAPS, Caps
from orchestrator.documents.limits import Limits
from tenant_settings import TenantSettings
from workers.context import Toolbox
from workers.hosts.launch import HostSettings, host_environment

if TYPE_CHECKING:
    from clients.notify.smtp import SmtpSettings


#: Variables that a supervisor sets for each start of a worker.
INSTANCE, REPLACES = "STACK_INSTANCE", "STACK_REPLACES"


def toolbox(settings: Settings) -> Toolbox:
    """Build what handlers may use, for each tenant what is its own."""
    tools = _tools(settings, settings.secrets)
    tools.others = _tools(settings.as_seen_by(TenantSettings()), {})
    tools.tenants = {
        tenant: _tools(settings.as_seen_by(own), own.secrets) for tenant, own in settings.tenants.items()
    }
    return tools


def _tools(settings: Settings, secrets: Mapping[str, str]) -> Toolbox:
    # Loaded here, after the start-up checks: some of these bring the network stack with them.
    from clients.containers.spec import ContainerSettings
    from clients.http.client import HttpPolicy
    from clients.llm.provider import LlmSettings

    http = HttpPolicy.for_environment(
        settings.environment,
        allow_private=settings.private_networks,
        services=settings.services,
        timeout_s=settings.http_timeout_s,
        max_response_bytes=settings.output_max_bytes,
    )
    llm = LlmSettings(
        environment=settings.environment,
        provider=settings.llm_provider,
        model=settings.llm_model,
        api_key=settings.anthropic_api_key,
        base_url=settings.anthropic_base_url,
        openai_api_key=settings.openai_api_key,
        openai_base_url=settings.openai_base_url,
        prices=settings.llm_prices,
        echo_pause_s=settings.llm_echo_pause_ms / 1000,
    )
    containers = ContainerSettings(
        engine_url=settings.docker_host,
        images=settings.allowed_images,
        networks=settings.allowed_networks,
        memory_mb=settings.container_memory_mb,
        cpus=settings.container_cpus,
        max_output_bytes=settings.output_max_bytes,
    )
    return Toolbox(
        environment=settings.environment,
        services=settings.services,
        http_policy=http,
        llm_settings=llm,
        smtp=_smtp(settings),
        webhook_secrets=settings.webhook_secrets,
        notify_urls=settings.notify_urls,
        container_settings=containers,
        secrets=secrets,
    )


def _smtp(settings: Settings) -> SmtpSettings | None:
    """The mail server, if there is one."""
    if settings.smtp_host is None:
        return None
    from clients.notify.smtp import SmtpSettings

    return SmtpSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password,
        sender=settings.smtp_from or settings.smtp_user or f"headrace@{socket.gethostname()}",
        starttls=settings.smtp_starttls,
    )


def host_settings(settings: Settings) -> HostSettings:
    """How the handlers of the installation are run."""
    return HostSettings(
        modules=settings.handler_modules,
        python=settings.handler_python or sys.executable,
        folders=settings.handler_folders,
        processes=settings.handler_processes or len(os.sched_getaffinity(0)),
        concurrency=settings.handler_async,
        recycle_runs=settings.handler_recycle_runs,
        recycle_mb=settings.handler_recycle_mb,
        memory_mb=settings.handler_memory_mb,
        reloads=not settings.is_production,
        environment=host_environment(os.environ, settings.secret_names),
    )


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Plain values: settings are read at the root only."""

    name: str
    #: By which whoever started this process tells it from others; "" where nobody does.
    instance: str = ""
    #: The instance of a worker of this name and machine that is known to be dead; "" for none.
    replaces: str = ""
    concurrency: int = 64
    queues: tuple[str, ...] = ("default",)
    lease_ms: int = 15_000
    drain_s: float = 25.0
    output_max_bytes: int = 1024 * 1024
    #: Whether it sends webhooks about ends of executions.
    deliveries: bool = True
    #: What a tenant's calls to paid services may use in a day.
    tenant_daily: Caps = NO_CAPS
    #: Of definitions that nodes put together for their children.
    limits: Limits = field(default_factory=Limits)
    #: How the handlers of the installation are run.
    hosts: HostSettings = field(default_factory=HostSettings)


def worker_config(settings: Settings, limits: Limits) -> WorkerConfig:
    """Read the values of a worker."""
    return WorkerConfig(
        name=settings.worker_name,
        # Of the stack that starts it, which alone knows when one has died; no settings of an installation.
        instance=os.environ.get(INSTANCE, ""),
        replaces=os.environ.get(REPLACES, ""),
        concurrency=settings.worker_concurrency,
        queues=settings.queue_names,
        lease_ms=settings.lease_ms,
        drain_s=settings.drain_s,
        output_max_bytes=settings.output_max_bytes,
        limits=limits,
        deliveries=settings.worker_deliveries,
        hosts=host_settings(settings),
        tenant_daily=Caps.of(settings.tenant_daily_tokens, settings.tenant_daily_cost_usd),
    )
