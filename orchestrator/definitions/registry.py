"""Workflows of the registry as values: their names and ids, their records and versions.

Fields of a record (a hash, written by `register_workflow`):

    workflow_id, name   never change
    title               the `name` in the definition, free text
    description         its first 2,000 characters
    labels              JSON object
    is_active           1 or 0; 0: nothing new starts
    version             number of the newest version, from 1
    has_interface       1 or 0: whether that version declares its events
    hash                names the definition of that version: equal definitions have equal hashes
    sent                names its source and media type
    media_type          of that source
    file                hash of the file it was last read from; `handler:NAME:HASH` where a handler brings it;
                        empty where it came from neither
    revision            from 1, one more for each change
    hooks               names of its webhooks, ` KIND:PATH KIND:PATH `, where it has any; written by
                        `register_webhook`, which leaves the revision as it is
    call                the call that made the last change, so that one sent again changes nothing
    created_ms          Redis ms
    updated_ms          Redis ms
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

#: Characters of a name.
NAME_CHARS = 64
#: Characters of a description that a record keeps, to be shown in lists and searched.
DESCRIPTION_CHARS = 2_000
#: Bytes of a document as its writer sent it.
SOURCE_BYTES = 1024 * 1024
NAME_RULE = f"1 to {NAME_CHARS} of a-z 0-9 -, and not shaped like the id of an execution"
_ID_PREFIX = "wf_"
_ID_TAIL = 6
_BROUGHT = "handler:"
_is_workflow_id = re.compile(r"wf_[a-z2-7]{26}").fullmatch
_is_slug = re.compile(rf"[a-z0-9-]{{1,{NAME_CHARS}}}").fullmatch
_is_execution_id = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_OTHER = re.compile(r"[^a-z0-9]+")


def workflow_id_of(unique: bytes) -> str:
    """Write 16 bytes that no other workflow has as `wf_` and 26 characters of base32, lower case."""
    return _ID_PREFIX + base64.b32encode(unique).decode().rstrip("=").lower()


def is_workflow_id(text: str) -> bool:
    """Say whether a text is the id of a workflow; no name looks like one."""
    return _is_workflow_id(text) is not None


def is_name(text: str) -> bool:
    """Say whether a workflow can have this name."""
    return _is_slug(text) is not None and not _is_execution_id(text)


def name_of(title: str) -> str:
    """Make a name of a title; empty where nothing of it can stand in one.

    Without accents, in lower case; all that is neither a letter of ASCII nor a digit becomes `-`.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = _OTHER.sub("-", plain).strip("-")[:NAME_CHARS].rstrip("-")
    return "" if _is_execution_id(name) else name


def name_with_id(name: str, workflow_id: str) -> str:
    """Make the name of a workflow whose title gives none, or one that is taken."""
    tail = f"-{workflow_id[-_ID_TAIL:]}"
    return name[: NAME_CHARS - len(tail)].rstrip("-") + tail


def hash_of(*parts: str | bytes) -> str:
    """Name a content by 64 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()


def brought(handler: str, content: str) -> str:
    """Name what a handler brings, for the field `file` of its workflow. content: hash of the definition."""
    return f"{_BROUGHT}{handler}:{content}"


def bringer_of(file: str) -> str:
    """Give the handler that brings a workflow, by the field `file`; empty where none does."""
    return file.removeprefix(_BROUGHT).partition(":")[0] if file.startswith(_BROUGHT) else ""


@dataclass(frozen=True, slots=True)
class WorkflowRecord:
    """What the registry knows of a workflow beside its documents; see the fields above."""

    workflow_id: str
    tenant: str
    name: str
    title: str
    description: str
    labels: Mapping[str, str]
    is_active: bool
    version: int
    hash: str
    media_type: str
    file: str
    revision: int
    created_ms: int
    updated_ms: int
    #: Names of its webhooks, oldest first.
    hooks: tuple[str, ...] = ()
    has_interface: bool = False

    @property
    def tag(self) -> str:
        """Name this state of the record; another state, or another workflow of that name, has another tag."""
        return f"{self.workflow_id}.{self.revision}"

    @property
    def brought_by(self) -> str:
        """The handler that brings it; empty where none does."""
        return bringer_of(self.file)

    def has(self, labels: Iterable[tuple[str, str]], text: str | None) -> bool:
        """Say whether it has all these labels, and a text in its title, name or description, in any case."""
        if any(self.labels.get(name) != value for name, value in labels):
            return False
        wanted = (text or "").casefold()
        return any(wanted in part.casefold() for part in (self.title, self.name, self.description))

    @classmethod
    def from_redis(cls, tenant: str, fields: Mapping[bytes, bytes]) -> WorkflowRecord:
        """Read a record. Raises ValueError for one that no engine wrote."""
        try:
            return cls(
                workflow_id=fields[b"workflow_id"].decode(),
                tenant=tenant,
                name=fields[b"name"].decode(),
                title=fields[b"title"].decode(),
                description=fields[b"description"].decode(),
                labels=orjson.loads(fields[b"labels"]),
                is_active=fields[b"is_active"] == b"1",
                version=int(fields[b"version"]),
                hash=fields[b"hash"].decode(),
                media_type=fields[b"media_type"].decode(),
                file=fields[b"file"].decode(),
                revision=int(fields[b"revision"]),
                created_ms=int(fields[b"created_ms"]),
                updated_ms=int(fields[b"updated_ms"]),
                hooks=tuple(fields.get(b"hooks", b"").decode().split()),
                # Not there in the record of one that was registered before there were interfaces.
                has_interface=fields.get(b"has_interface") == b"1",
            )
        except KeyError as error:
            raise ValueError(f"the record of a workflow lacks the field {error}") from None


@dataclass(frozen=True, slots=True)
class WorkflowVersion:
    """One version of a workflow, without its documents."""

    version: int
    hash: str
    title: str
    media_type: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Source:
    """A document as its writer sent it."""

    text: bytes
    media_type: str
