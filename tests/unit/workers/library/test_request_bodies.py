"""What a request carries: forms, parts with files, bytes."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import ValidationError

from clients.http.wire import RedirectRefused
from tests.unit.clients.http.target_server import TargetServer, reply, running_target
from workers.context import HandlerContext, Toolbox
from workers.handlers import HANDLER_REGISTRY
from workers.library.http import HttpConfig
from workers.library.request_bodies import MAX_FIELDS, Part, encode_form, encode_multipart
from workers.registry import check_config

POST = {"url": "http://a", "method": "POST"}


class Sink:
    def emit(self, type: str, data: dict[str, Any]) -> None:
        pass


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        yield server


@pytest.fixture
async def context() -> AsyncIterator[HandlerContext]:
    tools = Toolbox(environment="development")
    yield HandlerContext(execution_id="e1", node_id="A", sink=Sink(), tools=tools)
    await tools.aclose()


async def run(name: str, config: dict[str, Any], context: HandlerContext) -> Any:
    return await HANDLER_REGISTRY[name](config, context)


def parts_of(body: bytes, content_type: str) -> list[EmailMessage]:
    """Read a multipart body as a server does."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    assert isinstance(message, EmailMessage)
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def told(part: EmailMessage) -> tuple[Any, ...]:
    name = part.get_param("name", header="content-disposition")
    media_type = part["content-type"] and part.get_content_type()
    return name, part.get_filename(), media_type, part.get_payload(decode=True)


def test_a_form_is_what_a_page_sends() -> None:
    body, content_type = encode_form({"a b": "x&y=ü", "n": [1, True, 2.5], "left out": None, "empty": ""})

    assert content_type == "application/x-www-form-urlencoded"
    assert parse_qsl(body.decode(), keep_blank_values=True) == [
        ("a b", "x&y=ü"),
        ("n", "1"),
        ("n", "true"),
        ("n", "2.5"),
        ("empty", ""),
    ]


def test_parts_are_fields_and_files_in_their_order() -> None:
    picture = Part(filename="p.png", content_type="image/png", base64="/9j/4AAQ")
    body, content_type = encode_multipart(
        {
            "n": 7,
            "none": None,
            "note": Part(filename="note.txt", text="hü"),
            "raw": Part(filename="raw.bin", base64="AAEC"),
            "meta": Part(content_type="application/json", text="{}"),
            "many": ["a", picture],
        }
    )

    assert [told(part) for part in parts_of(body, content_type)] == [
        ("n", None, None, b"7"),
        ("note", "note.txt", "text/plain", "hü".encode()),
        ("raw", "raw.bin", "application/octet-stream", b"\0\1\2"),
        ("meta", None, "application/json", b"{}"),
        ("many", None, None, b"a"),
        ("many", "p.png", "image/png", b"\xff\xd8\xff\xe0\0\x10"),
    ]


def test_names_of_parts_cannot_add_headers_or_parts() -> None:
    odd = 'x"\r\nX-Evil: 1\r\n\r\n--'
    body, content_type = encode_multipart({odd: Part(filename=odd, text="a")})

    (part,) = parts_of(body, content_type)
    assert part["x-evil"] is None
    assert b"X-Evil: 1\r\n" not in body
    assert encode_multipart({"a": None})[0].endswith(b"--\r\n")


@pytest.mark.parametrize("handler", ["http", "call_external_service"])
@pytest.mark.parametrize(
    ("config", "body", "content_type"),
    [
        ({"form": {"a": [1, 2]}}, b"a=1&a=2", "application/x-www-form-urlencoded"),
        ({"form": {}}, b"", "application/x-www-form-urlencoded"),
        ({"form": {"a": 1}, "headers": {"Content-Type": "x/y"}}, b"a=1", "x/y"),
        ({"body": "grüße"}, "grüße".encode(), "text/plain; charset=utf-8"),
        ({"body": {"base64": "/9j_4AAQ"}}, b"\xff\xd8\xff\xe0\0\x10", "application/octet-stream"),
        ({"body": {"base64": ""}}, b"", "application/octet-stream"),
        (
            {"body": {"base64": "AAEC"}, "headers": {"content-type": "image/png"}},
            b"\0\1\2",
            "image/png",
        ),
        ({"body": {"base64": 5}}, b'{"base64":5}', "application/json"),
        ({"body": {"base64": "AAEC", "name": "n"}}, b'{"base64":"AAEC","name":"n"}', "application/json"),
    ],
)
async def test_a_body_is_sent_as_the_config_says(
    target: TargetServer, context: HandlerContext, handler: str, config: Any, body: bytes, content_type: str
) -> None:
    target.answers["/"] = reply(200)

    await run(handler, {"url": target.url, "method": "POST", **config}, context)

    (seen,) = target.seen
    assert (seen.body, seen.headers["content-type"]) == (body, content_type)
    assert seen.headers["content-length"] == str(len(body))


async def test_a_body_comes_again_where_a_redirect_asks_for_it(
    target: TargetServer, context: HandlerContext
) -> None:
    target.answers["/in"] = reply(308, location="/out", set_cookie="s=1")
    target.answers["/out"] = reply(303, location="/end")
    target.answers["/end"] = reply(200)
    parts = {"file": {"filename": "a.txt", "text": "hello"}}

    await run("http", {"url": f"{target.url}/in", "method": "POST", "multipart": parts}, context)

    first, second, third = target.seen
    assert first.body == second.body
    assert [told(part)[3] for part in parts_of(second.body, second.headers["content-type"])] == [b"hello"]
    assert (third.method, third.body, third.headers.get("content-type")) == ("GET", b"", None)
    assert (second.headers["cookie"], third.headers["cookie"]) == ("s=1", "s=1")


async def test_bytes_of_one_answer_are_the_body_of_the_next_request(
    target: TargetServer, context: HandlerContext
) -> None:
    target.answers["/picture"] = reply(200, b"\x89PNG\0\xff", content_type="image/png")
    target.answers["/upload"] = reply(200)

    output = await run("http", {"url": f"{target.url}/picture"}, context)
    await run("http", {"url": f"{target.url}/upload", "method": "PUT", "body": output["body"]}, context)

    assert target.seen[-1].body == b"\x89PNG\0\xff"


@pytest.mark.parametrize("name", ["form", "multipart"])
async def test_a_form_does_not_follow_a_redirect_to_another_origin(
    target: TargetServer, context: HandlerContext, name: str
) -> None:
    target.answers["/"] = reply(307, location=f"http://localhost:{target.port}/there")

    with pytest.raises(RedirectRefused, match="resend_body_across_origins"):
        await run("http", {"url": target.url, "method": "POST", name: {"key": "hunter2"}}, context)

    assert len(target.seen) == 1


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({**POST, "body": "x", "form": {}}, "one of body, form and multipart, found body and form"),
        ({**POST, "form": {}, "multipart": {"a": 1}}, "found form and multipart"),
        (
            {"url": "http://a", "form": {"a": 1}},
            "form needs a method that carries a body, such as POST, found GET",
        ),
        ({"url": "http://a", "method": "head", "multipart": {"a": 1}}, "multipart needs a method"),
        ({**POST, "headers": {"content-Type": "x/y"}, "multipart": {"a": 1}}, "which names its boundary"),
        ({**POST, "multipart": {}}, "config.multipart"),
        ({**POST, "multipart": {"a": {"filename": "f"}}}, "either text or base64"),
        ({**POST, "multipart": {"a": {"text": "x", "base64": "AAEC"}}}, "either text or base64"),
        ({**POST, "multipart": {"a": {"base64": "a*b"}}}, r"'a\*b' is not base64: it has '\*'"),
        ({**POST, "multipart": {"a": {"text": "x", "content_type": "x"}}}, "takes 'type/subtype', found 'x'"),
        ({**POST, "multipart": {"a": {"text": "x", "content_type": "a/b\r\nX: y"}}}, "takes 'type/subtype'"),
        ({**POST, "multipart": {"a": {"text": "x", "file": "x"}}}, "'a.file'|a.file|has no config field"),
        ({**POST, "form": {"a": {"b": 1}}}, "config.form.a"),
        ({**POST, "form": dict.fromkeys(map(str, range(MAX_FIELDS + 1)), 1)}, "1000|1,000"),
        ({**POST, "body": {"base64": "a*b"}}, "is not base64"),
    ],
)
def test_a_body_that_cannot_be_sent_is_refused_at_submission(config: dict[str, Any], words: str) -> None:
    problems = check_config("http", config)

    assert re.search(words, " ".join(f"{each.path}: {each.message}" for each in problems)), problems


@pytest.mark.parametrize(
    "config",
    [
        {**POST, "multipart": {"a": {"filename": "{{ A.name }}", "base64": "{{ A.body.base64 }}"}}},
        {**POST, "multipart": "{{ A.parts }}"},
        {**POST, "form": {"{{ A.key }}": "{{ A.value }}"}},
        {**POST, "body": {"base64": "{{ A.body }}"}},
        {"url": "http://a", "method": "{{ A.method }}", "form": {"a": 1}},
    ],
)
def test_what_a_template_stands_for_is_judged_when_it_is_known(config: dict[str, Any]) -> None:
    assert check_config("http", config) == []
    with pytest.raises(ValidationError):
        HttpConfig.model_validate({**POST, "body": {"base64": "no base64!"}})
