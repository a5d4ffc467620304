"""The MCP server: lists tools and resources, calls them, and words what goes wrong for a model."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

import mcp_types as types
import orjson
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.requests import Request

from api.auth import identity_of, require
from api.mcp import answer_tools, follow_tools, resources, run_tools, workflow_tools
from api.mcp.bounds import bounded, plain
from api.mcp.door import OWNER
from api.mcp.tool import Arguments, Call, Tool
from api.problems import RequestInvalid, respond
from api.responses import inline_schema, json_text
from api.validator import parse_envelope
from orchestrator.documents import exact_json
from orchestrator.errors import Problem

log = logging.getLogger("headrace.api.mcp")

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (*workflow_tools.TOOLS, *run_tools.TOOLS, *follow_tools.TOOLS, *answer_tools.TOOLS)
}
INSTRUCTIONS = (
    "Headrace runs workflows, graphs of nodes that call services and models, wait for people, and survive "
    "restarts. To run one: list_workflows, get_workflow for its inputs, start_workflow, wait_for_run. "
    "wait_for_run comes back when the run has ended or asks something: `needs` names the tool that answers. "
    "To write one: read the resource headrace://guide, look at list_handlers, and use validate_workflow "
    "until it finds no errors. Large values are cut where they say `[cut: …]`; get_output reads them whole."
)

Context = ServerRequestContext[Any, Request]


def session_manager(*, version: str, max_body_bytes: int) -> StreamableHTTPSessionManager:
    """Build the server, and what speaks HTTP for it: each request by itself, without sessions."""
    # It would log two lines for each request.
    logging.getLogger("mcp").setLevel(logging.WARNING)
    server: Server[Any] = Server(
        "headrace",
        title="Headrace",
        version=version,
        instructions=INSTRUCTIONS,
        get_tool_input_schema=lambda name: _schema(TOOLS[name].arguments) if name in TOOLS else None,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
    )
    # Host, Origin and the body are judged before, as for every route; this limit is never the smaller one.
    return StreamableHTTPSessionManager(
        server, stateless=True, security_settings=None, max_request_body_size=max_body_bytes
    )


async def _list_tools(context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    """List the tools that the caller's key opens: what is not listed is not tried."""
    await require(_request(context), OWNER)
    scopes = {str(scope) for scope in identity_of(_request(context)).scopes}
    return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS.values() if tool.owner in scopes])


async def _call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    if (tool := TOOLS.get(params.name)) is None:
        names = ", ".join(TOOLS)
        raise MCPError(types.INVALID_PARAMS, f"no tool is called {params.name[:80]!r}; there are: {names}")
    request = _request(context)
    try:
        await require(request, tool.owner)
        call = Call(tool.name, request, context.session.report_progress)
        sent = await _arguments(call, tool, params.arguments or {})
        answer = plain(await tool.work(call, sent))
    except Exception as error:
        return await _failure(request, error)
    return _result(bounded(answer))


async def _arguments(call: Call, tool: Tool, sent: dict[str, Any]) -> Arguments:
    """Read arguments as a route reads its body: strictly, and a large one in its turn."""
    try:
        text = exact_json.dumps(sent)
    except TypeError as error:
        raise RequestInvalid(
            [Problem("", "wrong_value", f"the arguments cannot be kept: {error}")]
        ) from error
    max_depth = call.engine.limits.max_depth
    return await call.reach.turns.read(
        text, lambda: parse_envelope(tool.arguments, text, max_depth=max_depth)
    )


async def _list_resources(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    found = [
        types.Resource(uri=each.uri, name=each.name, description=each.description, mime_type=each.media_type)
        for each in resources.FIXED
    ]
    return types.ListResourcesResult(resources=found)


async def _list_templates(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    found = [
        types.ResourceTemplate(
            uri_template=each.uri, name=each.name, description=each.description, mime_type=each.media_type
        )
        for each in resources.NAMED
    ]
    return types.ListResourceTemplatesResult(resource_templates=found)


async def _read_resource(
    context: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    request = _request(context)
    try:
        await require(request, OWNER)
        call = Call("resources/read", request, context.session.report_progress)
        media_type, text = await resources.read(call, params.uri)
    except resources.UnknownResource as error:
        raise MCPError(types.INVALID_PARAMS, str(error)) from error
    except Exception as error:
        problem = await _problem(request, error)
        code = types.INVALID_PARAMS if problem["status"] < 500 else types.INTERNAL_ERROR
        raise MCPError(code, problem["detail"], problem) from error
    contents = types.TextResourceContents(uri=params.uri, mime_type=media_type, text=text)
    return types.ReadResourceResult(contents=[contents])


def _request(context: Context) -> Request:
    assert context.request is not None, "this server is reached over HTTP alone"
    return context.request


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=f"{tool.description} (scope: {tool.owner})",
        input_schema=_schema(tool.arguments),
        annotations=types.ToolAnnotations(
            read_only_hint=tool.is_read_only,
            destructive_hint=tool.is_destructive,
            idempotent_hint=tool.is_read_only or tool.is_repeatable,
            open_world_hint=not tool.is_read_only,
        ),
    )


@cache
def _schema(model: type[Arguments]) -> dict[str, Any]:
    """Give the schema of arguments without the titles that pydantic makes of names."""
    schema = inline_schema(model)
    found = {name: value for name, value in schema.items() if name not in ("title", "description")}
    properties = {
        name: {key: value for key, value in field.items() if key != "title"}
        for name, field in schema.get("properties", {}).items()
    }
    return {**found, "type": "object", "properties": properties}


def _result(answer: dict[str, Any], *, is_error: bool = False) -> types.CallToolResult:
    text = json_text(answer).decode()
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], structured_content=answer, is_error=is_error
    )


async def _failure(request: Request, error: Exception) -> types.CallToolResult:
    """Answer with a failure that a model can read and act upon."""
    return _result(await _problem(request, error), is_error=True)


async def _problem(request: Request, error: Exception) -> dict[str, Any]:
    """Word a failure as every route does: the problem document without what is about HTTP alone."""
    handlers = request.app.exception_handlers
    handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
    if handler is None:
        log.exception("mcp.crashed", extra={"request_id": request.scope.get("headrace.request_id")})
        response = respond(request.scope, error)
    else:
        response = await handler(request, error)
    document = orjson.loads(response.body)
    return bounded({name: document[name] for name in document if name not in ("type", "instance")})
