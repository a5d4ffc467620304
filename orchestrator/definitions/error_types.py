"""Patterns of error types: how retry policies and catches name the errors they are for.

A pattern is 1 to 128 letters, digits and `_ . - *`. `*` stands for any text, also none, and every other
character for itself; upper and lower case differ. Workers match patterns here, the script that fails a node
matches those of its catch as `lua_error_types` writes it. The small alphabet is what makes both agree.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,128}")


def matches(error_type: str, patterns: tuple[str, ...]) -> bool:
    """Say whether an error type is named by one of the patterns."""
    return any(fnmatchcase(error_type, pattern) for pattern in patterns)


def read_patterns(value: Any, *, least: int = 0) -> tuple[str, ...]:
    """Check a list of `least` patterns or more, as a user wrote it. Raises ValueError with what is wrong."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list of error types such as 'Http.*', got {value!r:.60}")
    if len(value) < least:
        raise ValueError("expected at least one error type such as 'Http.*', got an empty list")
    for pattern in value:
        if not isinstance(pattern, str) or _PATTERN.fullmatch(pattern) is None:
            raise ValueError(
                "each error type is 1 to 128 letters, digits, '_', '.', '-' and, for any text, '*'; "
                f"got {pattern!r:.60}"
            )
    return tuple(value)


def lua_error_types() -> str:
    """Write the same as Lua: `error_type_of(error)` of an error object, and `is_named(error_type, pattern)`.

    Pieces are looked for from left to right, as a Lua pattern with many `.*` could take minutes.
    """
    return _LUA


# An escape in the JSON stands for a character that no pattern can name, only `*`: any other such will do.
_LUA = r"""
local function error_type_of(error)
  local text = string.match(error, '^{"type":"(.-)","message":') or ''
  if not string.find(text, '\\', 1, true) then return text end
  return (string.gsub(text, '\\(.)(%x?%x?%x?%x?)', function(mark, digits)
    return mark == 'u' and '?' or '?' .. digits
  end))
end

local function is_named(error_type, pattern)
  local head, rest = string.match(pattern, '^([^*]*)(.*)$')
  if rest == '' then return error_type == head end
  if string.sub(error_type, 1, #head) ~= head then return false end
  local from, tail = #head + 1, string.match(pattern, '[^*]*$')
  for piece in string.gmatch(string.sub(rest, 1, #rest - #tail), '[^*]+') do
    local _, last = string.find(error_type, piece, from, true)
    if not last then return false end
    from = last + 1
  end
  return #error_type - from + 1 >= #tail and string.sub(error_type, #error_type - #tail + 1) == tail
end
""".lstrip()
