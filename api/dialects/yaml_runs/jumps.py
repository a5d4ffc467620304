"""Says when a step runs, of steps that run one after the other and conditions that jump forward. Pure.

A condition that has run decides for every step behind it: those it jumps over do not run, nor does the
target that it has not chosen. The one that ran last decides, except that a target which any of them has
not chosen stays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: An expression of ours, or what it always is.
When = bool | str


@dataclass(frozen=True, slots=True)
class Jump:
    """A condition. if_true, if_false: places of its targets. when: it runs itself."""

    step_id: str
    if_true: int
    if_false: int
    when: When = True


def when_of(place: int, before: Sequence[Jump]) -> When:
    """Say when the step at a place runs, by the conditions before it in their order."""
    verdict: When = True
    for jump in before:
        on_true = place >= jump.if_true and not place == jump.if_false != jump.if_true
        on_false = place >= jump.if_false and not place == jump.if_true != jump.if_false
        answer = _either(_result_of(jump), on_true, on_false)
        # One that lets the step run in any case says nothing new where it runs on the same terms itself.
        if answer is not True or jump.when != verdict:
            verdict = _either(_has_run(jump), answer, verdict)
    for jump in before:
        if jump.if_true == jump.if_false or place not in (jump.if_true, jump.if_false):
            continue
        is_chosen = _either(_result_of(jump), place == jump.if_true, place == jump.if_false)
        verdict = _both(verdict, _either(_has_run(jump), is_chosen, True))
    return verdict


def _has_run(jump: Jump) -> When:
    # A failure ends the run: where a step is asked for its turn, what runs in any case has run well.
    return True if jump.when is True else f'steps["{jump.step_id}"].status == "COMPLETED"'


def _result_of(jump: Jump) -> str:
    return f'steps["{jump.step_id}"].output.result'


def _either(question: When, yes: When, no: When) -> When:
    """Write `yes if question else no`, as short as it can be. `no` is looked at only where it counts."""
    if question is True or yes == no:
        return yes
    if yes is True:
        return question if no is False else f"({question} or {no})"
    if yes is False:
        return f"(not {question})" if no is True else f"(not {question} and {no})"
    if no is False:
        return f"({question} and {yes})"
    return f"(not {question} or {yes})" if no is True else f"({yes} if {question} else {no})"


def _both(one: When, other: When) -> When:
    if one is True or one == other:
        return other
    if other is True:
        return one
    return False if one is False or other is False else f"({one} and {other})"
