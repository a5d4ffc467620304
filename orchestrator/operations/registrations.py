"""Makes registrations of what is sent to the registry: checked, and in the fields of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Any
from uuid import uuid4

import orjson

from orchestrator.definitions.compiler import content_hash
from orchestrator.definitions.definition import Definition
from orchestrator.definitions.registry import (
    DESCRIPTION_CHARS,
    NAME_CHARS,
    SOURCE_BYTES,
    Source,
    WorkflowRecord,
    bringer_of,
    hash_of,
    name_of,
    name_with_id,
    workflow_id_of,
)
from orchestrator.definitions.schedule_record import declared_id
from orchestrator.definitions.schedules import ScheduleSpec
from orchestrator.definitions.triggers import Triggers
from orchestrator.definitions.webhooks import (
    MINTED,
    NATIVE_TERMS,
    HookTerms,
    Kind,
    Secret,
    WebhookRecord,
    WebhookSpec,
    hook_name,
    secrets_text,
)
from orchestrator.documents.signatures import Scheme, kept_secret
from orchestrator.errors import DefinitionInvalid, InputsInvalid, Problem, ProblemsFound
from orchestrator.operations.origin import label_problems
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.operations.submissions import Compiled, mint_uuid
from orchestrator.operations.webhook_secrets import check_secrets
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.store.reader import Store
from orchestrator.store.requests import NewHook, NewSchedule, Registration


def check(labels: Mapping[str, str] | None, source: Source) -> None:
    """Check what stands beside a definition. Raises ProblemsFound for labels, DefinitionInvalid for size."""
    check_labels(labels)
    if len(source.text) > SOURCE_BYTES:
        message = f"the document has {len(source.text):,} bytes; allowed are {SOURCE_BYTES:,}"
        raise DefinitionInvalid([Problem("", "too_large", message, kind="size")])


def check_labels(labels: Mapping[str, str] | None) -> None:
    """Check labels. Raises ProblemsFound."""
    if wrong := list(label_problems(labels or {})):
        raise ProblemsFound(wrong)


def refuse_other_source(record: WorkflowRecord, file: str) -> None:
    """Refuse a change by what did not make the workflow: a handler changes what it has brought, no file does.

    file  as in `Workflows.put`. Raises ProblemsFound.
    """
    if bringer_of(file) == (theirs := record.brought_by):
        return
    whose = f"comes from the handler {theirs!r}" if theirs else "comes from no handler"
    message = f"there is a workflow {record.name!r} already, which {whose}; remove it, or rename one of them"
    raise ProblemsFound([Problem("name", "taken", message)])


async def with_triggers(
    store: Store, wanted: Registration, triggers: Triggers, terms: HookTerms, record: WorkflowRecord | None
) -> Registration:
    """Add the triggers of a document to its registration. Raises ProblemsFound.

    record  of the workflow that is changed. A change of its hooks by another document changes its revision,
            too, so that two registrations at a time never make two paths for one entry.
    """
    if not triggers.webhooks and not triggers.paths and not triggers.schedules:
        return wanted
    now_ms = await store.now_ms()
    made = made_paths(await store.webhooks.records(record.hooks)) if record else {}
    return with_schedules(with_webhooks(wanted, triggers, now_ms, terms, made), triggers, now_ms)


async def check_schedules(checks: SchemaChecks, definition: Definition) -> None:
    """Check the inputs of the schedules that a document names. Raises DefinitionInvalid."""
    for place, each in enumerate(definition.triggers.schedules):
        inputs = None if each.spec.inputs is None else dict(each.spec.inputs)
        try:
            await checks.inputs(definition.inputs_schema, inputs)
        except InputsInvalid as error:
            where = f"triggers.schedules[{place}]"
            raise DefinitionInvalid(
                [replace(problem, path=f"{where}.{problem.path}") for problem in error.problems]
            ) from None


def record_fields(*, labels: Mapping[str, str] | None, is_active: bool | None) -> dict[str, str]:
    """Put what stands beside a definition into the fields of a record; None leaves it as it is."""
    fields = {}
    if labels is not None:
        fields["labels"] = orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()
    if is_active is not None:
        fields["is_active"] = flag(is_active)
    return fields


def registration(
    tenant: str,
    compiled: Compiled,
    source: Source,
    *,
    labels: Mapping[str, str] | None,
    is_active: bool | None,
) -> Registration:
    """Put a definition and what stands beside it into the fields of a record; its id is still missing.

    labels, is_active  None leaves them as they are.
    """
    definition = compiled.definition
    fields = {
        "title": definition.name,
        "description": definition.description[:DESCRIPTION_CHARS],
        "hash": content_hash(definition.source),
        "sent": hash_of(source.media_type, source.text),
        "media_type": source.media_type,
        "has_interface": flag(definition.interface is not None),
    }
    fields |= record_fields(labels=labels, is_active=is_active)
    return Registration("", tenant, name_of(definition.name), fields, definition=compiled.text, source=source)


def with_schedules(wanted: Registration, triggers: Triggers, now_ms: int) -> Registration:
    """Add the schedules that a document names to its registration, each with its first slot after now_ms."""
    found = []
    for each in triggers.schedules:
        schedule_id = declared_id(wanted.workflow_id, each.entry)
        name = (
            f"{wanted.name[: NAME_CHARS - len(each.entry) - 1]}-{each.entry}" if each.entry else wanted.name
        )
        found.append(
            NewSchedule(
                schedule_id,
                name,
                {**rule_fields(schedule_id, each.spec, each.given, now_ms), "is_declared": flag(True)},
                other_name=name_with_id(name, schedule_id),
            )
        )
    return replace(wanted, schedules=found)


def made_paths(hooks: Iterable[WebhookRecord]) -> dict[Kind, str]:
    """Give the paths that were made for a document before: of each kind it has one without a path at most."""
    return {hook.kind: hook.path for hook in hooks if hook.is_declared and hook.path.startswith(MINTED)}


def with_webhooks(
    wanted: Registration,
    triggers: Triggers,
    now_ms: int,
    terms: HookTerms = NATIVE_TERMS,
    made: Mapping[Kind, str] | None = None,
) -> Registration:
    """Add the webhooks and trigger paths that a document names to its registration.

    made  see `made_paths`. One without a path keeps that of its kind; a new one is random, so that it
          cannot be worked out from anything that others may see.
    Raises ProblemsFound for a path of another tenant than `default`, and for a secret that cannot be one.
    """
    known = made or {}
    specs: list[tuple[Kind, str, WebhookSpec]] = []
    specs += [("webhook", f"webhooks[{place}]", each) for place, each in enumerate(triggers.webhooks)]
    specs += [
        ("path", f"paths[{place}]", WebhookSpec(path, Scheme.NONE))
        for place, path in enumerate(triggers.paths)
    ]
    found, problems = [], []
    for kind, entry, each in specs:
        if each.path is not None and wanted.tenant != DEFAULT_TENANT:
            where = f"triggers.{entry}.path"
            message = f"'{where}': this tenant's paths are made, and not chosen; leave it out"
            problems.append(Problem(where, "wrong_value", message))
        path = each.path or known.get(kind) or MINTED + token_hex(terms.digits)[: terms.digits]
        secrets = ""
        if terms.secret is not None and each.scheme is not Scheme.NONE:
            check_secrets(each.scheme, [terms.secret], "secret")
            secrets = secrets_text([Secret(now_ms, None, kept_secret(each.scheme, terms.secret))])
        found.append(
            NewHook(
                hook_name(kind, path),
                uuid4().hex,
                str(each.scheme),
                each.header,
                each.inputs,
                terms.door,
                secrets,
            )
        )
    if problems:
        raise ProblemsFound(problems)
    return replace(wanted, webhooks=found)


def rule_fields(
    schedule_id: str, spec: ScheduleSpec, given: Mapping[str, Any], now_ms: int
) -> dict[str, str]:
    """Put the rule of a schedule into the fields of its record, with its first slot after now_ms."""
    slot = spec.next_slot(now_ms)
    return {
        "spec": orjson.dumps(given, option=orjson.OPT_SORT_KEYS).decode(),
        "overlap": str(spec.overlap),
        "pauses_on_failure": flag(spec.pauses_on_failure),
        "max_runs": str(spec.max_runs or ""),
        "next_ms": "" if slot is None else str(slot),
        "due_ms": "" if slot is None else str(spec.due_ms(schedule_id, slot)),
    }


def created(made: Registration, name: str) -> Registration:
    """Make a registration that of a new workflow."""
    fields = {"labels": "{}", "is_active": flag(True), "file": "", **made.fields}
    return replace(made, workflow_id=mint_workflow_id(), name=name, fields=fields)


def changed(made: Registration, record: WorkflowRecord) -> Registration:
    """Make a registration a change of the workflow that has this record."""
    return replace(made, workflow_id=record.workflow_id, name=record.name, revision=record.revision)


def mint_workflow_id() -> str:
    """Make an id that no other workflow has; later ones are greater."""
    return workflow_id_of(mint_uuid().bytes)


def flag(value: bool) -> str:
    """Write true or false as a record keeps it."""
    return "1" if value else "0"
