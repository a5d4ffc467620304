"""Composes the Lua library: a file per transition, the parts they share, keys, guards and rules.

A library (Redis Functions, since 7.0) rather than separate scripts: its shared part is built once, when it
is loaded, while a script sent by EVALSHA builds its helpers at every call, which costs as much as its
commands.
The library's name is made from its text, so that two versions of the code can work on one Redis.

A transition's file begins with comment lines. One may be `-- flags: allow-oom`, flags of the Lua engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from orchestrator.definitions.trigger_rules import lua_outcomes, lua_rules
from orchestrator.redis_keys import Keys, lua_keys
from orchestrator.states import lua_ends, lua_guards
from orchestrator.store.layout import CHUNK, VERSION
from orchestrator.store.records import EXECUTION_FIELDS

LUA = Path(__file__).parent / "lua"
#: Shared parts, each using only those before it.
PARTS = (
    "writes", "unit", "plans", "state", "base", "waits", "schedule_to_close", "budget", "pause", "nodes",
    "inbox", "journal", "deliveries", "settle", "output", "retries", "answers", "children", "items",
    "resume", "manual", "replies", "claim", "attempt", "start", "layouts", "slices", "retention", "purge",
    "schedules", "hooks",
)  # fmt: skip
_STANDARD = "string, table, math, tonumber, select, unpack, ipairs, pairs, type"
#: A local costs a fraction of a global, and a hop asks for these hundreds of times. Globals are there from
#: the first call on, not while the library is loaded.
STANDARD = (
    f"local function standard() return {_STANDARD} end\n"
    f"local {_STANDARD}\n"
    f"local function know_standard() if not string then {_STANDARD} = standard() end end\n"
)
#: Every library of ours has a name that begins so.
FAMILY = "headrace_"


@dataclass(frozen=True, slots=True)
class Library:
    """All transitions as Redis loads them."""

    name: str
    text: str

    def function(self, verb: str) -> str:
        """The name to call a transition by. Such names are global in Redis, hence the library's in front."""
        return f"{self.name}_{verb}"


def script_names() -> tuple[str, ...]:
    """Names of all transitions that are scripts, in alphabetical order."""
    return tuple(sorted(path.stem for path in LUA.glob("*.lua")))


def sources() -> dict[str, str]:
    """Every Lua file by its path below `lua/`, without the ending: `complete_node`, `include/settle`."""
    found = {f"include/{part}": (LUA / "include" / f"{part}.lua") for part in PARTS}
    found.update({name: LUA / f"{name}.lua" for name in script_names()})
    return {name: path.read_text(encoding="utf-8") for name, path in found.items()}


def compose(keys: Keys, files: Mapping[str, str] | None = None) -> Library:
    """Build the library. `files` stands in for `sources()`, for tests that change a file."""
    if files is not None:
        return _built(keys, VERSION, CHUNK, files)
    return _composed(replace(keys, prefix=""), VERSION, CHUNK)


@cache  # The prefix is an argument of each call: the text is the same for all.
def _composed(keys: Keys, layout: int, chunk: int) -> Library:
    return _built(keys, layout, chunk, sources())


def _built(keys: Keys, layout: int, chunk: int, files: Mapping[str, str]) -> Library:
    parts = [STANDARD, lua_keys(keys), lua_guards(), f"local CHUNK, LAYOUT = {chunk}, '{layout}'\n"]
    parts.append(f"local EXECUTION_FIELDS = {{{', '.join(map(repr, EXECUTION_FIELDS))}}}\n")
    parts += [lua_rules(), lua_outcomes(), lua_ends(), "\n"]
    parts += [files[f"include/{part}"] for part in PARTS]
    verbs = {name: text for name, text in files.items() if "/" not in name}
    shared = "".join([*parts, "local BODIES = {}\n"])
    # Made of all of the text but the name itself: what is there under a name need not be loaded again.
    digest = hashlib.sha1(_text(FAMILY, shared, verbs).encode(), usedforsecurity=False)
    name = FAMILY + digest.hexdigest()[:12]
    return Library(name, _text(name, shared, verbs))


def _text(name: str, shared: str, verbs: Mapping[str, str]) -> str:
    registered = [_register(f"{name}_{verb}", body) for verb, body in verbs.items()]
    return "".join([f"#!lua name={name}\n", shared, *registered])


def _register(function: str, body: str) -> str:
    flags = next(
        (line.removeprefix("-- flags: ") for line in body.splitlines()[:3] if line.startswith("-- flags: ")),
        "",
    )
    quoted = ", ".join(f"'{flag}'" for flag in flags.split())
    head = f"function_name='{function}', flags={{{quoted}}}, callback=function(keys, arguments)"
    call = (
        f"enter(keys, arguments)\nlocal is_done, reply = pcall(BODIES['{function}'])\n"
        "if not is_done then give_up(reply) end\nleave()\nreturn reply"
    )
    return f"BODIES['{function}'] = function()\n{body}\nend\nredis.register_function{{{head}\n{call}\nend}}\n"
