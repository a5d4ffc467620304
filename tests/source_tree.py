"""The source tree as the tests of its rules read it: files, functions, texts, calls, lines of Lua."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from docs import generate
from orchestrator.store import library

ROOT = generate.ROOT
MAX_UNPACK = 1_000


@cache
def source_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that belongs to the project. A copy without git is read as it lies there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())
    hidden = {path for path in ROOT.iterdir() if path.name.startswith(".")}
    return tuple(
        path for path in ROOT.rglob("*") if path.is_file() and hidden.isdisjoint({path, *path.parents})
    )


def sources() -> Iterator[Path]:
    return (path for path in tracked() if path.suffix in (".py", ".lua"))


def python(*packages: str) -> Iterator[Path]:
    for path in tracked():
        if path.suffix == ".py" and (not packages or path.relative_to(ROOT).parts[0] in packages):
            yield path


def pages() -> Iterator[Path]:
    return (path for path in tracked() if path.suffix == ".md")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(source_text(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def plain_strings(path: Path) -> Iterator[str]:
    """Every text in a file that is not a docstring; those may speak of keys."""
    tree = parsed(path)
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node.value


def calls(path: Path, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and name == (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
    ]


def sleeps(path: Path) -> bool:
    return any(ast.unparse(call.args[0]) != "0" for call in calls(path, "sleep") if call.args)


def short_waits(path: Path) -> Iterator[int]:
    """Lines that wait for what is meant to happen for a time of their own."""
    waits = [(call, call.args[1:]) for call in calls(path, "wait_for")]
    waits += [(call, call.args) for call in calls(path, "timeout") if "asyncio" in ast.unparse(call.func)]
    for call, limits in waits:
        if any(isinstance(limit, ast.Constant) for limit in limits):
            yield call.lineno


def measured(path: Path) -> Iterator[int]:
    """Lines that compare what a clock shows."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Assert) and re.search(
            r"\b(monotonic|perf_counter|process_time|thread_time|time)(_ns)?\(\)", ast.unparse(node)
        ):
            yield node.lineno


def lua_lines() -> Iterator[tuple[str, str]]:
    for name, text in library.sources().items():
        for line in text.splitlines():
            yield name, line.partition("--")[0]


def is_bounded(bounds: str) -> bool:
    """Whether the arguments of an unpack say by constants how long it is."""
    if step := re.search(r", i, math\.min\(i \+ (\d+), ", bounds):
        return int(step[1]) < MAX_UNPACK
    if fixed := re.search(r", (\d+), (\d+)$", bounds):
        return int(fixed[2]) - int(fixed[1]) < MAX_UNPACK
    return False
