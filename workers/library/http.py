"""Handlers that call the web."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import unquote, unquote_plus, urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from clients.http.retry_after import retry_after_s
from clients.http.wire import (
    HttpError,
    NameNotResolved,
    RequestInvalid,
    TransportFailed,
    clean_headers,
    parse_url,
)
from headrace import HandlerFault, Retryable, Terminal, handler
from orchestrator.documents.bodies import bytes_of_base64, read_body
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.foreign_json import NotKept
from orchestrator.errors import ErrorType
from workers.config_models import WHOLE
from workers.context import HandlerContext
from workers.excerpts import Excerpt
from workers.library.request_bodies import (
    MAX_FIELDS,
    Parts,
    Scalar,
    Values,
    check_parts,
    encode_body,
    encode_form,
    encode_multipart,
    is_bytes,
    to_text,
)

if TYPE_CHECKING:
    from headrace.tools import HttpResult

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: Client errors that another try may cure: time-out, too early, too many.
PASSING_STATUSES = frozenset({408, 425, 429})
EXCERPT_CHARS = 1000
LARGE_BODY_BYTES = 128 * 1024


class CallConfig(BaseModel):
    """One HTTP request. `body`: text goes as it is, {"base64": …} as its bytes, anything else as JSON."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str
    method: Annotated[str, Field(pattern=r"^[A-Za-z]{1,16}$")] = "GET"
    headers: dict[str, Scalar] = {}
    query: dict[str, Scalar | list[Scalar] | None] = {}
    body: Any = None
    #: Sent as a form of a page: null leaves a field out, a list repeats it.
    form: Annotated[dict[str, Values], Field(max_length=MAX_FIELDS)] | None = None
    #: Sent as multipart/form-data: values, and objects {"filename", "content_type", "text" or "base64"}.
    multipart: Annotated[dict[str, Parts], Field(min_length=1, max_length=MAX_FIELDS)] | None = None
    #: Seconds, or a duration such as "30s", for the whole call.
    timeout: Any = None
    #: Statuses from 400 that are an answer all the same: 404, "4xx", or a list of such.
    expect_status: list[int | str] = []

    @field_validator("url")
    @classmethod
    def _a_url(cls, value: str, info: ValidationInfo) -> str:
        # Once it is resolved, a URL that is none is a call that fails where the node puts those out.
        if isinstance(info.context, Mapping) and info.context.get("on_failure") == "output":
            return value
        try:
            parse_url(value)
        except RequestInvalid as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("headers")
    @classmethod
    def _header_names(cls, value: dict[str, Scalar]) -> dict[str, Scalar]:
        try:
            clean_headers(dict.fromkeys(value, ""))
        except RequestInvalid as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("method")
    @classmethod
    def _a_method(cls, value: str) -> str:
        if value.upper() == "CONNECT":
            raise ValueError("method CONNECT asks a proxy for a tunnel; there is none here")
        return value

    @field_validator("body")
    @classmethod
    def _bytes_are_base64(cls, value: Any) -> Any:
        if is_bytes(value):
            bytes_of_base64(value["base64"])
        return value

    @field_validator("multipart")
    @classmethod
    def _parts_have_contents(cls, value: dict[str, Parts] | None) -> dict[str, Parts] | None:
        check_parts(value or {})
        return value

    @field_validator("timeout")
    @classmethod
    def _a_duration(cls, value: Any) -> Any:
        return None if value is None else parse_duration_ms(value, minimum_ms=1)

    @field_validator("expect_status", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        many = value if isinstance(value, list) else [value]
        for each in many:
            if isinstance(each, bool) or not re.fullmatch(r"[1-5](\d\d|xx)", str(each)):
                raise ValueError(f"expect_status takes 100 to 599 and '4xx', found {each!r}")
        return many

    @model_validator(mode="after")
    def _one_body(self) -> CallConfig:
        given = [name for name in ("body", "form", "multipart") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"a request has one of body, form and multipart, found {' and '.join(given)}")
        if given not in ([], ["body"]) and self.method.upper() in SAFE_METHODS:
            raise ValueError(
                f"{given[0]} needs a method that carries a body, such as POST, found {self.method}"
            )
        if given == ["multipart"] and "content-type" in {name.lower() for name in self.headers}:
            raise ValueError("multipart sets the header Content-Type, which names its boundary; leave it out")
        return self


class HttpConfig(CallConfig):
    """A call, with limits of its own."""

    #: Of the unpacked body; the worker's own limit stays above it.
    max_bytes: Annotated[int, Field(ge=1), WHOLE] | None = None
    follow_redirects: bool = True
    #: Whether a redirect (307, 308) may take the body to another origin; to plain HTTP it never does.
    resend_body_across_origins: bool = False
    #: Whether a call that fails also fails the node, or is what the node puts out.
    on_failure: Literal["fail", "output"] = "fail"


#: Where a secret may stand in a request. Not in `query`: servers and proxies log it.
SECRET_FIELDS = ("url", "headers", "body", "form", "multipart")


@handler("http", config=HttpConfig, retry={"max_attempts": 3}, secrets=SECRET_FIELDS)
async def http(config: HttpConfig, context: HandlerContext) -> dict[str, Any]:
    """Send a request. A JSON body is parsed.

    Output: {"status": "ok", "status_code", "headers", "body", "duration_ms"}.
    4xx and 5xx fail the node (Http.4xx, Http.5xx) unless `expect_status` lists them. With
    `on_failure: output` a failed call gives {"status": "error", "status_code", "error"} instead, the code 0
    where no answer came, or the URL is none once it is resolved.
    """
    try:
        return await _answer(config, context)
    except (HandlerFault, HttpError) as error:
        if config.on_failure == "fail":
            raise
        return {
            "status": "error",
            "status_code": error.details.get("status", 0),
            "error": f"{error.error_type}: {error}",
        }


async def _answer(config: HttpConfig, context: HandlerContext) -> dict[str, Any]:
    result = await _call(config, context, config.url)
    _check_status(result, config, context)
    return {
        "status": "ok",
        "status_code": result.status,
        "headers": result.headers,
        "body": await _read(result),
        "duration_ms": result.duration_ms,
    }


@handler("call_external_service", config=CallConfig, secrets=SECRET_FIELDS)
async def call_external_service(config: CallConfig, context: HandlerContext) -> dict[str, Any]:
    """Call a service by URL or by its name in SERVICES.

    Output: {"status": "ok", "data", "url", "status_code"}.
    In development a bare name that nothing knows answers with a marked simulation, so that samples run
    anywhere.
    """
    target = parse_url(config.url)
    try:
        result = await _call(config, context, map_service(config.url, context.services))
    except NameNotResolved as error:
        # "service-a" is a placeholder, "api.example.com" a mistake or an outage; only the first is simulated.
        if context.environment != "development" or "." in target.host or error.host != target.host:
            raise
        context.log(
            f"host '{target.host}' does not resolve and is not in SERVICES; the answer is simulated",
            "warning",
            url=target.label,
        )
        return {
            "status": "ok",
            "data": f"Simulated call to {config.url}",
            "url": target.url,
            "status_code": 200,
            "simulated": True,
        }
    _check_status(result, config, context, only_2xx=True)
    return {"status": "ok", "data": await _read(result), "url": target.url, "status_code": result.status}


def map_service(url: str, services: Mapping[str, str]) -> str:
    """Put a service's base URL in the place of its logical name; other URLs stay. Pure.

    Only a URL without a port can name a service: `http://service-a:8080/` means that host.
    """
    target = parse_url(url)
    base = services.get(target.host)
    if base is None or target.authority != target.host:
        return url
    prefix = parse_url(base).url.rstrip("/")
    return prefix + target.path


async def _call(config: CallConfig, context: HandlerContext, url: str) -> HttpResult:
    """Send the request. A passing error is retryable only where a repeat does no harm."""
    method = config.method.upper()
    headers = {name: to_text(value) for name, value in config.headers.items()}
    given = {name.lower() for name in headers}
    content, content_type = _content(config, method)
    if content_type and "content-type" not in given:
        headers["content-type"] = content_type
    if method not in SAFE_METHODS and "idempotency-key" not in given:
        headers["idempotency-key"] = context.idempotency_key
    timeout_s = None if config.timeout is None else config.timeout / 1000
    own = config if isinstance(config, HttpConfig) else None
    try:
        return await context.http.request(
            method,
            _with_query(url, config.query),
            headers=headers,
            content=content,
            timeout_s=timeout_s,
            max_bytes=own.max_bytes if own else None,
            follow_redirects=own.follow_redirects if own else True,
            private=private_headers(headers, context),
            resends_body=own.resend_body_across_origins if own else False,
        )
    except TransportFailed as error:
        if error.is_sent and not _may_repeat(config, context):
            raise Terminal(str(error), type=error.error_type, details=error.details) from error
        raise


def private_headers(headers: Mapping[str, str], context: HandlerContext) -> list[str]:
    """Name the headers in which a secret stands, as it is or URL-quoted."""
    secrets = [value for value in context.tools.secrets.values() if value]
    return [
        name
        for name, value in headers.items()
        if any(secret in form for form in (value, unquote(value), unquote_plus(value)) for secret in secrets)
    ]


async def _read(result: HttpResult) -> Any:
    """Read the body. Raises Terminal (`Http.BadResponse`) for one that no output can hold."""
    content_type = result.headers.get("content-type", "")
    try:
        if len(result.content) < LARGE_BODY_BYTES:
            return read_body(result.content, content_type)
        # In a thread, where reading gives way: an odd body takes a tenth of a second for a megabyte.
        return await asyncio.to_thread(read_body, result.content, content_type)
    except NotKept as error:
        label = result.url.partition("?")[0]
        raise Terminal(
            f"the answer of {label} cannot be kept: {error}",
            type=ErrorType.HTTP_BAD_RESPONSE,
            details={"status": result.status, "url": label, "body": _excerpt(result)},
        ) from error


def _may_repeat(config: CallConfig, context: HandlerContext) -> bool:
    """Whether sending the request again is harmless, or the node's own `retry` asks for it."""
    return config.method.upper() in IDEMPOTENT_METHODS or context.has_retry_policy


def _check_status(
    result: HttpResult, config: CallConfig, context: HandlerContext, *, only_2xx: bool = False
) -> None:
    """Raise for an answer that is a failure of the node."""
    status = result.status
    if 200 <= status < 300 or (status < 400 and not only_2xx) or is_expected(status, config.expect_status):
        return
    label = result.url.partition("?")[0]
    error_type = {4: ErrorType.HTTP_4XX, 5: ErrorType.HTTP_5XX}.get(status // 100, ErrorType.HTTP_TRANSPORT)
    passing = (status >= 500 or status in PASSING_STATUSES) and _may_repeat(config, context)
    fault: type[HandlerFault] = Retryable if passing else Terminal
    raise fault(
        f"{config.method.upper()} {label} answered {status}",
        type=error_type,
        after_s=retry_after_s(result.headers.get("retry-after"), now_s=time.time()),
        details={"status": status, "url": label, "body": _excerpt(result)},
    )


def is_expected(status: int, expected: list[int | str]) -> bool:
    """Whether a status is listed, by number or by class ("4xx")."""
    listed = {str(each) for each in expected}
    return str(status) in listed or f"{status // 100}xx" in listed


def _with_query(url: str, query: Mapping[str, Any]) -> str:
    """Append query parameters; None leaves one out, a list repeats it."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        each = value if isinstance(value, list) else [value]
        pairs.extend((name, to_text(one)) for one in each if one is not None)
    if not pairs:
        return url
    start = url.partition("#")[0]
    mark = "" if start.endswith(("?", "&")) else "&" if "?" in start else "?"
    return f"{start}{mark}{urlencode(pairs)}"


def _content(config: CallConfig, method: str) -> tuple[bytes | None, str | None]:
    """Give what is sent, and its content type."""
    if config.multipart is not None:
        return encode_multipart(config.multipart)
    return encode_body(config.body, method) if config.form is None else encode_form(config.form)


def _excerpt(result: HttpResult) -> Excerpt:
    """Give the answer's text as one of which the beginning is shown; whole until secrets are out of it."""
    return Excerpt(result.content.decode("utf-8", errors="replace"), EXCERPT_CHARS)
