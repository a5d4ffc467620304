"""Where an execution comes from: its workflow, labels, trigger document and key, all checked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import orjson

from headrace.wording import quoted
from orchestrator.definitions.definition import ID_CONFLICT_POLICIES, IdConflictPolicy
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.targets import NO_TARGETS, Targets, read_targets
from orchestrator.documents import exact_json
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.errors import PayloadTooLarge, Problem, StartInvalid
from orchestrator.execution.model import Execution
from orchestrator.store.layout import Field
from orchestrator.store.requests import KeyClaim, digest_of

#: What may start an execution.
SOURCES = ("manual", "webhook", "path", "schedule", "replay", "parent")
MOST_LABELS, LABEL_CHARS, KEY_CHARS = 16, 64, 256
#: Bytes of a trigger document, as JSON.
TRIGGER_BYTES = 256 * 1024
#: Whether a text has the shape of an execution's id, and so can be nothing else.
has_id_shape = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
#: Labels whose digests are kept.
KEPT_DIGESTS = 1_024
#: Control characters, halves of characters, separators of lines and paragraphs.
_NOT_ON_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an execution comes from, as its start says.

    workflow_id, workflow_version  of the registry; None for an execution of a definition that was sent.
    labels              at most 16 `key: value`, each 1 to 64 characters; executions are listed by them.
    trigger             the document that templates read as `trigger`; None stands for `{"source": "manual"}`.
    execution_key       the caller's own name for the execution, 1 to 256 characters, one per tenant.
    id_conflict_policy  what happens while another execution that has not ended holds the key; None leaves it
                        to the definition, and `fail` without one there.
    notify              `on_complete`, `on_failure`, `on_cancel` as they were sent: targets of its end, beside
                        those of the definition. A rerun does not take them over.
    execution_id        minted before, so that the same start again makes the same execution; None mints one.
    chain               how many executions, each started by the end of the one before, led to it.
    is_triggered        the workflow starts by itself: its labels are those of the execution.
    starter             the schedule or webhook that starts it, as `starter_label` gives it; None for none.
    waiter              the channel of the process that waits for the end from the start on; with ` outcome`
                        behind it that is told what the execution came to, see `Executions.outcome`.
    """

    workflow_id: str | None = None
    workflow_version: int | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    trigger: Mapping[str, Any] | None = None
    execution_key: str | None = None
    id_conflict_policy: IdConflictPolicy | None = None
    notify: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    execution_id: str | None = None
    chain: int = 0
    is_triggered: bool = False
    starter: tuple[str, str] | None = None
    waiter: str | None = None

    def of(self, record: WorkflowRecord, version: int | None) -> Origin:
        """Give the same of an execution of a workflow; version: None is the newest."""
        return replace(
            self,
            workflow_id=record.workflow_id,
            workflow_version=record.version if version is None else version,
            labels=record.labels if self.is_triggered else self.labels,
        )

    def fields(self) -> list[Field]:
        """Give the runtime fields that keep it, and their values. Raises StartInvalid, PayloadTooLarge."""
        if self is NO_ORIGIN:
            return []
        self.check()
        fields: list[Field] = []
        if self.workflow_id is not None:
            fields += ["workflow_id", self.workflow_id]
        if self.workflow_version is not None:
            fields += ["workflow_version", self.workflow_version]
        if self.labels:
            fields += ["labels", exact_json.dumps(dict(self.labels))]
        if listed := [*self.labels.items(), *([self.starter] if self.starter else ())]:
            fields += ["label_digests", " ".join(label_digest(*each) for each in listed)]
        if self.trigger is not None:
            fields += ["trigger", trigger_text(self.trigger)]
        if self.execution_key is not None:
            fields += ["execution_key", self.execution_key, "key_digest", digest_of(self.execution_key)]
        if self.chain:
            fields += ["chain", self.chain]
        if self.waiter is not None:
            fields += ["rare", "1", "waiter", self.waiter]
        return fields

    def targets(self) -> Targets:
        """Read the targets that the start itself names. Raises StartInvalid."""
        if not self.notify:
            return NO_TARGETS
        findings = Findings(Limits())
        targets = read_targets(Fields(dict(self.notify), "", findings))
        if findings.problems:
            raise StartInvalid(findings.problems)
        return targets

    def key_claim(self, policy: str | None) -> KeyClaim | None:
        """Say which key it claims; policy is what the definition says of one that is taken."""
        if self.execution_key is None:
            return None
        return KeyClaim(digest_of(self.execution_key), self.id_conflict_policy or policy or "fail")

    def check(self) -> None:
        """Raise StartInvalid for labels, a key, a policy or a source that cannot be."""
        problems = [*label_problems(self.labels), *_key_problems(self.execution_key)]
        if self.id_conflict_policy not in (None, *ID_CONFLICT_POLICIES):
            problems.append(
                _wrong("id_conflict_policy", _one_of(ID_CONFLICT_POLICIES), self.id_conflict_policy)
            )
        if self.id_conflict_policy is not None and self.execution_key is None:
            problems.append(
                Problem(
                    "id_conflict_policy",
                    "wrong_value",
                    "'id_conflict_policy' is about 'execution_key'; found none",
                )
            )
        if self.trigger is not None:
            problems += _trigger_problems(self.trigger)
        if problems:
            raise StartInvalid(problems)


#: Of a start that says nothing about it.
NO_ORIGIN = Origin()


def origin_of(execution: Execution, labels: Mapping[str, str] | None = None) -> Origin:
    """Give what an execution made of another one takes over; trigger and key are no part of it.

    labels  come beside those that it takes over.
    """
    return Origin(
        workflow_id=execution.workflow_id,
        workflow_version=execution.workflow_version,
        labels={**execution.labels, **(labels or {})},
    )


def workflow_origin(record: WorkflowRecord, version: int | None = None) -> Origin:
    """Give the origin of an execution that starts by itself: it has the labels of its workflow."""
    return Origin(is_triggered=True).of(record, version)


def checked_trigger(trigger: Mapping[str, Any]) -> bytes:
    """Write a trigger document that was given as it is stored. Raises StartInvalid, PayloadTooLarge."""
    Origin(trigger=trigger).check()
    return trigger_text(trigger)


def replayed_trigger(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, *, is_merged: bool
) -> Mapping[str, Any]:
    """Give the trigger document of a replay: the original's, or what overrides it; its source is `replay`."""
    kept = (old or {}) if new is None or is_merged else {}
    return {**kept, "source": "replay", **(new or {})}


def trigger_text(trigger: Mapping[str, Any]) -> bytes:
    """Write a trigger document as it is stored: JSON with sorted keys, `source` filled in.

    Raises PayloadTooLarge.
    """
    text = exact_json.dumps({"source": "manual", **trigger}, option=orjson.OPT_SORT_KEYS)
    if len(text) > TRIGGER_BYTES:
        raise PayloadTooLarge("trigger document", len(text), TRIGGER_BYTES)
    return text


@lru_cache(maxsize=KEPT_DIGESTS)
def label_digest(key: str, value: str) -> str:
    """Give what stands for a label in the name of its index."""
    return digest_of(f"{key}:{value}")


def starter_label(kind: Literal["schedule", "webhook"], name: str) -> tuple[str, str]:
    """Give what lists the executions of a schedule, by its id, or of a webhook, by its path.

    It is one of the labels, and none that a user could give: their names have no line breaks.
    """
    return f"\n{kind}", name


def is_on_a_line(text: str) -> bool:
    """Whether a text has no control characters, breaks of lines or halves of characters."""
    if text.isascii() and text.isprintable():
        return True
    return not any(unicodedata.category(each) in _NOT_ON_A_LINE for each in text)


def label_problems(labels: Mapping[str, str]) -> Iterator[Problem]:
    """Say what is wrong with the labels of an execution, or of a workflow."""
    if len(labels) > MOST_LABELS:
        yield Problem("labels", "wrong_value", f"'labels' has {len(labels)}; allowed are {MOST_LABELS}")
        return
    for key, value in labels.items():
        for what, text in (("name", key), ("value", value)):
            if not isinstance(text, str) or not 1 <= len(text) <= LABEL_CHARS or not is_on_a_line(text):
                expected = f"1 to {LABEL_CHARS} characters without control characters"
                message = f"the {what} of label {quoted(key)} must be {expected}; found {quoted(text)}"
                yield Problem(f"labels.{str(key)[:LABEL_CHARS]}", "wrong_value", message)
        if isinstance(key, str) and ":" in key:
            message = f"the name of label {quoted(key)} must be without ':', which parts it from its value"
            yield Problem(f"labels.{key[:LABEL_CHARS]}", "wrong_value", message)


def _key_problems(key: str | None) -> Iterator[Problem]:
    if key is None:
        return
    if not isinstance(key, str) or not 1 <= len(key) <= KEY_CHARS or not is_on_a_line(key):
        yield _wrong("execution_key", f"1 to {KEY_CHARS} characters without control characters", key)
    elif has_id_shape(key):
        yield _wrong("execution_key", "something else than the id of an execution (a UUID)", key)


def _trigger_problems(trigger: Mapping[str, Any]) -> Iterator[Problem]:
    source = trigger.get("source", "manual")
    if source not in SOURCES:
        yield _wrong("trigger.source", _one_of(SOURCES), source)


def _one_of(words: tuple[str, ...]) -> str:
    return f"one of {', '.join(words)}"


def _wrong(path: str, expected: str, found: Any) -> Problem:
    return Problem(path, "wrong_value", f"'{path}' must be {expected}; found {quoted(found)}")
