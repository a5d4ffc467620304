"""Puts the Lua scripts together: one file per transition, parts they share, keys, guards and rules injected.

A script file begins with comment lines. Two of them are read here:
  -- flags: allow-oom              flags of the Lua engine
  -- include: base, settle         files of lua/include, in order
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from orchestrator.layout import CHUNK
from orchestrator.redis_keys import Keys, lua_keys
from orchestrator.rules import lua_rules
from orchestrator.states import lua_guards

LUA = Path(__file__).parent / "lua"


@dataclass(frozen=True, slots=True)
class Script:
    """One transition as Redis runs it. `sha` is how Redis names the text."""

    name: str
    text: str
    sha: str


def script_names() -> tuple[str, ...]:
    """Names of all transitions that are scripts, in alphabetical order."""
    return tuple(sorted(path.stem for path in LUA.glob("*.lua")))


def compose(name: str, keys: Keys) -> Script:
    """Read one script file and put in front of it what it needs."""
    body = (LUA / f"{name}.lua").read_text(encoding="utf-8")
    header = dict(
        line.removeprefix("-- ").split(": ", 1)
        for line in body.splitlines()[:3]
        if line.startswith(("-- flags: ", "-- include: "))
    )
    includes = header.get("include", "base").split(", ")
    parts = [
        f"#!lua flags={header['flags']}\n" if "flags" in header else "#!lua\n",
        lua_keys(keys),
        f"local CHUNK = {CHUNK}\n",
        lua_guards(),
    ]
    if "settle" in includes:
        parts.append(lua_rules() + "\n")
    parts += [(LUA / "include" / f"{include}.lua").read_text(encoding="utf-8") for include in includes]
    text = "".join([*parts, body])
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def compose_all(keys: Keys) -> dict[str, Script]:
    return {name: compose(name, keys) for name in script_names()}
