"""The Lua library: one file per transition, guards and keys injected, rules of the house kept."""

from __future__ import annotations

import re

import pytest

from orchestrator.redis_keys import PATTERNS, Keys, lua_keys
from orchestrator.states import TABLE, sources_of
from orchestrator.store import library
from orchestrator.store.library import LUA, PARTS, compose, script_names, sources
from orchestrator.store.transitions import Transitions

FILES = sources()
VERBS = script_names()
#: At maxmemory these are refused whole; everything else must be able to finish.
TAKES_IN_NEW_WORK = {
    "create_execution", "stage_execution", "stage_layout", "reuse_nodes", "start_execution",
    "retry_execution", "create_tenant", "create_api_key", "open_session",
    "register_workflow", "register_webhook", "deliver_webhook", "put_schedule", "fire_schedule",
    "backfill_schedule",
}  # fmt: skip


def code(name: str) -> str:
    """A file without its comments and texts."""
    text = re.sub(r"--.*", "", FILES[name])
    return re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "''", text)


def test_every_verb_of_the_table_has_a_file_and_every_file_a_method() -> None:
    verbs = {row.verb for row in TABLE if not row.is_internal}

    assert verbs <= set(VERBS)
    assert all(callable(getattr(Transitions, verb)) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_is_headed_by_purpose_keys_arguments_and_replies(verb: str) -> None:
    head = "\n".join(line for line in FILES[verb].splitlines() if line.startswith("--"))

    assert "-- KEYS  1 " in head
    assert re.search(r"Reply|see include/attempt\.lua|-- ARGV", head)


@pytest.mark.parametrize("verb", VERBS)
def test_only_what_takes_in_new_work_is_refused_at_maxmemory(verb: str) -> None:
    assert ("-- flags: allow-oom" in FILES[verb]) == (verb not in TAKES_IN_NEW_WORK)


@pytest.mark.parametrize("name", FILES)
def test_lua_never_decodes_json(name: str) -> None:
    assert "cjson" not in code(name)


#: Calls that take a pattern.
MATCHES = re.compile(r"\b(match|gmatch|gsub|find)\(")


def pattern_calls(text: str) -> list[list[str]]:
    """The arguments of every call that takes a pattern."""
    calls = []
    for found in MATCHES.finditer(text):
        depth, quote, arguments, first = 1, "", [], found.end()
        for place in range(found.end(), len(text)):
            letter = text[place]
            if quote:
                quote = "" if letter == quote else quote
                continue
            quote = letter if letter in "'\"" else ""
            depth += (letter in "({[") - (letter in ")}]")
            if depth == 0 or (letter == "," and depth == 1):
                arguments.append(text[first:place].strip())
                first = place + 1
            if depth == 0:
                break
        calls.append(arguments)
    return calls


@pytest.mark.parametrize("name", FILES)
def test_lua_matches_no_pattern_that_is_made_of_data(name: str) -> None:
    """Lua's matcher goes back, and nothing stops a script: only constants are patterns, else it is plain."""
    for arguments in pattern_calls(re.sub(r"--.*", "", FILES[name])):
        is_constant = re.fullmatch(r"'[^']*'", arguments[1]) is not None
        assert is_constant or arguments[2:] == ["1", "true"], arguments


def test_the_search_for_patterns_sees_them() -> None:
    calls = pattern_calls(
        "x = string.find(f(a, 'b,)'), ';' .. key, 1, true) y = string.match(line, '^(%S+)')"
    )

    assert calls == [["f(a, 'b,)')", "';' .. key", "1", "true"], ["line", "'^(%S+)'"]]
    assert sum(len(pattern_calls(text)) for text in FILES.values()) > 50


@pytest.mark.parametrize("name", FILES)
def test_lua_builds_no_key_of_its_own(name: str) -> None:
    assert not re.search(r"""['"](workflow|workflows|idem|idx):""", FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_the_clock_is_asked_in_one_place(name: str) -> None:
    assert ("'TIME'" in FILES[name]) == (name == "include/base")


@pytest.mark.parametrize("name", FILES)
def test_statuses_are_compared_with_the_table_not_listed_again(name: str) -> None:
    """may_leave is how a script asks whether it may; what it lists itself can drift from the table."""
    assert not re.search(r"status == '[A-Z]+' or status == '[A-Z]+' or", FILES[name])


def test_the_guards_of_the_table_are_in_the_library() -> None:
    text = compose(Keys()).text
    guards = text.partition("local MAY_LEAVE = {\n")[2].partition("\n}\n")[0]

    for subject, verb in {(row.subject, row.verb) for row in TABLE}:
        (rows,) = re.findall(rf"(?ms)^  {subject} = {{\n(.*?)^  }},$", guards)
        (statuses,) = re.findall(rf"(?m)^    {verb} = {{(.*)}},$", rows)
        assert set(re.findall(r"[A-Z]{4,}", statuses)) == set(sources_of(verb, subject))


def test_every_key_pattern_is_a_function_of_the_library() -> None:
    text = compose(Keys()).text

    for pattern in PATTERNS:
        name = f"rare_key.{pattern.name}" if pattern.is_rare else f"{pattern.name}_key"
        assert f"function {name}({', '.join(pattern.parameters)})" in text


def test_the_name_of_the_library_is_made_from_its_text() -> None:
    changed = {**FILES, "claim_node": FILES["claim_node"] + "\n-- changed\n"}

    assert compose(Keys()) == compose(Keys())
    assert compose(Keys()).name != compose(Keys(), changed).name
    assert compose(Keys()).name != compose(Keys(stream="other:tasks")).name


def test_every_lua_file_is_part_of_the_library() -> None:
    on_disk = {str(path.relative_to(LUA).with_suffix("")) for path in LUA.rglob("*.lua")}

    assert set(FILES) == on_disk


@pytest.mark.parametrize("name", FILES)
def test_files_stay_small(name: str) -> None:
    assert len(FILES[name].splitlines()) <= 350


def test_no_two_shared_functions_have_one_name() -> None:
    """All parts share one scope: the later of two would silently stand in for the earlier one."""
    text = "".join([lua_keys(Keys()), *(FILES[f"include/{part}"] for part in PARTS)])
    names = re.findall(r"(?m)^local function (\w+)", text)

    assert [name for name in set(names) if names.count(name) > 1] == []


def test_a_library_is_that_of_the_size_of_lists_and_of_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = compose(Keys())
    monkeypatch.setattr(library, "CHUNK", 2)
    small = compose(Keys())
    monkeypatch.setattr(library, "VERSION", 1_000)

    assert len({usual.name, small.name, compose(Keys()).name}) == 3
    monkeypatch.undo()
    assert compose(Keys()) is usual


def test_one_library_is_built_for_all_prefixes() -> None:
    # Each simulation has a prefix of its own: none of them keeps a text of its own.
    assert compose(Keys(prefix="a:")) is compose(Keys())
