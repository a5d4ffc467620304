"""Checks the URL of a Redis before anything connects: later, what is wrong with it looks like an outage."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = ("redis", "rediss", "unix")
#: Options after `?`. Time limits and protocol are the engine's own.
OPTIONS = ("db", "client_name")
TLS_OPTIONS = (
    "ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password",
    "ssl_check_hostname",
)  # fmt: skip
CERTIFICATE_RULES = ("required", "optional", "none")
SHAPE = "allowed: redis://host:port/number, rediss://host:port/number or unix:///path/of.sock?db=number"
_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")


def problem_of(url: str) -> str | None:
    """Say what is wrong with a URL, without the URL: it may hold a password. None where it can be used."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return (
            "not the URL of a Redis: its port is not a number from 1 to 65535 (in a password, '/', '?', '#' "
            f"and '@' are written %2F, %3F, %23 and %40); {SHAPE}"
        )
    if parts.scheme not in SCHEMES or "://" not in url or port == 0:
        return f"not the URL of a Redis; {SHAPE}"
    if "#" in url:
        return "not the URL of a Redis: a '#' in it, as in a password, is written %23"
    is_socket = parts.scheme == "unix"
    if is_socket and not unquote(parts.path).strip("/"):
        return f"names no socket; {SHAPE}"
    database = parts.path.strip("/")
    if not is_socket and database and not database.isdecimal():
        return f"not the URL of a Redis: after the port comes the number of a database; {SHAPE}"
    return _problem_of_options(parts.query, has_tls=parts.scheme == "rediss")


def database_of(url: str) -> int:
    """Number of the database that a good URL names; 0 where it names none."""
    parts = urlsplit(url)
    named = dict(parse_qsl(parts.query)).get("db")
    path = "" if parts.scheme == "unix" else parts.path.strip("/")
    return int(named or path or 0)


def _problem_of_options(query: str, *, has_tls: bool) -> str | None:
    allowed = (*OPTIONS, *TLS_OPTIONS) if has_tls else OPTIONS
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in allowed:
            more = "" if has_tls or name not in TLS_OPTIONS else " (those of TLS with rediss://)"
            return f"the option {name[:40]!r} is not known; allowed: {', '.join(allowed)}{more}"
        if name == "db" and not value.isdecimal():
            return "the option 'db' is not the number of a database; allowed: 0 or more"
        if name == "ssl_cert_reqs" and value not in CERTIFICATE_RULES:
            return f"the option 'ssl_cert_reqs' is not known; allowed: {', '.join(CERTIFICATE_RULES)}"
        if name == "ssl_check_hostname" and value.lower() not in ("true", "false"):
            return "the option 'ssl_check_hostname' is neither true nor false"
        if name in _FILES and not Path(value).exists():
            return f"the option {name!r} names {value!r}, which is not there"
    return None
