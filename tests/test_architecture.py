"""Rules of the house that a reader would otherwise have to keep in mind: one test each."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import Settings
from docs import generate
from headrace._offer import ENGINE
from orchestrator.states import TABLE
from orchestrator.store import library
from orchestrator.store.script_client import ScriptClient
from orchestrator.store.transitions import Transitions
from tests.source_tree import (
    calls,
    functions,
    is_bounded,
    length,
    lua_lines,
    measured,
    pages,
    plain_strings,
    python,
    short_waits,
    sleeps,
    source_text,
    sources,
)

ROOT = generate.ROOT
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 60
#: A longer file says in its head why, `# long: the reason`, and stands here with its ceiling.
LONG_FILES = {
    "api/problems.py": 420,
    "config.py": 570,
    "docs/generate.py": 450,
    "orchestrator/errors.py": 900,
    "orchestrator/execution/planner.py": 420,
    "orchestrator/operations/executions.py": 600,
    "orchestrator/operations/webhooks.py": 400,
    "orchestrator/operations/workflows.py": 410,
    "orchestrator/store/reader.py": 525,
    "orchestrator/store/transitions.py": 1_100,
    "orchestrator/templates/evaluator.py": 420,
    "sdk/src/headrace/built_in.py": 600,
    "tests/unit/orchestrator/execution/test_planner.py": 390,
}
LONG_FUNCTIONS = {"register_handlers": "a list of small handlers of tests that close over the stage"}
LONG = re.compile(r"^# long: \S.{9,}", re.MULTILINE)

#: Methods of Transitions without a script of their own.
WITHOUT_SCRIPT = {
    "delete_namespace": "UNLINKs, of keys that are under a prefix of their own",
    "drop_dead": "one XDEL; the node stays as it is",
    "drain_worklist": "continue_execution until nothing is left",
    "end_all": "the calls of ending attempts, a few at a time by end_nodes",
    "durable": "waits for the disk where starts are durable",
    "probe": "writes nothing that anyone reads",
}
#: An unpack whose length no constant bounds.
UNPACKED = {
    "announce_worker": "the fields of one worker's record, about twenty",
    "end_nodes": "the arguments of one call, fewer than a thousand",
    "include/base": "four parts of sixteen units that end, or are claimed, together",
    "include/plans": "cut at 500",
    "include/state": "cut at 500; the nodes of one chunk, a hundred",
    "include/writes": "cut at 400",
    "include/retention": "the nodes of one chunk, a hundred",
    "include/hooks": "the fields of one record, a dozen",
    "include/deliveries": "nine names",
    "include/items": "the items of one turn, at most a hundred, three times",
    "include/budget": "the names of four fields",
    "include/schedules": "the fields of one record, a dozen",
    "put_schedule": "the fields of one record, a dozen",
    "register_webhook": "the fields of one record, a dozen",
    "register_workflow": "the fields of one record, a dozen",
    "remove_workflow": "cut at 500",
    "reserve_budget": "the same four names",
    "settle_budget": "the same four names",
}
#: Tests that may wait for the clock, outside tests/chaos. A sleep of 0 only lets others run.
SLEEPING = {
    "tests/browser/handlers.py": "a handler runs until its gate is open",
    "tests/contract/test_native_streams.py": "real servers, clients and sockets",
    "tests/contract/workflow_server/clients/my_server.py": "the documented workflow does",
    "tests/dev_stack.py": "real processes",
    "tests/served_flows.py": "steps take time, while workers are killed",
    "tests/integration/processes/test_dev_stack.py": "real processes",
    "tests/makers.py": "`until` looks again and again for what is meant to happen",
    "tests/redis_server.py": "a server needs a moment to answer",
    "tests/unit/api/streaming/test_hub.py": "gives a reader the time to fail a few times",
}
#: Tests that may look at a clock, outside tests/chaos: to give up, never to find something too slow.
GIVING_UP = {
    "tests/dev_stack.py": "processes that do not go away",
    "tests/integration/processes/test_dev_stack.py": "what real processes never come to",
}


# The engine's verbs


def test_rows_of_the_table_are_lua_files_and_methods() -> None:
    rows = {row.verb for row in TABLE if not row.is_internal}
    files = set(library.script_names())
    methods = {
        name
        for name, _ in inspect.getmembers(Transitions, inspect.isfunction)
        if not hasattr(ScriptClient, name)
    }
    methods = {name for name in methods if not name.startswith("_")}

    assert rows.isdisjoint(generate.WITHOUT_ROW)
    assert files == rows | set(generate.WITHOUT_ROW)
    assert methods - set(WITHOUT_SCRIPT) == files


def test_internal_verbs_have_no_script() -> None:
    internal = {row.verb for row in TABLE if row.is_internal}

    assert internal.isdisjoint(library.script_names())


# Lua


@pytest.mark.parametrize("name", library.script_names())
def test_a_script_begins_with_purpose_keys_arguments_and_reply(name: str) -> None:
    text = library.sources()[name]
    header = generate.lua_header(text)

    assert header.purpose.endswith((".", ")")) or len(header.purpose) > 20
    assert header.keys
    if re.search(r"ARGV\[([3-9]|\d\d)\]|ARGV, \d|leave_attempt", text):
        assert header.argv
    assert header.reply or "include/attempt.lua" in header.argv


@pytest.mark.parametrize("part", library.PARTS)
def test_a_shared_part_begins_with_its_name_and_purpose(part: str) -> None:
    first = library.sources()[f"include/{part}"].splitlines()[0]

    assert re.match(rf"-- {part}: \S.{{20,}}", first)


def test_lua_never_parses_json() -> None:
    assert not [name for name, text in library.sources().items() if "cjson" in text]


def test_only_the_list_of_the_dead_is_trimmed() -> None:
    trimming = [
        (name, line)
        for name, line in lua_lines()
        if re.search(r"MAXLEN|MINID|XTRIM", line) and "rare_key.dead(" not in line
    ]

    assert not trimming
    assert not [path for path in python("orchestrator", "workers", "api") if calls(path, "xtrim")]


def test_no_unpack_is_longer_than_a_lua_stack_bears() -> None:
    unbounded = []
    for name, line in lua_lines():
        for bounds in re.findall(r"unpack\(([^()]*(?:\([^()]*\))?[^()]*)\)", line):
            if name not in UNPACKED and not is_bounded(bounds):
                unbounded.append((name, bounds))

    assert not unbounded


def test_lua_fills_in_only_the_key_patterns_it_is_given() -> None:
    built = [(name, line) for name, line in lua_lines() if re.search(r"""['"](workflows?|idem|idx):""", line)]

    assert not built


# Python


def test_keys_are_formatted_in_one_module_only() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in python("orchestrator", "workers", "api")
        if path.name != "redis_keys.py"
        for text in plain_strings(path)
        if re.search(r"\b(workflows?|idem|idx):", text)
    }

    assert not found


def test_no_file_is_longer_than_can_be_read_in_one_go() -> None:
    long = {
        name: lines
        for path in sources()
        if (lines := len(source_text(path).splitlines()))
        > LONG_FILES.get(name := str(path.relative_to(ROOT)), MAX_FILE_LINES)
    }

    assert not long, f"split these by what they are about, never a class into mixins: {long}"


def test_long_files_say_why_and_are_still_long() -> None:
    said = {str(path.relative_to(ROOT)) for path in python() if LONG.search(source_text(path))}

    assert said == set(LONG_FILES)
    assert not [
        name for name in LONG_FILES if len(source_text(ROOT / name).splitlines()) <= MAX_FILE_LINES
    ], "these are short now: take them off the list"


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.name}": lines
        for path in python()
        for function in functions(path)
        if (lines := length(function)) > MAX_FUNCTION_LINES and function.name not in LONG_FUNCTIONS
    }

    assert not long, f"split these into stages: {long}"


def test_tests_move_the_clock_and_never_sleep() -> None:
    sleeping = {
        str(path.relative_to(ROOT))
        for path in python("tests")
        if path.relative_to(ROOT).parts[1] != "chaos" and sleeps(path)
    }

    assert sleeping <= set(SLEEPING), "move now_ms instead, or wait for what is meant to happen"


def test_tests_wait_patiently_and_measure_no_time() -> None:
    impatient = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in python("tests")
        if path.relative_to(ROOT).parts[1] != "chaos" and str(path.relative_to(ROOT)) not in GIVING_UP
        for line in (*short_waits(path), *measured(path))
    }

    assert not impatient, "wait for PATIENCE_S, and compare amounts of work rather than times"


def test_no_test_module_imports_from_another() -> None:
    shared = re.compile(r"^\s*(?:from|import) tests\.[\w.]*\b(?:test_\w+|conftest)\b", re.MULTILINE)

    found = [str(path.relative_to(ROOT)) for path in python("tests") if shared.search(source_text(path))]

    assert not found, "move what they share into a fixture or a module of helpers"


def test_packages_import_only_what_they_may() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    found_there = {**os.environ, "PYTHONPATH": str(ROOT / "sdk" / "src")}
    done = subprocess.run([linter], cwd=ROOT, env=found_there, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


# Documents


def test_handlers_can_import_no_module_of_the_engine() -> None:
    found = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [Path(name) for name in found.stdout.splitlines()]
    modules = {path.stem for path in files if len(path.parts) == 1 and path.suffix == ".py"}
    packages = {path.parts[0] for path in files if len(path.parts) == 2 and path.name == "__init__.py"}

    # The benchmarks declare handlers of their own.
    assert modules | packages - {"benchmarks"} == ENGINE


def test_generated_documents_are_current() -> None:
    old = [str(path.relative_to(ROOT)) for path, text in generate.documents() if source_text(path) != text]

    assert not old, "run: python -m docs.generate"


def test_every_setting_is_documented() -> None:
    assert set(generate.SETTINGS) == set(Settings.model_fields)


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", source_text(page))
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert not broken


@pytest.mark.parametrize("page", ["features.md", "doors.md", "page.md"])
def test_every_feature_names_tests_that_exist(page: str) -> None:
    missing = []
    for name, rest in re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)?)`", source_text(ROOT / "docs" / page)):
        function = rest.removeprefix("::")
        if not (ROOT / name).is_file() or (function and f"def {function}(" not in source_text(ROOT / name)):
            missing.append(name + rest)

    assert not missing


def test_documents_name_no_place_of_one_machine() -> None:
    private = re.compile(r"(?<![\w.])/(work|tmp|home|root|usr/local)/|127\.0\.0\.1:(?!6379|8000|8090)\d+")

    assert not [str(page.relative_to(ROOT)) for page in pages() if private.search(source_text(page))]
