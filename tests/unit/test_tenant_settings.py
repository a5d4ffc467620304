"""What the environment may say of one tenant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config import Settings, SettingsInvalid, read_settings
from tenant_settings import TenantSettings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine the tests run on."""
    for name in list(os.environ):
        if name.startswith(("SECRET_", "TENANT_")) or name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)


def settings() -> Settings:
    return Settings(_env_file=None)


def tenants(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, TenantSettings]:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    return settings().tenants


def test_a_tenant_has_what_begins_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tenants(
        monkeypatch,
        SECRET_KEY="hush-1",
        TENANT_ACME_EU_SECRET_KEY="hush-2",
        TENANT_ACME_EU_WEBHOOK_SECRETS='{"default": "hush-3"}',
        TENANT_ACME_EU_NOTIFY_URLS='{"ops": "https://example.com/hush-4"}',
        TENANT_ACME_EU_SERVICES='{"stock": "http://stock:80"}',
        TENANT_BETA_HTTP_ALLOW_PRIVATE="10.0.0.0/8, intranet",
        TENANT_BETA_CONTAINER_IMAGES="tool:1",
        TENANT_BETA_CONTAINER_NETWORKS="lan",
    )

    assert found == {
        "acme-eu": TenantSettings(
            secrets={"KEY": "hush-2"},
            webhook_secrets={"default": "hush-3"},
            notify_urls={"ops": "https://example.com/hush-4"},
            services={"stock": "http://stock:80"},
        ),
        "beta": TenantSettings(
            http_allow_private="10.0.0.0/8, intranet", container_images="tool:1", container_networks="lan"
        ),
    }
    assert settings().secrets == {"KEY": "hush-1"}
    assert "hush" not in repr(found)


def test_limits_of_every_tenant_are_no_tenant_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # TENANT_ID names no ending, and is somebody else's.
    assert tenants(monkeypatch, TENANT_DAILY_TOKENS="100", TENANT_ID="4711") == {}
    assert settings().tenant_daily_tokens == 100

    (daily,) = tenants(monkeypatch, TENANT_DAILY_SECRET_KEY="x").items()
    assert daily == ("daily", TenantSettings(secrets={"KEY": "x"}))


def test_a_variable_is_one_tenant_s_only_whatever_others_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tenants(monkeypatch, TENANT_A_SECRET_SERVICES="one", TENANT_A_SECRET_SECRET_KEY="two")

    assert found == {"a": TenantSettings(secrets={"SERVICES": "one", "SECRET_KEY": "two"})}


def test_an_empty_variable_of_a_tenant_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tenants(monkeypatch, TENANT_ACME_SERVICES="", TENANT_ACME_SECRET_KEY="", TENANT_A_B="") == {}


ALLOWED = (
    "allowed: TENANT_DAILY_TOKENS, TENANT_DAILY_COST_USD, and TENANT_<NAME>_ before SECRET_…, "
    "WEBHOOK_SECRETS, NOTIFY_URLS, SERVICES, HTTP_ALLOW_PRIVATE, CONTAINER_IMAGES, CONTAINER_NETWORKS"
)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "TENANT_ACME_NOTIFY_URLS",
            "[1]",
            'TENANT_ACME_NOTIFY_URLS: a list; allowed: a JSON object such as {"name": "text"}',
        ),
        (
            "TENANT_ACME_EU_SERVICES",
            '{"a": "ftp://x"}',
            "TENANT_ACME_EU_SERVICES: 'a': the URL 'ftp://x' has scheme 'ftp'; allowed: http://, https://",
        ),
        (
            "TENANT_ACME_HTTP_ALLOW_PRIVATE",
            "zzz/99",
            "TENANT_ACME_HTTP_ALLOW_PRIVATE: entry 'zzz/99' is none of: *, network, address, name, host:port",
        ),
        ("TENANT_ACME_SMTP_HOST", "mail", f"TENANT_ACME_SMTP_HOST: not known; {ALLOWED}"),
        ("TENANT_DAILY_TOKEN", "100", f"TENANT_DAILY_TOKEN: not known; {ALLOWED}"),
        ("TENANT_WEBHOOK_SECRETS", "{}", f"TENANT_WEBHOOK_SECRETS: not known; {ALLOWED}"),
        ("TENANT_ACME_SECRET_", "x", f"TENANT_ACME_SECRET_: not known; {ALLOWED}"),
        ("TENANT_ACME__SERVICES", "{}", f"TENANT_ACME__SERVICES: not known; {ALLOWED}"),
        (
            "TENANT_DEFAULT_SECRET_KEY",
            "hush",
            "TENANT_DEFAULT_SECRET_KEY: the tenant 'default' has no prefix; allowed: SECRET_KEY",
        ),
        (
            "TENANT_DEFAULT_SERVICES",
            "{}",
            "TENANT_DEFAULT_SERVICES: the tenant 'default' has no prefix; allowed: SERVICES",
        ),
    ],
)
def test_a_wrong_variable_of_a_tenant_is_one_line(
    name: str, value: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEASE_MS", "soon")

    with pytest.raises(SettingsInvalid) as refused:
        read_settings()

    assert refused.value.lines == ("LEASE_MS: 'soon' is not a whole number; allowed: 300 or more", line)


@pytest.mark.parametrize("name", ["WEBHOOK_SECRETS", "NOTIFY_URLS"])
@pytest.mark.parametrize("value", ['["whsec_hush"]', '{"default": ["hush"]}', "whsec_hush"])
def test_a_wrong_secret_of_a_tenant_is_refused_without_its_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TENANT_ACME_{name}", value)

    with pytest.raises(SettingsInvalid, match=rf"^TENANT_ACME_{name}: .*allowed: ") as refused:
        read_settings()

    assert "hush" not in str(refused.value)


def test_variables_of_tenants_stand_in_the_env_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "TENANT_ACME_SECRET_A=filed$1",
        "TENANT_ACME_SECRET_B=filed",
        'TENANT_ACME_SERVICES={"a": "http://a"}',
    ]
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.setattr("config.ROOT", tmp_path)

    found = tenants(monkeypatch, TENANT_ACME_SECRET_B="given", TENANT_ACME_SECRET_A="")

    acme = TenantSettings(secrets={"A": "filed$1", "B": "given"}, services={"a": "http://a"})
    assert found == {"acme": acme}
