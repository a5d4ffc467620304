"""The fenced blocks of a page, in their order, each with what stands beside it for its test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from docs.generate import ROOT

FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
#: `# order.yaml` or `# my_handlers.py` as the first line: the block is a file of that name.
FILE_NAME = re.compile(r"\A# (?P<name>[\w./-]+\.(?:yaml|yml|json|py|conf|env))\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    mark    text of an HTML comment on the line before: what is special about it, see docs/testing.md
    answers whether it stands directly behind the block before it, as the output of a command does
    """

    page: str
    line: int
    language: str
    text: str
    mark: str
    answers: bool

    @property
    def file_name(self) -> str | None:
        """The name of the file that a reader is to save it as."""
        found = FILE_NAME.match(self.text)
        return found["name"] if found else None

    @property
    def not_run(self) -> str | None:
        """Why it is not run, where it is marked so."""
        return self.mark.removeprefix("not run: ") if self.mark.startswith("not run: ") else None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


class Page:
    """A page of the documentation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(ROOT))

    @cached_property
    def blocks(self) -> list[Block]:
        return list(_blocks(self.name, self.path.read_text(encoding="utf-8")))

    @property
    def is_run(self) -> bool:
        """Whether a reader has something to type or to execute."""
        return any(block.language in ("sh", "python") and not block.not_run for block in self.blocks)

    def __str__(self) -> str:
        return self.name


def pages() -> list[Page]:
    """The READMEs and all pages of `docs/` that have blocks."""
    first, last = ROOT / "README.md", (ROOT / "examples" / "README.md", ROOT / "sdk" / "README.md")
    return [page for page in map(Page, (first, *sorted((ROOT / "docs").rglob("*.md")), *last)) if page.blocks]


def _blocks(page: str, text: str) -> Iterator[Block]:
    end = 0
    for found in FENCE.finditer(text):
        indent = found["indent"]
        lines = [line.removeprefix(indent) for line in found["text"].splitlines(keepends=True)]
        yield Block(
            page,
            line=text.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text="".join(lines),
            mark=found["mark"] or "",
            answers=end > 0 and not text[end : found.start()].strip(),
        )
        end = found.end()
