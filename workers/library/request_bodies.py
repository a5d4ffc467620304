"""What an HTTP request may carry: JSON, text, bytes, a form, or parts with files."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, field_validator

from orchestrator.documents import exact_json
from orchestrator.documents.bodies import bytes_of_base64

#: Fields of a form, and parts of a multipart body.
MAX_FIELDS = 1_000

Scalar = str | int | float | bool
Values = Scalar | list[Scalar] | None

_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;[\x20-\x7e]*)?", re.ASCII)
_FORM, _TEXT, _BYTES = (
    "application/x-www-form-urlencoded",
    "text/plain; charset=utf-8",
    "application/octet-stream",
)


class Part(BaseModel):
    """A part of a multipart body: `text`, or bytes as `base64`; with a `filename` it is a file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    filename: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    content_type: str | None = None
    text: str | None = None
    base64: str | None = None

    @field_validator("content_type")
    @classmethod
    def _a_media_type(cls, value: str | None) -> str | None:
        if value is not None and not _MEDIA_TYPE.fullmatch(value):
            raise ValueError(f"content_type takes 'type/subtype', found {value[:100]!r}")
        return value

    @field_validator("base64")
    @classmethod
    def _is_base64(cls, value: str | None) -> str | None:
        if value is not None:
            bytes_of_base64(value)
        return value

    @property
    def content(self) -> bytes:
        """What is sent."""
        return bytes_of_base64(self.base64) if self.base64 is not None else to_bytes(self.text or "")

    @property
    def media_type(self) -> str | None:
        """Its content type: as given, else by what it is; a plain field has none."""
        if self.content_type or self.filename is None:
            return self.content_type
        return _TEXT if self.base64 is None else _BYTES


Parts = Scalar | Part | list[Scalar | Part] | None


def check_parts(parts: Mapping[str, Parts]) -> None:
    """Insist on one content for each part. Raises ValueError."""
    for name, value in _each(parts):
        if isinstance(value, Part) and (value.text is None) == (value.base64 is None):
            found = "none of them" if value.text is None else "both"
            raise ValueError(f"the part {name[:80]!r} has either text or base64, found {found}")


def is_bytes(body: Any) -> bool:
    """Say whether a body is bytes: {"base64": text} and nothing else, as outputs have it."""
    return isinstance(body, dict) and body.keys() == {"base64"} and isinstance(body["base64"], str)


def encode_body(body: Any, method: str) -> tuple[bytes | None, str | None]:
    """Give the bytes of a plain body and its content type, None where there is none."""
    if body is None:
        # An empty body is announced where one is usual: some servers refuse a POST without a length.
        return (b"" if method in ("POST", "PUT", "PATCH") else None), None
    if is_bytes(body):
        return bytes_of_base64(body["base64"]), _BYTES
    if isinstance(body, str):
        return to_bytes(body), _TEXT
    return exact_json.dumps(body), "application/json"


def encode_form(form: Mapping[str, Values]) -> tuple[bytes, str]:
    """Give a form as browsers send one, and its content type: null leaves a field out, a list repeats it."""
    pairs = [(name, to_text(value)) for name, value in _each(form)]
    return urlencode(pairs, errors="replace").encode("ascii"), _FORM


def encode_multipart(parts: Mapping[str, Parts]) -> tuple[bytes, str]:
    """Give a multipart body in the order of its parts, and its content type with the boundary."""
    import httpx2

    files = []
    for name, value in _each(parts):
        part = value if isinstance(value, Part) else Part(text=to_text(value))
        files.append((name, (part.filename, part.content, part.media_type)))
    if not files:  # every part is null: only the mark of the end
        boundary = secrets.token_hex(16)
        return f"--{boundary}--\r\n".encode("ascii"), f"multipart/form-data; boundary={boundary}"
    request = httpx2.Request("POST", "http://localhost/", files=files)
    return request.read(), request.headers["content-type"]


def _each(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                yield name, one


def to_text(value: Any) -> str:
    """Write a scalar as forms, headers and queries have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def to_bytes(text: str) -> bytes:
    """Encode a text in UTF-8, half characters replaced."""
    return text.encode("utf-8", errors="replace")
