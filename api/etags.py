"""Strong ETags: of what a client has seen (If-None-Match), and of what it means to change (If-Match).

A strong tag stands for bytes, so that of a compressed answer is another one. Both name the same state.
"""

import re
from collections.abc import Iterator

from starlette.requests import Request

from api.problems import RequestInvalid
from orchestrator.errors import Problem

#: Stands for any state in either header.
ANY = "*"
#: How the tag of a compressed answer ends; no tag of ours does by itself.
_COMPRESSED = "-gzip"
_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*(?:,|\Z)')


def etag(tag: str) -> dict[str, str]:
    """Name the state that an answer shows."""
    return {"ETag": f'"{tag}"'}


def compressed(tag: bytes) -> bytes:
    """Give the tag of an answer, in quotes, for the same answer compressed."""
    return tag[:-1] + _COMPRESSED.encode() + b'"'


def if_match(request: Request) -> frozenset[str] | None:
    """Read which states of a thing a client means to change; `*` is any, None where it does not say.

    A weak tag names no state exactly, and so matches none. Raises RequestInvalid.
    """
    if (text := _header(request, "If-Match")) is None:
        return None
    return frozenset(tag for tag, is_weak in _tags(text, "If-Match") if not is_weak)


def is_known(request: Request, tag: str) -> bool:
    """Whether a client has this state already. Raises RequestInvalid."""
    if (text := _header(request, "If-None-Match")) is None:
        return False
    return not {tag, ANY}.isdisjoint(found for found, _ in _tags(text, "If-None-Match"))


def _header(request: Request, name: str) -> str | None:
    found = request.headers.getlist(name)
    return ", ".join(found) if found else None


def _tags(text: str, name: str) -> Iterator[tuple[str, bool]]:
    if text.strip() == ANY:
        yield ANY, False
        return
    place = 0
    while place < len(text):
        found = _TAG.match(text, place)
        if found is None:
            message = f"{name} must be ETags in quotes, separated by commas, or *; found {text[:80]!r}"
            raise RequestInvalid([Problem(f"header.{name}", "wrong_value", message)])
        if found[2] != ANY:  # in quotes it is a tag, which no state has
            yield found[2].removesuffix(_COMPRESSED), found[1] is not None
        place = found.end()
