"""Where a handler failed: the frames of its own code, without those of what called it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from headrace.wording import text_of

#: Characters of an exception's text in a traceback; the whole text is the error's message.
_TEXT_CHARS = 1_000
#: Frames shown of one exception: the first ones and the last ones of a recursion.
_FIRST, _LAST = 5, 25
#: Exceptions shown: causes, and members of a group.
_MOST_CAUSES, _MOST_MEMBERS = 5, 5
#: What calls a handler: this package, and those of the standard library that run threads and tasks.
CALLERS = tuple(str(Path(file).parent) for file in (__file__, concurrent.futures.__file__, asyncio.__file__))


def traceback_of(error: BaseException, callers: tuple[str, ...] = CALLERS) -> str:
    """Write what was raised as Python writes it, the frames above the handler left out. Never raises.

    callers  beginnings of the files whose frames are left out.
    """
    try:
        text = "\n".join(_chain(error, callers, set()))
    except Exception as fault:
        text = f"(the traceback cannot be shown: {type(fault).__name__})"
    return text.encode("utf-8", "replace").decode()


def _chain(error: BaseException, callers: tuple[str, ...], seen: set[int]) -> Iterator[str]:
    """Write the causes of an exception, the first one first, then the exception."""
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen and len(seen) < _MOST_CAUSES:
        yield from _chain(before, callers, seen)
        link = "which was the direct cause of" if error.__cause__ else "and while it was handled came"
        yield f"\n… {link}:\n"
    if frames := list(_frames(error.__traceback__, callers)):
        yield "Traceback (most recent call last):"
        yield from frames
    yield f"{type(error).__name__}: {_cut(text_of(error))}".removesuffix(": ")
    if isinstance(error, BaseExceptionGroup):
        yield from _members(error, callers, seen)


def _members(
    group: BaseExceptionGroup[BaseException], callers: tuple[str, ...], seen: set[int]
) -> Iterator[str]:
    for number, member in enumerate(group.exceptions[:_MOST_MEMBERS], 1):
        yield f"  {number} of {len(group.exceptions)}:"
        lines = (line for text in _chain(member, callers, set(seen)) for line in text.splitlines())
        yield from (f"    {line}" for line in lines)


def _frames(at: TracebackType | None, callers: tuple[str, ...]) -> Iterator[str]:
    while at is not None and at.tb_frame.f_code.co_filename.startswith(callers):
        at = at.tb_next
    frames = traceback.StackSummary.extract(traceback.walk_tb(at), limit=None, capture_locals=False)
    left_out = len(frames) - _FIRST - _LAST
    for number, frame in enumerate(frames):
        if left_out > 0 and _FIRST <= number < _FIRST + left_out:
            if number == _FIRST:
                yield f"  … {left_out:,} frames more"
            continue
        yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        if frame.line:
            yield f"    {frame.line}"


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_CHARS else f"{text[:_TEXT_CHARS]}… ({len(text):,} characters)"
