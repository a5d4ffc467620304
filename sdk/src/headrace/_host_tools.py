"""The worker's clients as a handler in a host has them: each call is asked for, see `headrace.tools`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from headrace._asks import Asks
from headrace.outcome import Terminal
from headrace.plain_json import as_json
from headrace.tools import ContainerResult, HttpResult, LlmReply, LlmUsage, OneCall, OnLine, OnText

#: Of what a tool gives before its end: nothing is wanted, it goes to the node's history, or to the handler.
Pieces = Literal["none", "node", "handler"]


class HostHttp(OneCall):
    """Calls over HTTP; see `headrace.tools.Http`."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_s: float | None = None,
        max_bytes: int | None = None,
        follow_redirects: bool = True,
        private: Collection[str] = (),
        resends_body: bool = False,
    ) -> HttpResult:
        options = {
            "headers": dict(headers or {}),
            "timeout_s": timeout_s,
            "max_bytes": max_bytes,
            "follow_redirects": follow_redirects,
            "private": list(private),
            "resends_body": resends_body,
        }
        fields = _checked({"method": method, "url": url, "options": options}, "request")
        fields["has_content"] = content is not None
        return self._asks.call("http", fields, bytes(content or b""), _http_result)


class HostLlm:
    """Calls of a language model; see `headrace.tools.Llm`."""

    def __init__(self, asks: Asks, streams_to_node: Callable[[OnText], bool]) -> None:
        self._asks = asks
        self._streams_to_node = streams_to_node

    def complete(
        self,
        prompt: str | None = None,
        *,
        messages: Sequence[Mapping[str, Any]] | None = None,
        system: str | None = None,
        model: str | None = None,
        max_tokens: int = 4096,
        schema: Mapping[str, Any] | None = None,
        effort: str | None = None,
        cache: bool | str = False,
        extra_body: Mapping[str, Any] | None = None,
        on_text: OnText | None = None,
    ) -> LlmReply:
        config = {
            "prompt": prompt,
            "messages": None if messages is None else [dict(each) for each in messages],
            "system": system,
            "model": model,
            "max_tokens": max_tokens,
            "schema": None if schema is None else dict(schema),
            "effort": effort,
            "cache": cache,
            "extra_body": dict(extra_body or {}),
        }
        pieces: Pieces = "none"
        if on_text is not None:
            pieces = "node" if self._streams_to_node(on_text) else "handler"
        return self._asks.call("llm", {"pieces": pieces}, _body(config), _llm_reply, on_text)


class HostContainers:
    """Runs of containers; see `headrace.tools.Containers`."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    def run(
        self,
        image: str,
        *,
        args: Sequence[str] = (),
        entrypoint: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        input: Any = None,
        working_dir: str | None = None,
        network: str = "none",
        memory_mb: int | None = None,
        cpus: float | None = None,
        timeout: float | str = "10m",
        pull: Literal["missing", "always", "never"] = "missing",
        on_line: OnLine | None = None,
    ) -> ContainerResult:
        config = {
            "image": image,
            "args": _words(args, "args"),
            "entrypoint": None if entrypoint is None else _words(entrypoint, "entrypoint"),
            "env": dict(env or {}),
            "working_dir": working_dir,
            "network": network,
            "memory_mb": memory_mb,
            "cpus": cpus,
            "timeout": timeout,
            "pull": pull,
        }
        if input is not None:
            config["input"] = input
        pieces: Pieces = "node" if on_line is None else "handler"
        on_piece = None if on_line is None else lambda piece: on_line(*piece)
        return self._asks.call("container", {"pieces": pieces}, _body(config), _container_result, on_piece)


def _http_result(header: Mapping[str, Any], body: bytes) -> HttpResult:
    return HttpResult(header["status"], header["headers"], body, header["url"], header["duration_ms"])


def _llm_reply(header: Mapping[str, Any], body: bytes) -> LlmReply:
    fields = json.loads(body)
    return LlmReply(**{**fields, "usage": LlmUsage(**fields["usage"])})


def _container_result(header: Mapping[str, Any], body: bytes) -> ContainerResult:
    end = header["stdout_bytes"]
    return ContainerResult(
        header["exit_code"], body[:end], body[end:], header["is_out_of_memory"], header["duration_ms"]
    )


def _words(words: Sequence[str], name: str) -> list[str]:
    if isinstance(words, str):
        raise Terminal(f"'{name}' is a list of words: no shell reads it", type="ConfigError")
    return list(words)


def _body(config: Mapping[str, Any]) -> bytes:
    return json.dumps(_checked(config, "config")).encode()


def _checked(fields: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Give fields as JSON. Raises Terminal (`ConfigError`), naming the one that is none."""
    try:
        found: dict[str, Any] = as_json(dict(fields), what)
    except (TypeError, ValueError, RecursionError) as error:
        raise Terminal(f"the worker cannot be asked: {error}", type="ConfigError") from None
    return found
