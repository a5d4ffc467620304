"""What each tenant has of its own, as the environment says: `TENANT_<NAME>_` before a name of `config`.

Variables without that prefix are those of the tenant `default`. Read by `config` alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import NoDecode

#: A variable of this prefix is a secret that templates may name: SECRET_API_KEY is secrets.API_KEY.
SECRET_PREFIX = "SECRET_"
TENANT_PREFIX = "TENANT_"
#: Settings that each tenant has for itself, beside secrets.
OWN = (
    "webhook_secrets", "notify_urls", "services", "http_allow_private",
    "container_images", "container_networks",
)  # fmt: skip
#: The name ends where it first can: each variable is one tenant's, whatever other tenants are called.
_of_tenant = re.compile(
    rf"{TENANT_PREFIX}(?P<name>[A-Z0-9](?:\w*?[A-Z0-9])??)_"
    rf"(?:{SECRET_PREFIX}(?P<secret>.+)|(?P<own>{'|'.join(OWN)}))",
    re.ASCII | re.IGNORECASE,
).fullmatch
_TEXTS_ALLOWED = 'allowed: a JSON object such as {"name": "text"}'


def listed_names(text: str) -> tuple[str, ...]:
    """Split a comma list, dropping blanks and repeats, keeping order."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _object(sent: Any) -> Any:
    """Read a JSON object of texts, and say what is wrong with it."""
    if not isinstance(sent, str):
        return sent
    try:
        found = json.loads(sent)
    except ValueError as error:
        place = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(f"not valid JSON{place}; {_TEXTS_ALLOWED}") from None
    if not isinstance(found, dict):
        kind = "a list" if isinstance(found, list) else "not an object"
        raise ValueError(f"{kind}; {_TEXTS_ALLOWED}")
    for name, value in found.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"the value of {name!r} is not a text; {_TEXTS_ALLOWED}")
    return found


def _base_urls(services: dict[str, str]) -> dict[str, str]:
    from clients.http.wire import RequestInvalid, parse_url

    for name, url in services.items():
        try:
            parse_url(url)
        except RequestInvalid as error:
            raise ValueError(f"{name!r}: {error}") from None
    return services


def _places(text: str | None) -> str | None:
    from clients.http.address_guard import AddressGuard

    try:
        AddressGuard.from_list(listed_names(text or ""))
    except ValueError as error:
        raise ValueError(str(error).removeprefix("HTTP_ALLOW_PRIVATE ")) from None
    return text


#: A JSON object in the environment.
Texts = Annotated[dict[str, str], NoDecode, BeforeValidator(_object)]
#: Base URLs by name.
Services = Annotated[Texts, AfterValidator(_base_urls)]
#: Networks and names, comma separated.
Places = Annotated[str | None, AfterValidator(_places)]


class TenantSettings(BaseModel):
    """What one tenant has of its own: as the fields of `Settings` of the same names; None is unset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    http_allow_private: Places = None
    services: Services = Field(default_factory=dict)
    notify_urls: Texts = Field(default_factory=dict, repr=False)
    webhook_secrets: Texts = Field(default_factory=dict, repr=False)
    container_images: str | None = None
    container_networks: str | None = None
    #: Values for `secrets.NAME` in templates.
    secrets: dict[str, str] = Field(default_factory=dict, repr=False)


def read_tenants(
    variables: Mapping[str, str], *, plain: Iterable[str]
) -> tuple[dict[str, TenantSettings], list[str]]:
    """Read what tenants have of their own, by tenant, and give a line for each variable that is wrong.

    variables  none of them empty.
    plain      names of variables that are nobody's own, in upper case.
    """
    plain = [name for name in plain if name.startswith(TENANT_PREFIX)]
    given: dict[str, dict[str, Any]] = {}
    lines: list[str] = []
    for variable in sorted(variables):
        # One without an ending, such as TENANT_ID, is somebody else's.
        is_ours = variable.upper().startswith(TENANT_PREFIX) and variable.count("_") > 1
        if not is_ours or variable.upper() in plain:
            continue
        found = _of_tenant(variable)
        if found is None:
            lines.append(f"{variable}: not known; allowed: {_allowed(plain)}")
            continue
        tenant, secret = found["name"].lower().replace("_", "-"), found["secret"]
        own = given.setdefault(tenant, {"secrets": {}})
        if tenant == "default":
            without = SECRET_PREFIX + secret if secret else found["own"].upper()
            lines.append(f"{variable}: the tenant '{tenant}' has no prefix; allowed: {without}")
        elif secret:
            own["secrets"][secret] = variables[variable]
        else:
            own[found["own"].lower()] = variables[variable]
    tenants: dict[str, TenantSettings] = {}
    for tenant, own in given.items():
        try:
            tenants[tenant] = TenantSettings(**own)
        except ValidationError as error:
            lines += _lines(tenant, error)
    return tenants, lines


def _lines(tenant: str, error: ValidationError) -> Iterator[str]:
    # Values are texts, so that only what the validators above refuse can be wrong with them.
    for found in error.errors(include_url=False):
        name = f"{tenant}_{found['loc'][0]}".replace("-", "_").upper()
        yield f"{TENANT_PREFIX}{name}: {found['msg'].removeprefix('Value error, ')}"


def _allowed(plain: Iterable[str]) -> str:
    endings = ", ".join((f"{SECRET_PREFIX}…", *map(str.upper, OWN)))
    return f"{', '.join(plain)}, and {TENANT_PREFIX}<NAME>_ before {endings}"
