"""Settings of every Headrace process, read from the environment and `.env`.

Names have no prefix: field `redis_host` is variable `REDIS_HOST`; what a tenant has of its own begins with
`TENANT_<NAME>_`. The environment overrides `.env`, and an empty value counts as unset. Only the roots
(`main`, `orchestrator.starter`, `workers.worker`, `workers.simulator.process`, `cli`) and `wiring` read this
module; everything below them gets plain values.
"""

# long: every setting, and the message for a wrong one

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import DotEnvSettingsSource

from env_file import ENV_FILE_ENCODING, read_env_file
from tenant_settings import (
    OWN,
    SECRET_PREFIX,
    Places,
    Services,
    TenantSettings,
    Texts,
    listed_names,
    read_tenants,
)

ROOT = Path(__file__).resolve().parent
KIB = 1024
MIB = 1024 * KIB
#: What a definition can name as a queue.
_is_queue = re.compile(r"[A-Za-z0-9_.\-]{1,128}").fullmatch
#: What a browser sends as Origin: no path, no user, and never a pattern.
_is_origin = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{1,5})?").fullmatch
_is_prefix = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+").fullmatch
#: What can be the name of a machine, or its address without colons.
_is_host = re.compile(r"[A-Za-z0-9_.\-]+").fullmatch


def _default_worker_name() -> str:
    return f"worker-{socket.gethostname()}"


def _is_ip6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


class _EnvFile(PydanticBaseSettingsSource):
    """`.env`, each value as it is written: a `$` in a password is a `$`."""

    def __init__(self, settings_cls: type[BaseSettings], path: Any) -> None:
        super().__init__(settings_cls)
        found = read_env_file(path) if path else {}
        self._found = {name.lower(): text for name, text in found.items() if text}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._found.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return {name: self._found[name] for name in self.settings_cls.model_fields if name in self._found}


class Settings(BaseSettings):
    """Everything an operator may set. Units are in the names; sizes are bytes."""

    model_config = SettingsConfigDict(
        # Beside this file, not in the working directory: a command means the same wherever it is typed.
        env_file=ROOT / ".env",
        env_file_encoding=ENV_FILE_ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
    )

    # Redis. REDIS_URL, when given, beats the four fields after it.
    redis_url: str | None = Field(default=None, repr=False)
    redis_host: str = "localhost"
    redis_port: int = Field(default=6379, ge=1, le=65535)
    redis_db: int = Field(default=0, ge=0)
    redis_password: str | None = Field(default=None, repr=False)
    #: True: start even where Redis may evict keys. Lost keys then mean lost executions.
    allow_eviction_policy: bool = False
    #: True: submissions, triggers, reruns, signals and decisions are answered once Redis has them on disk.
    durable_starts: bool = False

    # The process as a whole.
    environment: Literal["development", "production"] = "development"
    debug: bool = True
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["text", "json"] | None = None

    # The API.
    #: Further host names, comma separated; `*` is any. Unset: none in development, any in production.
    allowed_hosts: str | None = None
    #: Other origins whose pages may change things, comma separated.
    cors_origins: str = ""
    #: True: a request needs a key. Unset: false in development, true in production.
    auth_required: bool | None = None
    #: Opens what belongs to the operator. Unset: nothing does, but requests without a key in development.
    operator_key: str | None = Field(default=None, repr=False)
    #: True: anyone may register a tenant. Unset: true in development, false in production.
    self_registration_enabled: bool | None = None
    #: Its files are registered when the API starts; a directory that does not exist has none.
    workflows_dir: Path = ROOT / "workflows"

    #: Prefix of every path in a browser, such as `/headrace`, which a proxy takes off; empty without one.
    root_path: str = ""
    #: True: in development the routes of the demo are served.
    demo: bool = False
    #: True: agents are served at `/mcp`. Unset: in development, where the package `mcp` is installed.
    mcp: bool | None = None

    # The front door `/api`. Natively there are other limits, below, and of these the first rate.
    max_steps_per_workflow: int = Field(default=50, ge=1, le=10_000)
    #: Of one execution from start to end.
    execution_timeout_seconds: int = Field(default=300, ge=1)
    #: Of one HTTP call, in seconds, where a step says nothing.
    http_step_timeout: float = Field(default=30.0, gt=0)
    #: False: executions are not replayed through it.
    webhook_replay_enabled: bool = True
    #: IANA time zone of its cron triggers.
    cron_timezone: str = "UTC"
    #: Requests a minute: registrations of one address (natively, too, counted apart), and of one tenant
    #: changes of workflows, starts and other changes of executions, and reads. 0: any number.
    rate_limit_register: int = Field(default=5, ge=0)
    rate_limit_workflows: int = Field(default=20, ge=0)
    rate_limit_executions: int = Field(default=300, ge=0)
    rate_limit_reads: int = Field(default=1_200, ge=0)
    # The contract of workflow servers by itself.
    workflows_py_server_host: str = "0.0.0.0"
    workflows_py_server_port: int = Field(default=8080, ge=1, le=65535)

    # Workers.
    worker_stream: str = Field(default="workflow:tasks", min_length=1)
    worker_group: str = Field(default="workflow_group", min_length=1)
    worker_name: str = Field(default_factory=_default_worker_name, min_length=1)
    worker_concurrency: int = Field(default=64, ge=1, le=10_000)
    #: Comma list of queues, highest priority first.
    worker_queues: str = "default"
    #: False: this worker sends no webhooks about ends of executions, such as one without a way out.
    worker_deliveries: bool = True
    #: Comma list of importable modules whose `@handler` functions this installation offers.
    handlers: str = ""
    #: The interpreter that runs them; unset: the engine's own.
    handler_python: str | None = None
    #: Folders they are imported from, before anything else; unset: the working directory.
    handler_path: str = ""
    #: Processes for `def` handlers, each for one at a time; unset: as many as there are processors.
    handler_processes: int | None = Field(default=None, ge=1, le=1_000)
    #: `async def` handlers that their one process runs at a time.
    handler_async: int = Field(default=64, ge=1, le=10_000)
    #: A process is replaced after so many runs, and when it has more memory than that; 0: never.
    handler_recycle_runs: int = Field(default=10_000, ge=0)
    handler_recycle_mb: int = Field(default=512, ge=0)
    #: Memory a process may have; 0: any.
    handler_memory_mb: int = Field(default=0, ge=0)
    lease_ms: int = Field(default=15_000, ge=300)
    #: How long a worker that is stopped lets its running attempts finish.
    drain_s: float = Field(default=25.0, ge=0)

    # Orchestrator.
    #: Health checks miss an orchestrator that has not looked for two seconds.
    tick_ms: int = Field(default=250, ge=10, le=1_000)
    #: The sweep looks first at executions without an event for this long.
    sweep_idle_ms: int = Field(default=10_000, ge=100)

    # Retention: how long an execution is kept once it has ended; `never` keeps it until somebody purges it.
    retention_completed: str = "7d"
    retention_failed: str = "30d"
    retention_cancelled: str = "7d"
    #: Of one that was made and never started, from then on.
    retention_unstarted: str = "7d"

    # Outbound calls.
    #: Networks or host names, comma separated, or `*`. Unset: all in development, none in production.
    http_allow_private: Places = None
    #: JSON object: logical service name -> base URL.
    services: Services = Field(default_factory=dict)
    http_timeout_s: float = Field(default=30.0, gt=0)

    # Language models.
    anthropic_api_key: str | None = Field(default=None, repr=False)
    anthropic_base_url: str | None = None
    #: Of an API that speaks OpenAI's chat completions, up to and without `/chat/completions`.
    openai_base_url: str | None = None
    openai_api_key: str | None = Field(default=None, repr=False)
    #: Unset: anthropic with its key, openai with its URL or key, else echo in development.
    llm_provider: Literal["anthropic", "openai", "echo"] | None = None
    #: Between the pieces that echo streams.
    llm_echo_pause_ms: int = Field(default=0, ge=0, le=10_000)
    llm_model: str | None = None
    #: A JSON file like `clients/llm/prices.json`, used instead of it.
    llm_prices: Path | None = None
    #: What a tenant's calls may use in a day (UTC), all its executions together.
    tenant_daily_tokens: int | None = Field(default=None, ge=1)
    tenant_daily_cost_usd: float | None = Field(default=None, gt=0)

    # Notifications.
    #: JSON object: name -> URL of a webhook, a Slack-compatible webhook or Apprise.
    notify_urls: Texts = Field(default_factory=dict, repr=False)
    #: JSON object: name -> `whsec_…`, several parted by blanks while they change over.
    webhook_secrets: Texts = Field(default_factory=dict, repr=False)
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: str | None = Field(default=None, repr=False)
    smtp_from: str | None = None
    smtp_starttls: bool = True

    # Containers.
    #: `unix://…` or `tcp://…`.
    docker_host: str = "unix:///var/run/docker.sock"
    #: Images nodes may run, comma separated, `*` for any part. Unset: any in development, none in production.
    container_images: str | None = None
    #: Engine networks nodes may ask for. Unset: any in development, none in production.
    container_networks: str | None = None
    container_memory_mb: int = Field(default=512, ge=6)
    container_cpus: float = Field(default=1.0, ge=0.01)

    # Limits.
    max_definition_bytes: int = Field(default=8 * MIB, ge=KIB)
    max_yaml_bytes: int = Field(default=1 * MIB, ge=KIB)
    max_body_bytes: int = Field(default=1 * MIB, ge=KIB)
    max_config_bytes: int = Field(default=64 * KIB, ge=KIB)
    max_nodes: int = Field(default=10_000, ge=1)
    max_edges: int = Field(default=50_000, ge=1)
    max_depth: int = Field(default=64, ge=1)
    #: Levels of children below an execution without a parent.
    max_sub_workflow_depth: int = Field(default=3, ge=0)
    output_max_bytes: int = Field(default=1 * MIB, ge=KIB)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        assert isinstance(dotenv_settings, DotEnvSettingsSource)
        return init_settings, env_settings, _EnvFile(settings_cls, dotenv_settings.env_file)

    @field_validator("redis_url")
    @classmethod
    def _usable_url(cls, url: str | None) -> str | None:
        from clients.redis_url import problem_of

        if url is not None and (problem := problem_of(url)):
            raise ValueError(problem)
        return url

    @field_validator("redis_host")
    @classmethod
    def _host(cls, host: str) -> str:
        if not _is_host(host) and not _is_ip6(host):
            raise ValueError(
                f"{host[:80].rpartition('@')[2]!r} is no machine; allowed: a name or an address, without a "
                "port, which is REDIS_PORT, and without a scheme: a whole URL is REDIS_URL"
            )
        return host

    @field_validator("operator_key")
    @classmethod
    def _sendable(cls, key: str | None) -> str | None:
        # A blank at its edge would be lost on the way.
        if key is not None and not (
            len(key) >= 16 and key.isascii() and key.isprintable() and key == key.strip()
        ):
            raise ValueError(
                "the value cannot be a key; allowed: 16 or more printable ASCII characters, no outer blanks"
            )
        return key

    @field_validator("root_path")
    @classmethod
    def _prefix(cls, text: str) -> str:
        prefix = text.rstrip("/")
        if prefix and not _is_prefix(prefix):
            raise ValueError(f"no path begins with {text[:80]!r}; allowed: a prefix such as /headrace")
        return prefix

    @field_validator("worker_queues")
    @classmethod
    def _queues(cls, text: str) -> str:
        for name in listed_names(text):
            if not _is_queue(name):
                raise ValueError(
                    f"no node can name the queue {name!r}; allowed: a comma list of names made of letters, "
                    "digits, '_', '.' and '-', at most 128 each"
                )
        return text

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, text: str) -> str:
        for origin in listed_names(text):
            if not _is_origin(origin):
                raise ValueError(
                    f"no page has the origin {origin!r}; allowed: a comma list such as https://app.example.com"
                )
        return text

    @field_validator("retention_completed", "retention_failed", "retention_cancelled", "retention_unstarted")
    @classmethod
    def _retention(cls, text: str) -> str:
        from orchestrator.definitions.retention import parse_retention_ms

        parse_retention_ms(text)
        return text

    @field_validator("cron_timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, LookupError):
            from orchestrator.documents.zones import zone_hint

            meant = zone_hint(name) or "allowed: a name such as 'Europe/Berlin' or 'UTC'"
            raise ValueError(f"no time zone is called {name!r}; {meant}") from None
        return name

    @field_validator("llm_prices")
    @classmethod
    def _price_table(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"no file {str(path)!r}; allowed: the path of a JSON file")
        return path

    @property
    def redis_dsn(self) -> str:
        """The Redis to use as one URL, password included. Never log it; log `redis_label`."""
        if self.redis_url:
            return self.redis_url
        password = f":{quote(self.redis_password, safe='')}@" if self.redis_password else ""
        host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
        return f"redis://{password}{host}:{self.redis_port}/{self.redis_db}"

    @property
    def redis_label(self) -> str:
        """host:port/db, or the path of a socket, fit for logs and messages."""
        from clients.redis_url import database_of

        if not self.redis_url:
            return f"{self.redis_host}:{self.redis_port}/{self.redis_db}"
        parts = urlsplit(self.redis_url)
        if parts.scheme == "unix":
            return f"{unquote(parts.path)} database {database_of(self.redis_url)}"
        return f"{parts.hostname or 'localhost'}:{parts.port or 6379}/{database_of(self.redis_url)}"

    @property
    def is_redis_given(self) -> bool:
        """Whether the environment names a Redis, so that the dev stack must not start one of its own."""
        return not self.model_fields_set.isdisjoint({"redis_url", "redis_host", "redis_port"})

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def is_demo(self) -> bool:
        """Whether the routes of the demo are served."""
        return self.demo and not self.is_production

    @property
    def needs_keys(self) -> bool:
        """Whether a request needs a key."""
        return self.is_production if self.auth_required is None else self.auth_required

    @property
    def is_registration_open(self) -> bool:
        """Whether anyone may register a tenant."""
        if self.self_registration_enabled is None:
            return not self.is_production
        return self.self_registration_enabled

    @property
    def queue_names(self) -> tuple[str, ...]:
        return listed_names(self.worker_queues) or ("default",)

    @property
    def handler_modules(self) -> tuple[str, ...]:
        return listed_names(self.handlers)

    @property
    def handler_folders(self) -> tuple[str, ...]:
        """Where handler modules are looked for first."""
        return tuple(
            str(Path(folder).resolve())
            for folder in (self.handler_path or os.getcwd()).split(os.pathsep)
            if folder
        )

    @property
    def secret_names(self) -> frozenset[str]:
        """Names of the variables whose values are secrets, beside those that begin with SECRET_."""
        return frozenset(name.upper() for name, field in type(self).model_fields.items() if not field.repr)

    @property
    def host_names(self) -> tuple[str, ...]:
        """Further host names of the API; `("*",)` means any."""
        if self.allowed_hosts is None:
            return ("*",) if self.is_production else ()
        return listed_names(self.allowed_hosts)

    @property
    def page_origins(self) -> tuple[str, ...]:
        """Other origins whose pages may change things."""
        return listed_names(self.cors_origins)

    @property
    def private_networks(self) -> tuple[str, ...]:
        """Private networks and names outbound HTTP may reach all the same; `("*",)` means all of them."""
        if self.http_allow_private is None:
            return () if self.is_production else ("*",)
        return listed_names(self.http_allow_private)

    @property
    def allowed_images(self) -> tuple[str, ...] | None:
        """Images a container node may run; None means any."""
        return self._listed(self.container_images)

    @property
    def allowed_networks(self) -> tuple[str, ...] | None:
        """Networks a container node may ask for; None means any."""
        return self._listed(self.container_networks)

    @property
    def secrets(self) -> dict[str, str]:
        """Values for `secrets.NAME` in templates: variables SECRET_NAME, the environment before `.env`."""
        return {
            name.removeprefix(SECRET_PREFIX): value
            for name, value in _variables().items()
            if name.startswith(SECRET_PREFIX) and len(name) > len(SECRET_PREFIX)
        }

    @property
    def tenants(self) -> dict[str, TenantSettings]:
        """What tenants other than `default` have of their own, by tenant: TENANT_ACME_EU_… is of `acme-eu`.

        Tenants without such variables are not in it. Raises SettingsInvalid.
        """
        tenants, lines = _read_tenants()
        if lines:
            raise SettingsInvalid(lines)
        return tenants

    def as_seen_by(self, tenant: TenantSettings) -> Settings:
        """These settings as a tenant other than `default` has them, but `secrets`, which are the tenant's.

        In development private addresses, services and containers are everybody's, beside a tenant's own.
        """
        seen = {name: getattr(tenant, name) for name in OWN}
        if not self.is_production:
            seen["services"] = self.services | tenant.services
            seen |= {name: getattr(self, name) for name, value in seen.items() if value is None}
        return self.model_copy(update=seen)

    def _listed(self, text: str | None) -> tuple[str, ...] | None:
        if text is None:
            return () if self.is_production else None
        return listed_names(text)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once. Raises SettingsInvalid."""
    return read_settings()


def read_settings() -> Settings:
    """Read the environment and `.env`. Raises SettingsInvalid with a line for each wrong variable."""
    lines: list[str] = []
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        lines += _lines(error, Settings.model_fields)
    except UnicodeDecodeError as error:
        raise SettingsInvalid([f"{ROOT / '.env'}: not UTF-8 at byte {error.start}"]) from None
    lines += _read_tenants()[1]
    if settings is None or lines:
        raise SettingsInvalid(lines)
    return settings


class SettingsInvalid(ValueError):
    """Variables that cannot be used: a line for each, naming it. Values of secrets are in none of them."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def _variables() -> dict[str, str]:
    """Give all variables that are not empty, those of the environment before those of `.env`."""
    filed: Mapping[str, str | None] = {}
    if Settings.model_config.get("env_file"):
        filed = read_env_file(ROOT / ".env")
    return {name: text for found in (filed, os.environ) for name, text in found.items() if text}


def _read_tenants() -> tuple[dict[str, TenantSettings], list[str]]:
    return read_tenants(_variables(), plain=map(str.upper, Settings.model_fields))


#: What follows the value in a message, by pydantic's type of error.
_FOUND = {
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "bool_parsing": "is neither true nor false",
    "literal_error": "is not known",
}


def _lines(error: ValidationError, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    """Give a line for each wrong variable: `LEASE_MS: 'abc' is not a whole number; allowed: 300 or more`."""
    for found in error.errors(include_url=False):
        name = str(found["loc"][0])
        field = fields[name]
        if found["type"] == "value_error":
            yield f"{name.upper()}: {found['msg'].removeprefix('Value error, ')}"
            continue
        # What `repr` must not show, a log must not either.
        value = repr(str(found["input"])[:80]) if field.repr else "the value"
        what = _FOUND.get(found["type"], "is out of bounds")
        yield f"{name.upper()}: {value} {what}; allowed: {_allowed(field)}"


def _allowed(field: FieldInfo) -> str:
    """What a variable may be, by the type and the bounds of its field."""
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not type(None)]
    literal = next((kind for kind in (field.annotation, *kinds) if get_origin(kind) is Literal), None)
    if literal is not None:
        return ", ".join(map(str, get_args(literal)))
    if bool in kinds:
        return "true, false"
    bounds: Mapping[str, Any] = {
        mark: getattr(rule, mark)
        for rule in field.metadata
        for mark in ("ge", "gt", "le")
        if getattr(rule, mark, None) is not None
    }
    if "ge" in bounds and "le" in bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    if "ge" in bounds:
        return f"{bounds['ge']} or more"
    return f"more than {bounds['gt']}" if "gt" in bounds else "a text"
