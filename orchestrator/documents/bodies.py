"""Read the body of an HTTP answer as data that an output can hold, and the bytes in such data."""

from __future__ import annotations

import base64
import re
from typing import Any

from orchestrator.documents import charsets
from orchestrator.documents.foreign_json import NotJson, read_json

_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:+-]+)""", re.IGNORECASE)
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_URL_SAFE = str.maketrans("-_", "+/")


def read_body(content: bytes, content_type: str) -> Any:
    """Give parsed JSON, text, or {"base64": …} for anything else.

    What says that it is JSON and is none is text. Raises NotKept for JSON that cannot be kept.
    """
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    found = _CHARSET.search(parameters)
    charset = found[1] if found else None
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            return read_json(content, charset) if content else None
        except NotJson:
            pass  # mislabelled; show what is there
    is_text = media_type.startswith("text/") or media_type.endswith(("json", "xml"))
    text = _text(content, charset, is_text=is_text)
    return {"base64": base64.b64encode(content).decode("ascii")} if text is None else text


def _text(content: bytes, charset: str | None, *, is_text: bool) -> str | None:
    """Decode by the mark or the charset, else as UTF-8; None for what is no text, or none that is read here.

    is_text  the content type says so: a few bad bytes do not make it something else.
    """
    codec = charsets.codec_of(charset) if charset else None
    mark = charsets.marked(content)
    # Other marks are two bytes that many a picture begins with.
    if mark is not None and (is_text or codec or mark[0] == "utf_8"):
        codec, content = mark
    try:
        return content.decode(codec or "utf_8")
    except UnicodeDecodeError:
        pass
    if codec is not None and is_text and (text := charsets.decode(content, codec)) is not None:
        return text
    try:
        return content.decode()
    except UnicodeDecodeError:
        is_known = charset is None or codec is not None
        return content.decode("utf-8", "replace") if is_text and is_known else None


def bytes_of_base64(text: str) -> bytes:
    """Read base64 as it is found: of either alphabet, padded or not, in one line or several.

    Raises ValueError, which says what is wrong.
    """
    plain = "".join(text.split()).rstrip("=").translate(_URL_SAFE)
    if wrong := _NO_BASE64.search(plain):
        raise ValueError(f"{text[:40]!r} is not base64: it has {wrong[0]!r}")
    if len(plain) % 4 == 1:
        raise ValueError(f"{text[:40]!r} is not base64: {len(plain)} characters of it are no number of bytes")
    return base64.b64decode(plain + "=" * (-len(plain) % 4))
