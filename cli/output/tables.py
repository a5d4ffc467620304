"""Rows under headings, as wide as the terminal, or as wide as they are where output is no terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence

from cli.output.text import printable

#: Wide enough for every row: a pipe gets all of it.
UNBOUNDED = 100_000


def table_lines(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()
) -> Iterator[str]:
    """A table in lines. Numbers stand to the right; where the terminal is narrow, the last column wraps.

    numbers  headings of the columns that hold numbers.
    """
    # Here and not above: only commands that print a table need it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # The real width of a dumb terminal too, for which rich takes 80.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else UNBOUNDED
    console = Console(width=width, height=100, highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in headings:
        # What identifies a row is copied from the screen: only the last column gives way.
        is_last = heading == headings[-1]
        table.add_column(
            heading, justify="right" if heading in numbers else "left", no_wrap=not is_last, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        yield line.rstrip()
