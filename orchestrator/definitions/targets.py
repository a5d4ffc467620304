"""Targets of messages about the end of an execution: `on_complete`, `on_failure`, `on_cancel`.

They stand in a definition, and in what starts an execution.

Each is one target or a list of at most five. A target is a webhook, `{url, secret, headers}`, or a workflow
that is started, `{workflow, inputs}`. None holds what is secret: secrets are named, and looked up at sending.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from headrace.names import is_id
from headrace.wording import quoted
from orchestrator.definitions.registry import is_name, is_workflow_id
from orchestrator.documents import exact_json
from orchestrator.documents.fields import Fields
from orchestrator.states import ExecutionStatus

#: The fields that name targets, and the status that each is about.
TARGET_FIELDS: Mapping[str, ExecutionStatus] = MappingProxyType(
    {
        "on_complete": ExecutionStatus.COMPLETED,
        "on_failure": ExecutionStatus.FAILED,
        "on_cancel": ExecutionStatus.CANCELLED,
    }
)
MOST_TARGETS = 5
URL_CHARS, MOST_HEADERS, HEADER_CHARS = 2_048, 16, 1_024
INPUTS_BYTES = 16 * 1024
#: The entry of WEBHOOK_SECRETS that signs where a target names none.
DEFAULT_SECRET = "default"
_WEBHOOK, _WORKFLOW = ("url", "secret", "headers"), ("workflow", "inputs")
_ALL = (*_WEBHOOK, *_WORKFLOW)
_is_header = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}").fullmatch
_is_host = re.compile(r"[^\s@%<>\\\"'`{}|^,;!$&()*+=~\x00-\x20\x7f]+").fullmatch
_is_sendable = re.compile(r"[\x20-\x7e]*").fullmatch
#: Headers that the message has of its own, and those that would put a secret into the document.
_OWN_HEADERS = frozenset({"host", "content-type", "content-length", "transfer-encoding", "connection"})
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook, or a workflow that is started; the fields of the other kind are None.

    url      http:// or https://, or a name in NOTIFY_URLS.
    secret   a name in WEBHOOK_SECRETS.
    inputs   of the execution that is started.
    """

    url: str | None = None
    secret: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    workflow: str | None = None
    inputs: Mapping[str, Any] | None = None

    @classmethod
    def from_json(cls, text: bytes) -> Target:
        """Read one as it is stored. Raises ValueError for a text that no engine wrote."""
        row = exact_json.loads(text)
        if not isinstance(row, dict) or ("url" in row) == ("workflow" in row):
            raise ValueError("no target of a delivery")
        return cls(**{name: row[name] for name in _ALL if name in row})

    def to_dict(self) -> dict[str, Any]:
        """Write it as it was sent; the same for equal targets."""
        if self.workflow is not None:
            inputs = {} if self.inputs is None else {"inputs": dict(self.inputs)}
            return {"workflow": self.workflow, **inputs}
        named = {} if self.secret is None else {"secret": self.secret}
        headers = {"headers": dict(self.headers)} if self.headers else {}
        return {"url": self.url, **named, **headers}

    def to_json(self) -> bytes:
        """Write it as it is stored."""
        return exact_json.dumps(self.to_dict(), option=orjson.OPT_SORT_KEYS)

    @property
    def place(self) -> str:
        """Where it is, without what may be secret in a URL; for logs, and to count what is sent there."""
        if self.workflow is not None:
            return f"workflow {self.workflow}"
        url = self.url or ""
        return "/".join(url.split("/", 3)[:3]) if "://" in url else url


#: Targets by the status that they are about.
Targets = Mapping[ExecutionStatus, tuple[Target, ...]]
NO_TARGETS: Targets = MappingProxyType({})


def read_targets(top: Fields) -> Targets:
    """Read the targets of a definition or of a start, and note what is wrong with them."""
    found: dict[ExecutionStatus, tuple[Target, ...]] = {}
    for name, status in TARGET_FIELDS.items():
        raw = top.raw.get(name)
        if raw is None:
            continue
        entries = raw if isinstance(raw, list) else [raw]
        if len(entries) > MOST_TARGETS:
            where = top.where(name)
            message = f"'{where}' has {len(entries)} targets; allowed are {MOST_TARGETS}"
            top.findings.add(where, "bad_value", message)
            continue
        is_list = isinstance(raw, list)
        paths = [top.where(f"{name}[{place}]" if is_list else name) for place in range(len(entries))]
        read = [_read_target(entry, path, top) for entry, path in zip(entries, paths, strict=True)]
        if targets := tuple(target for target in read if target is not None):
            found[status] = targets
    return found


def joined_targets(first: Targets, second: Targets) -> Targets:
    """Put the targets of a definition and those of a start together."""
    if not first or not second:
        return first or second
    return {status: (*first.get(status, ()), *second.get(status, ())) for status in {*first, *second}}


def _read_target(raw: Any, path: str, top: Fields) -> Target | None:
    findings = top.findings
    if not isinstance(raw, dict):
        expected = "an object with 'url' or with 'workflow'"
        findings.add(path, "wrong_type", f"'{path}' must be {expected}, got {quoted(raw)}")
        return None
    target = Fields(raw, path, findings)
    if ("url" in raw) == ("workflow" in raw):
        found = "both" if "url" in raw else "neither"
        message = f"'{path}' needs either 'url', a webhook, or 'workflow', which is started; found {found}"
        findings.add(path, "missing" if found == "neither" else "twice", message)
        return None
    allowed = _WEBHOOK if "url" in raw else _WORKFLOW
    target.refuse_unknown(frozenset(allowed), allowed)
    return _webhook(target) if "url" in raw else _workflow(target)


def _webhook(target: Fields) -> Target | None:
    url, secret = target.raw.get("url"), target.identifier("secret") or None
    if not isinstance(url, str):
        target.wrong("url", "text", url)
        return None
    url = url.strip()
    if problem := _url_problem(url):
        target.findings.add(target.where("url"), "bad_value", f"'{target.where('url')}' {problem}")
        return None
    if secret is not None and secret.startswith("whsec_"):
        message = f"'{target.where('secret')}' must be the name of a secret in WEBHOOK_SECRETS, not a secret"
        target.findings.add(target.where("secret"), "bad_value", message)
        return None
    headers = _headers(target)
    return None if headers is None else Target(url=url, secret=secret, headers=headers)


def _url_problem(url: str) -> str | None:
    """Say why nothing can be sent to a URL; the addresses behind its host are checked at each sending."""
    if "{{" in url:
        return "must be written out: templates are not resolved here"
    if "://" not in url:
        expected = "an http:// or https:// URL, or the name of one in NOTIFY_URLS"
        return None if is_id(url) else f"must be {expected}; found {quoted(url)}"
    if len(url) > URL_CHARS:
        return f"has {len(url):,} characters; allowed are {URL_CHARS:,}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"has no valid host and port: {quoted(url)}"
    if parts.scheme.lower() not in ("http", "https"):
        return f"has the scheme {quoted(parts.scheme)}; allowed: http://, https://"
    if "@" in parts.netloc:
        return "holds a user name or password, which does not belong into a document"
    if not parts.hostname or not _is_host(parts.hostname) or port == 0:
        return f"has no valid host and port: {quoted(parts.netloc)}"
    return None


def _headers(target: Fields) -> dict[str, str] | None:
    raw, where, findings = target.raw.get("headers"), target.where("headers"), target.findings
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        target.wrong("headers", "an object of texts", raw)
        return None
    before = len(findings.problems)
    if len(raw) > MOST_HEADERS:
        findings.add(where, "bad_value", f"'{where}' has {len(raw)} headers; allowed are {MOST_HEADERS}")
        return None
    for name, value in raw.items():
        if problem := _header_problem(str(name), value):
            findings.add(f"{where}.{str(name)[:128]}", "bad_value", f"'{where}': {problem}")
    return None if len(findings.problems) > before else raw


def _header_problem(name: str, value: Any) -> str | None:
    lower = name.lower()
    if not _is_header(name):
        return f"{quoted(name)} cannot be the name of a header"
    if lower in _OWN_HEADERS or lower.startswith("webhook-"):
        return f"header '{name}' is set by the message itself"
    if lower in _SECRET_HEADERS:
        return f"header '{name}' would keep a secret in this document; receivers know us by the signature"
    if not isinstance(value, str) or len(value) > HEADER_CHARS or not _is_sendable(value):
        return f"header '{name}' must be printable ASCII, at most {HEADER_CHARS:,} characters"
    return None


def _workflow(target: Fields) -> Target | None:
    workflow, inputs = target.raw.get("workflow"), target.raw.get("inputs")
    if not isinstance(workflow, str) or not (is_name(workflow) or is_workflow_id(workflow)):
        target.wrong("workflow", "the name or id of a registered workflow", workflow)
        return None
    if inputs is None:
        return Target(workflow=workflow)
    if not isinstance(inputs, dict):
        target.wrong("inputs", "an object", inputs)
        return None
    where = target.where("inputs")
    try:
        size = len(exact_json.dumps(inputs))
    except (TypeError, ValueError):
        target.wrong("inputs", "JSON", inputs)
        return None
    if size > INPUTS_BYTES:
        message = f"'{where}' has {size:,} bytes as JSON; allowed are {INPUTS_BYTES:,}"
        target.findings.add(where, "bad_value", message)
        return None
    return Target(workflow=workflow, inputs=inputs)
