"""Does one thing to many: shows what would be done, asks on a terminal, and says to how many it was done."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import typer

from cli.commands.api_call import ExitCode, refusal
from cli.output.text import json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Value

T = TypeVar("T", bound="Value")
#: Calls under way at once.
AT_ONCE = 8
#: Refusals of one kind that are printed; of the others their number.
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Bulk(Generic[T]):
    """What a command does to each of what it has found.

    verb     does it to one; gives the answer of the server, where there is one.
    name_of  what a refusal begins with.
    row_of   one in a line, for a dry run.
    kind_of  what they are counted by.
    words    before the number of those that it was done to.
    summary  says what was found; None: how many of each kind.
    """

    command: str
    verb: Callable[[AsyncClient, T], Awaitable[Mapping[str, Any] | None]]
    name_of: Callable[[T], str]
    row_of: Callable[[T], str]
    kind_of: Callable[[T], str]
    words: str
    summary: Callable[[Sequence[T]], str] | None = None

    async def carry_out(
        self, client: AsyncClient, found: Sequence[T], *, dry_run: bool, asks: bool, as_json: bool = False
    ) -> int:
        """Say what was found, and do it; gives the exit code.

        asks     on a terminal first: what was found was not named one by one.
        as_json  print the answers, or what would be done, as JSON lines.
        """
        if dry_run:
            for each in found:
                typer.echo(json_line(each.document) if as_json else printable(self.row_of(each)))
        typer.echo((self.summary or self._counts)(found), err=as_json)
        if dry_run or not found:
            return ExitCode.SUCCESS
        if asks and sys.stdin.isatty() and not typer.confirm(f"{self.command.capitalize()} them?"):
            return ExitCode.CANCELLED
        return await self._each(client, found, as_json=as_json)

    def _counts(self, found: Sequence[T]) -> str:
        counts = Counter(map(self.kind_of, found))
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
        return printable(f"{len(found):,} found{': ' if kinds else ''}{kinds}")

    async def _each(self, client: AsyncClient, found: Sequence[T], *, as_json: bool) -> int:
        import asyncio

        from headrace.errors import ApiError, NotFound, ServerUnreachable

        done, left, slots = 0, len(found), asyncio.Semaphore(AT_ONCE)
        refused: Counter[str] = Counter()
        outage: ApiError | ServerUnreachable | None = None

        async def act_on(one: T) -> None:
            nonlocal done, left, outage
            async with slots:
                if outage is not None:
                    return
                try:
                    answer = await self.verb(client, one)
                except NotFound:
                    left -= 1
                    return  # It is gone already: another caller was faster.
                except ServerUnreachable as error:
                    outage = error
                    return
                except ApiError as error:
                    if error.status >= 500:
                        outage = error
                        return
                    left -= 1
                    refused[error.code] += 1
                    if refused[error.code] <= MOST_SHOWN:
                        typer.echo(f"{printable(self.name_of(one))}: {refusal(error)}", err=True)
                    return
                done, left = done + 1, left - 1
                if as_json:
                    typer.echo(json_line(answer))

        for first in range(0, len(found), 1_000):
            async with asyncio.TaskGroup() as group:
                for one in found[first : first + 1_000]:
                    group.create_task(act_on(one))
        for code, count in refused.items():
            if count > MOST_SHOWN:
                typer.echo(f"{count - MOST_SHOWN:,} more are refused the same way: {code}", err=True)
        typer.echo(f"{self.words} {done:,}", err=as_json)
        if outage is not None:
            why = refusal(outage) if isinstance(outage, ApiError) else str(outage)
            typer.echo(f"{left:,} left: {why}; the same command goes on with them", err=True)
            return ExitCode.UNREACHABLE
        return ExitCode.FAILED if refused else ExitCode.SUCCESS
