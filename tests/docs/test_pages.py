"""Every block of the README and of `docs/` is run, or says why it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev_stack import DevStack
from tests.docs import documents
from tests.docs.blocks import Page, pages
from tests.docs.clean_python import CleanPython
from tests.docs.reader import FEW, Reader

PAGES = pages()
LANGUAGES = {"sh", "python", "yaml", "json", "text", "mermaid"}
#: What is on the pages and is not run, and why: page, reason, how many blocks.
NOT_RUN: dict[tuple[str, str], int] = {
    ("README.md", "needs Docker"): 1,
    ("docs/doors.md", "needs a client of LlamaIndex"): 1,
    ("docs/how-to/deploy-with-compose.md", "needs Docker"): 2,
    ("docs/how-to/run-beside-another-stack.md", "needs Docker"): 1,
    ("docs/mcp.md", "asks the package index"): 1,
    ("docs/mcp.md", "needs Claude Code"): 1,
    ("docs/mcp.md", "needs the package mcp"): 1,
    ("docs/testing.md", "runs the tests"): 2,
    ("docs/workflow-server.md", "asks the package index"): 1,
    ("docs/workflow-server.md", "needs a key for the model"): 1,
    ("docs/workflow-server.md", "needs other machines"): 1,
    ("docs/workflow-server.md", "needs that agent"): 1,
    ("docs/testing.md", "asks the package index"): 1,
}


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevStack]:
    """The stack of pages that start none."""
    stack = DevStack(tmp_path_factory.mktemp("stack") / "redis")
    stack.start(*FEW)
    yield stack
    stack.close()


@pytest.fixture
def reader(request: pytest.FixtureRequest, tmp_path: Path, python: CleanPython) -> Iterator[Reader]:
    made = Reader(tmp_path, lambda: request.getfixturevalue("shared_stack"), python)
    yield made
    made.close()


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_run], ids=str)
def test_a_reader_can_do_what_a_page_says(page: Page, reader: Reader) -> None:
    for block in page.blocks:
        if block.not_run is None:
            reader.do(block)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_documents_on_a_page_are_what_they_seem(page: Page) -> None:
    for block in page.blocks:
        is_output = block.answers and block.language == "json"
        if block.language in ("yaml", "json") and not is_output and block.mark != "wrong on purpose":
            documents.check(block)


def test_every_block_has_a_language_that_is_run() -> None:
    assert {block.language for page in PAGES for block in page.blocks} <= LANGUAGES


def test_what_is_not_run_is_known() -> None:
    found = Counter((block.page, block.not_run) for page in PAGES for block in page.blocks if block.not_run)

    assert found == NOT_RUN
