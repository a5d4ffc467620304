"""What the reader of a page does with its blocks, and what makes a page fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev_stack import DevStack
from tests.docs.blocks import Block
from tests.docs.clean_python import CleanPython
from tests.docs.reader import Reader


@pytest.fixture
def reader(tmp_path: Path, python: CleanPython) -> Iterator[Reader]:
    """A reader beside a stack that does not run."""
    stack = DevStack(tmp_path / "redis")
    (tmp_path / "home").mkdir()
    made = Reader(tmp_path / "home", lambda: stack, python)
    yield made
    made.close()


def block(text: str, language: str = "sh", *, mark: str = "", answers: bool = False) -> Block:
    return Block("page.md", 1, language, text, mark, answers)


def test_variables_and_files_stay_for_the_next_block(reader: Reader) -> None:
    reader.do(block('name=Ada\necho "{}" > empty.json\n'))
    reader.do(block('cat empty.json\necho "$name"\n'))
    reader.do(block("{}\nAda\n", "text", answers=True))


def test_a_command_that_fails_fails_the_page(reader: Reader) -> None:
    with pytest.raises(AssertionError, match=r"page\.md:1: exit code 3; printed was:\nbefore\n"):
        reader.do(block("echo before\n(exit 3)\necho behind\n"))


def test_an_exit_code_that_is_meant_is_wanted(reader: Reader) -> None:
    reader.do(block("exit 3\n", mark="exits 3"))

    with pytest.raises(AssertionError, match="exit code 0"):
        reader.do(block("true\n", mark="exits 3"))


def test_what_does_not_end_is_ended_where_that_is_meant(reader: Reader) -> None:
    reader.do(block("echo up\nsleep 600\n", mark="run for 1 s"))
    reader.do(block("up\n", "text", answers=True))


def test_an_output_that_is_not_printed_fails_the_page(reader: Reader) -> None:
    reader.do(block("echo one\n"))

    with pytest.raises(AssertionError, match="not printed: two"):
        reader.do(block("two\n", "text", answers=True))


def test_python_has_headrace_and_nothing_of_the_engine(reader: Reader) -> None:
    reader.do(block("import headrace, pydantic, pytest\n", "python"))
    reader.do(block('# mine.py\nprint("mine")\n', "python"))
    reader.do(block("python mine.py\n"))
    reader.do(block("mine\n", "text", answers=True))

    with pytest.raises(AssertionError, match="ModuleNotFoundError: No module named 'orchestrator'"):
        reader.do(block("import orchestrator\n", "python"))


def test_tests_of_a_python_block_are_called(reader: Reader) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        reader.do(block("def test_it():\n    1 / 0\n", "python"))
