"""The pages list what the code has: every code, event, cause, field. Their blocks are run in tests/docs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from api import problems as api_errors
from docs.generate import ROOT
from orchestrator.definitions import compiler, maps, node_compiler
from orchestrator.errors import HeadraceError
from orchestrator.lint import output_reads
from orchestrator.states import TABLE, WaitingOn
from orchestrator.store import library
from orchestrator.templates.filters import FILTERS, ITEM_FILTERS, METHODS, TESTS
from orchestrator.templates.resolver import NodeResult, Scope, resolve
from orchestrator.templates.values import to_text
from workers.handlers import HANDLER_REGISTRY

SNAKE = re.compile(r"[a-z]+(_[a-z]+)+")
#: Words in the linter's files that are no codes: fields of definitions and of JSON Schema, keys of outputs, a
#: handler, and what the check of a value finds.
FIELDS = {
    "true_branch", "false_branch", "call_external_service", "bad_input",
    *(key for keys in output_reads.OUTPUT_KEYS.values() for key in keys),
    *node_compiler._FIELDS, *compiler._TOP_FIELDS, *maps._FIELDS,
}  # fmt: skip


@cache
def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    """A page from a heading to the next."""
    return page(name).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def named(text: str) -> set[str]:
    """The words in a first or other column that stand between backquotes."""
    return set(re.findall(r"`([\w.]+)`", text))


def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def test_every_code_of_a_failure_is_listed() -> None:
    kinds = [
        kind for kind in subclasses(HeadraceError) if kind.__module__.startswith(("api.", "orchestrator."))
    ]
    codes = {str(getattr(kind, "code", None)) for kind in kinds}
    codes |= {"INTERNAL", *api_errors._CODES.values()}

    listed = {word for word in named(section("api.md", "Errors")) if word.isupper()}

    assert listed == codes


def test_every_code_is_listed_with_its_status() -> None:
    statuses: dict[str, set[int]] = {}
    for row in re.findall(r"^\| (\d{3}) \| (.+?) \|", section("api.md", "Errors"), re.MULTILINE):
        for code in named(row[1]):
            statuses.setdefault(code, set()).add(int(row[0]))

    wrong = {
        str(getattr(kind, "code", None)): door.status
        for kind, door in api_errors.DOORS.items()
        if door.status not in statuses[str(getattr(kind, "code", None))]
    }

    assert not wrong


def test_every_warning_of_the_linter_is_listed_where_validation_is_described() -> None:
    files = (ROOT / "orchestrator" / "lint").glob("*.py")
    found = {
        node.value
        for path in (*files, ROOT / "orchestrator" / "definitions" / "unknown_inputs.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SNAKE.fullmatch(node.value)
    } - FIELDS
    rows = re.findall(r"^\| (`.+?) \| ", section("api.md", "Validate"), re.MULTILINE)

    assert {word for row in rows for word in named(row)} == found


def test_every_event_is_listed() -> None:
    lua = "\n".join(library.sources().values())
    found = set(re.findall(r"'((?:execution|node|signal|stream)\.[a-z]+)'", lua))
    found |= {row.event for row in TABLE if row.event}

    assert found <= named(section("api.md", "Events"))


def test_every_cause_is_listed() -> None:
    found = set(re.findall(r'"cause":"(\w+)', "\n".join(library.sources().values())))
    events = section("api.md", "Events")
    causes = events.partition("| `cause` | why")[2]

    assert len(found) > 8
    # `wake_node` gives the kind of wait that was over.
    assert found | {"back_off", "delay", "worker", "hold", "inbox"} == {
        word for row in re.findall(r"^\| (`.+?) \| ", causes, re.MULTILINE) for word in named(row)
    }
    assert {str(word) for word in WaitingOn} <= named(events)


@pytest.mark.parametrize(
    ("name", "heading", "fields"),
    [
        ("api.md", "Submit and start", set(compiler._TOP_FIELDS) - {"dag"}),
        ("api.md", "Submit and start", set(compiler._DEFAULT_FIELDS)),
        ("handlers.md", "What every node may have", set(node_compiler._FIELDS) - {"id", "handler", "config"}),
        ("handlers.md", "map", set(maps._FIELDS)),
    ],
)
def test_every_field_is_described(name: str, heading: str, fields: set[str]) -> None:
    assert fields <= named(section(name, heading))


def test_every_handler_is_in_the_first_table_and_has_a_section() -> None:
    table = page("handlers.md").partition("\n## ")[0]
    # Tests register handlers as well.
    ours = {
        name for name, spec in HANDLER_REGISTRY.items() if spec.function.__module__.startswith("workers.")
    }

    assert ours <= named(table)
    assert all(f"\n## {name}\n" in page("handlers.md") for name in re.findall(r"\(#(\w+)\)", table))


def test_links_lead_to_headings_that_exist() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "examples" / "README.md"]
    anchors = {path: {_anchor(line) for line in _headings(path)} for path in pages}
    broken = [
        f"{path.name}: {target}#{anchor}"
        for path in pages
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", path.read_text(encoding="utf-8"))
        if anchor not in anchors.get((path.parent / target).resolve() if target else path, {anchor})
    ]

    assert not broken


def _headings(path: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def template_examples() -> Iterator[Any]:
    """Templates and what they give, side by side on the page."""
    for block in re.findall(r"```text\n(.*?)```", page("templates.md"), re.DOTALL):
        for line in block.splitlines():
            if found := re.fullmatch(r"(\{[{%].*[%}]\}) {2,}(\S.*)", line):
                yield pytest.param(found[1], found[2], id=found[1][:40])


@pytest.mark.parametrize(("template", "result"), list(template_examples()))
def test_templates_give_what_stands_beside_them(template: str, result: str) -> None:
    rows = {"result": {"rows": [{"n": 1}, {"n": 2}]}}
    scope = Scope(nodes={"A": NodeResult("COMPLETED", rows)})

    assert to_text(resolve(template, scope, node_id="B")).strip() == result


def test_all_filters_tests_and_methods_are_on_the_page() -> None:
    for heading, known in (("Filters", [*FILTERS, *ITEM_FILTERS]), ("Tests", TESTS), ("Methods", METHODS)):
        found = re.search(rf"\*\*{heading}\*\*: `(.*?)`", page("templates.md"), re.DOTALL)
        assert found is not None
        assert found[1].split() == sorted(known)


def test_the_index_for_language_models_has_every_page_and_no_other() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)\)", (ROOT / "llms.txt").read_text(encoding="utf-8")))
    folders = (ROOT / "docs", ROOT / "docs" / "how-to")
    paths = [path for folder in folders for path in folder.glob("*.*") if path.suffix in (".md", ".json")]
    pages = {str(path.relative_to(ROOT)) for path in paths}

    assert not [path for path in linked if not (ROOT / path).is_file()]
    assert pages <= linked
