"""A value that is not JSON is refused with its place and with what to write instead."""

from __future__ import annotations

import asyncio
import io
import re
from collections import deque, namedtuple
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import BaseModel, computed_field

from headrace import Completed, Retryable, Terminal
from headrace.plain_json import as_json
from headrace.testing import run, run_async
from workers.outcome import encode_output

Point = namedtuple("Point", "x y")


class Array:
    def tolist(self) -> list[int]:
        raise AssertionError("nothing of a value is called")


class Plain:
    """An instance of any class."""


class Lazy(BaseModel):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> int:
        raise LookupError("not yet")


def rows() -> Iterator[int]:
    yield 1


async def pages() -> AsyncIterator[int]:
    yield 1


async def fetch() -> int:
    return 1


CASES: list[tuple[Any, str]] = [
    (rows(), "of the type generator, which is not JSON: write list(value); in a handler, `return` in the"),
    (pages(), "write [item async for item in value]; in a handler, `return` in the place of `yield`"),
    (map(str, [1]), "write list(value)"),
    (deque([1]), "write list(value)"),
    ({"a": 1}.keys(), "write sorted(value) or list(value)"),
    (frozenset("a"), "write sorted(value) or list(value)"),
    (b"x", "write bytes(value).decode() for text, base64.b64encode(value).decode() for anything else"),
    (Decimal("1.5"), "write str(value), or float(value) where digits may be lost"),
    (1j, "write [value.real, value.imag]"),
    (timedelta(1), "write value.total_seconds()"),
    (Path("a"), "write str(value)"),
    (Point(1, 2), "write value._asdict() for an object, list(value) for a list"),
    (MappingProxyType({}), "write dict(value)"),
    (Array(), "write value.tolist()"),
    (io.StringIO("x"), "read it, and give what is in it"),
    (fetch, "it is not called: write fetch(…)"),
    (Completed, "it is the class Completed itself: make an instance, Completed(…)"),
    (Terminal, "raise Terminal(…), do not return the class"),
    (Retryable("later"), "of the type Retryable, which is not JSON: raise it, do not return it; str(value)"),
    (Plain(), "give an object of what is needed of it, or make its class a dataclass or a pydantic model"),
    (Lazy(), "output.rows[0] of the type Lazy cannot be made into JSON: LookupError: not yet"),
    (float("nan"), "output.rows[0] is NaN or infinite, which JSON does not have: write None"),
    (1 << 2_000, "allowed are 1,024: write str(value)"),
    ({1: 2}, "output.rows[0] has a key that is not text: 1; write str(key)"),
]


@pytest.mark.parametrize(("value", "said"), CASES, ids=[said[-40:] for _, said in CASES])
def test_every_kind_of_value_comes_with_its_place_and_its_way_out(value: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(said)) as refused:
        as_json({"rows": [value]})
    assert str(refused.value).startswith("output.rows[0]")

    # Where no host is between the handler and its worker, too.
    with pytest.raises(Terminal, match=re.escape(said)):
        encode_output({"rows": [value]}, max_bytes=10_000)


async def test_a_forgotten_await_is_named_in_both_kinds_of_handlers() -> None:
    made = []

    def forgets(config: dict[str, Any], context: Any) -> Any:
        made.append(fetch())
        return made[-1] if config["how"] == "bare" else {"rows": [made[-1]]}

    async def forgets_too(config: dict[str, Any], context: Any) -> Any:
        return forgets(config, context)

    for act in (forgets, forgets_too):
        for how, place in (("bare", "output"), ("inside", "output.rows[0]")):
            error = (await run_async(act, {"how": how})).error
            assert error is not None
            assert error.message == (
                f"the handler's output cannot be kept: {place} is of the type coroutine, "
                "which is not JSON: `await` is probably missing before fetch(…)"
            )
    assert run(forgets, {"how": "bare"}).outcome == "failed"
    future = asyncio.get_running_loop().create_future()
    with pytest.raises(TypeError, match="`await` is probably missing before it"):
        as_json(future)
    for each in made:
        each.close()
