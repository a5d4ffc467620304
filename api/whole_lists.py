"""Lists that are read whole, page by page, where a contract knows no cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from orchestrator.operations.results import Page

#: Rows read at a time.
PAGE = 200


async def pages_of(read: Callable[..., Awaitable[Page]], **query: Any) -> AsyncIterator[list[Any]]:
    """Give the rows of one page of a list after the other.

    read, query  a list of the engine, such as `executions.list`, and what it is narrowed to.
    """
    cursor: str | None = None
    while True:
        page = await read(limit=PAGE, cursor=cursor, **query)
        yield page.items
        if (cursor := page.next_cursor) is None:
            return
