"""Tools about workflows: find, read, check and start them, and what their nodes may be."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import Field, WithJsonSchema

from api.mcp.bounds import plain, preview, shortened, without_nulls
from api.mcp.tool import Arguments, Call, Tool
from api.problems import RequestInvalid
from api.responses import with_warnings
from api.routers.handlers import handler_rows
from api.schemas.starts import Labels, OriginFields
from api.schemas.views import page_fields, validation_fields, version_fields, workflow_fields
from api.starts import origin_of
from api.validator import definition_in, readable_in
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.errors import DefinitionInvalid, Problem
from orchestrator.operations.results import Validation

#: Of a definition that is shown with its workflow.
DEFINITION_BYTES = 24 * 1024

DefinitionSent = Annotated[
    Any,
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]}),
    Field(
        description="The definition: an object, or YAML as text. Read the resource headrace://guide for how "
        "one is written, and list_handlers for what a node can do."
    ),
]
_HERE = {"name", "title", "description", "version", "is_active", "has_interface", "labels", "updated_at"}


class ListWorkflows(Arguments):
    text: str | None = Field(
        default=None, min_length=1, max_length=256, description="Part of name, title or description."
    )
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=512, description="`next_cursor` of the last answer.")


class GetWorkflow(Arguments):
    workflow: str = Field(min_length=1, max_length=256, description="Its name or id, from list_workflows.")
    version: int | None = Field(default=None, ge=1, description="The newest one, unless another is named.")


class ValidateWorkflow(Arguments):
    definition: DefinitionSent


class StartWorkflow(Arguments):
    workflow: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Name or id of a registered workflow. Either this or `definition`, never both.",
    )
    definition: DefinitionSent | None = None
    inputs: dict[str, Any] | None = Field(
        default=None, description="As the `inputs` of the definition ask for; get_workflow shows them."
    )
    version: int | None = Field(default=None, ge=1, description="Of the workflow; the newest one without it.")
    labels: Labels = Field(default={}, description="Runs are listed by them.")
    execution_key: str | None = Field(
        default=None, description="A name of your own for the run, taken wherever an id is."
    )
    idempotency_key: str | None = Field(
        default=None,
        description="The same key with the same arguments starts one run, however often it is sent. "
        "Give one whenever a call may have to be repeated.",
    )


class ListHandlers(Arguments):
    name: str | None = Field(
        default=None, max_length=256, description="Show this one whole, with the JSON Schema of its config."
    )


async def list_workflows(call: Call, sent: ListWorkflows) -> dict[str, Any]:
    page = await call.engine.workflows.list(limit=sent.limit, cursor=sent.cursor, text=sent.text)
    return page_fields(page, _row)


async def get_workflow(call: Call, sent: GetWorkflow) -> dict[str, Any]:
    workflows = call.engine.workflows
    record = await workflows.get(sent.workflow)
    fields = workflow_fields(record)
    whole = f"resource headrace://workflows/{record.name}"
    if sent.version in (None, record.version):
        text = await workflows.definition(record)
    else:
        found = await workflows.version(sent.workflow, sent.version or record.version)
        text, fields = found.definition, fields | version_fields(found.version)
        whole = f"GET /v1/workflows/{record.name}/versions/{found.version.version}"
    definition = orjson.loads(text)
    shown, is_cut = preview(definition, DEFINITION_BYTES)
    inputs, _ = preview(definition.get("inputs"), DEFINITION_BYTES // 4)
    answer: dict[str, Any] = plain(fields) | {
        "newest_version": record.version,
        "inputs": inputs,
        "definition": shown,
        "definition_cut": is_cut,
    }
    if is_cut:
        answer["definition_whole"] = f"{whole} ({len(text):,} bytes)"
    return answer


async def validate_workflow(call: Call, sent: ValidateWorkflow) -> dict[str, Any]:
    try:
        read, locate = await readable_in(sent.definition, call.reach)
        found = await call.engine.definitions.validate(read)
    except DefinitionInvalid as error:  # YAML that cannot be read is a finding too, with its line
        found, locate = Validation(tuple(error.problems), (), None), None
    return validation_fields(found, locate)


async def start_workflow(call: Call, sent: StartWorkflow) -> dict[str, Any]:
    if (sent.workflow is None) == (sent.definition is None):
        found = "neither" if sent.workflow is None else "both"
        message = f"exactly one of 'workflow' and 'definition' is needed; found {found}"
        raise RequestInvalid([Problem("workflow", "wrong_value", message)])
    origin = origin_of(OriginFields(labels=sent.labels, execution_key=sent.execution_key))
    idempotency = call.idempotency(sent.idempotency_key, sent)
    if sent.workflow is not None:
        submitted = await call.engine.workflows.start(
            sent.workflow, inputs=sent.inputs, origin=origin, version=sent.version, idempotency=idempotency
        )
    elif sent.version is not None:
        message = "'version' is one of a registered workflow; a definition that is sent has none"
        raise RequestInvalid([Problem("version", "wrong_value", message)])
    else:
        async with definition_in(sent.definition, call.reach) as document:
            submitted = await call.engine.executions.submit(
                document,
                body=orjson.dumps(document),
                inputs=sent.inputs,
                trigger=True,
                origin=origin,
                idempotency=idempotency,
            )
    answer = {
        "execution_id": submitted.execution_id,
        "status": str(submitted.status),
        "replayed": submitted.replayed,
        "existing": submitted.existing,
        "next": "wait_for_run follows it to its end, or to the next point at which it needs an answer",
    }
    return with_warnings(answer, submitted.warnings)


async def list_handlers(call: Call, sent: ListHandlers) -> dict[str, Any]:
    rows = await handler_rows(call.reach, names_workers=call.identity.is_operator)
    if sent.name is None:
        return {
            "items": [
                without_nulls({"name": row["name"], "summary": row["summary"], "aliases": row["aliases"]})
                | {"live_workers": row["live_workers"]}
                for row in rows
            ]
        }
    for row in rows:
        if sent.name == row["name"] or sent.name in row["aliases"]:
            return row
    names = ", ".join(row["name"] for row in rows)
    message = f"no handler is called {sent.name!r}; there are: {names}"
    raise RequestInvalid([Problem("name", "unknown_handler", message)])


def _row(record: WorkflowRecord) -> dict[str, Any]:
    fields = {name: value for name, value in workflow_fields(record).items() if name in _HERE}
    return without_nulls(fields | {"description": shortened(record.description)})


TOOLS = (
    Tool(
        "list_workflows",
        "List workflows",
        "List the registered workflows, newest first: name, title, description. Start here to find one.",
        "workflows_list",
        ListWorkflows,
        list_workflows,
    ),
    Tool(
        "get_workflow",
        "Read a workflow",
        "Show what inputs a registered workflow takes, and its definition.",
        "workflows_get",
        GetWorkflow,
        get_workflow,
    ),
    Tool(
        "validate_workflow",
        "Check a definition",
        "Check a definition without storing it. Answers with `valid`, and `errors` and `warnings` as lists "
        "of {path, code, message, hint, line, column}. Use it until `errors` is empty, then start_workflow.",
        "definitions_validate",
        ValidateWorkflow,
        validate_workflow,
    ),
    Tool(
        "start_workflow",
        "Start a workflow",
        "Start a run: of a registered workflow by name, or of a definition that you send. Answers at once "
        "with `execution_id`; then use wait_for_run.",
        "executions_create",
        StartWorkflow,
        start_workflow,
    ),
    Tool(
        "list_handlers",
        "List handlers",
        "List what a node can do (http, llm, map, approval, …). With `name`, show one whole: how it is "
        "configured, and the JSON Schema of its config.",
        "handlers_list",
        ListHandlers,
        list_handlers,
    ),
)
