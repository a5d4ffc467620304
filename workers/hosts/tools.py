"""The worker's clients, as attempts in hosts use them: what was asked for, and the answer, as frames."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from headrace import Terminal
from headrace.plain_json import Json
from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType
from workers.context import HandlerContext
from workers.library.container import ContainerConfig, unless_cancelled
from workers.library.http import private_headers
from workers.library.llm import LlmConfig, prices_of
from workers.library.metered_llm import MeteredLlm
from workers.registry import find_handler

#: Fields of the header, and the body.
Answer = tuple[dict[str, Any], bytes]
#: Sends the handler a part of the answer that comes before its end.
Give = Callable[[Any], None]
Tool = Callable[[HandlerContext, Mapping[str, Any], bytes, Give], Coroutine[Any, Any, Answer]]


async def http(context: HandlerContext, header: Mapping[str, Any], body: bytes, give: Give) -> Answer:
    """Send a request. Raises HttpError, and Terminal for options that are none."""
    options = dict(header["options"])
    if not all(isinstance(each, str) for each in (header["method"], header["url"])):
        raise Terminal("method and url of a request are text", type=ErrorType.CONFIG_ERROR)
    if not all(isinstance(text, str) for text in options["headers"].values()):
        raise Terminal("headers of a request are text", type=ErrorType.CONFIG_ERROR)
    options["private"] = [*options["private"], *private_headers(options["headers"], context)]
    content = body if header["has_content"] else None
    result = await context.http.request(header["method"], header["url"], content=content, **options)
    fields = {"status": result.status, "headers": result.headers, "url": result.url}
    return {**fields, "duration_ms": result.duration_ms}, result.content


async def llm(context: HandlerContext, header: Mapping[str, Any], body: bytes, give: Give) -> Answer:
    """Make one call within the budgets. Raises LlmError, and Terminal for a request that is none."""
    config = _config("llm", body)
    assert isinstance(config, LlmConfig)
    takers: dict[str, Callable[[str], None]] = {"node": context.token, "handler": give}
    provider = MeteredLlm(context.llm, context.meter, prices_of(context))
    on_text = takers.get(header["pieces"], lambda text: None)
    reply, price = await provider.complete(config.to_request(), on_text)
    reply = dataclasses.replace(reply, cost_usd=price)
    return {}, exact_json.dumps(dataclasses.asdict(reply))


async def container(context: HandlerContext, header: Mapping[str, Any], body: bytes, give: Give) -> Answer:
    """Run a container, as long as the attempt is wanted. Raises ContainerError, Terminal."""
    config = _config("container", body)
    assert isinstance(config, ContainerConfig)

    def take_line(stream: str, line: str) -> None:
        if header["pieces"] == "handler":
            give((stream, line))
        else:
            context.log(line, stream=stream)

    running = asyncio.create_task(context.containers.run(config.to_spec(context), on_line=take_line))
    result = await unless_cancelled(running, context)
    fields = {"exit_code": result.exit_code, "is_out_of_memory": result.is_out_of_memory}
    times = {"duration_ms": result.duration_ms, "stdout_bytes": len(result.stdout)}
    return {**fields, **times}, result.stdout + result.stderr_tail


async def read_journal(context: HandlerContext, header: Mapping[str, Any], body: bytes, give: Give) -> Answer:
    """Read the journal of the node."""
    found = await context.journal.read()
    entries = [[entry.number, entry.data] for entry in found.entries]
    return {"through": found.through}, exact_json.dumps([found.snapshot, *entries])


async def append_journal(
    context: HandlerContext, header: Mapping[str, Any], body: bytes, give: Give
) -> Answer:
    """Append an entry to the journal of the node. Raises Terminal."""
    size = header["data_bytes"]
    data, events = exact_json.loads(body[:size]), Json(body[size:])
    entry = await context.journal.append(data, events=events, takes=header["takes"])
    return {"number": entry.number}, b""


async def snapshot_journal(
    context: HandlerContext, header: Mapping[str, Any], body: bytes, give: Give
) -> Answer:
    """Replace entries of the journal by a snapshot. Raises Terminal."""
    through = header["through"]
    if type(through) is not int or through < 0:
        raise Terminal("'through' of a snapshot is the number of an entry")
    await context.journal.snapshot(exact_json.loads(body), through)
    return {}, b""


async def receive_letter(
    context: HandlerContext, header: Mapping[str, Any], body: bytes, give: Give
) -> Answer:
    """Wait for a letter; the answer has no number where none has come within the time."""
    try:
        letter = await context.inbox.receive(header["timeout_s"])
    except TimeoutError:
        return {"number": None}, b""
    return {"number": letter.number}, exact_json.dumps(letter.payload)


TOOLS: Mapping[str, Tool] = {
    "http": http,
    "llm": llm,
    "container": container,
    "journal.read": read_journal,
    "journal.append": append_journal,
    "journal.snapshot": snapshot_journal,
    "inbox.receive": receive_letter,
}

#: Those that are done to the end: the next entry has the next number.
WRITES = frozenset({"journal.append", "journal.snapshot"})


def _config(handler: str, body: bytes) -> Any:
    """Read what was asked for by the model of the handler that does the same. Raises Terminal."""
    spec = find_handler(handler)
    assert spec is not None
    return spec.read_config(exact_json.loads(body))
