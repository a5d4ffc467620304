"""Trigger rules: whether a node runs, waits or is skipped, from how its direct dependencies ended.

Every rule is written once, as expressions that read the same in Python and in Lua. The planner evaluates them
here, the scripts carry them as text (`lua_rules`, `lua_outcomes`), and the table in the docs is printed from
them (`render_truth_table`). The rules know five whole numbers about the direct dependencies of one node:

  ok      COMPLETED
  bad     FAILED or CANCELLED, or SKIPPED with reason upstream_failed
  skip    SKIPPED for any other reason
  done    ok + bad + skip
  total   all of them; a node without any runs at once under every rule
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from orchestrator.states import NodeStatus, Reason


class TriggerRule(StrEnum):
    """When a node with dependencies may run; the words users write in `trigger_rule`."""

    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ALL_DONE_MIN_ONE_SUCCESS = "all_done_min_one_success"
    ONE_SUCCESS = "one_success"
    ALL_FAILED = "all_failed"
    ALL_SKIPPED = "all_skipped"
    NONE_FAILED = "none_failed"
    NONE_SKIPPED = "none_skipped"
    ONE_FAILED = "one_failed"
    ONE_DONE = "one_done"
    ALWAYS = "always"


class Readiness(StrEnum):
    """Run now, or wait for more dependencies."""

    RUN = "run"
    WAIT = "wait"


RUN = Readiness.RUN
WAIT = Readiness.WAIT

#: What a rule decides: RUN, WAIT, or the reason for which the node is skipped.
Verdict = Readiness | Reason

DEFAULT_RULE = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS

#: Rules that may run a node before all its dependencies are done. Refused on the target of a branch: a
#: condition that ends later could still decide that this node is not taken.
EARLY_RULES = frozenset(
    {TriggerRule.ALWAYS, TriggerRule.ONE_SUCCESS, TriggerRule.ONE_FAILED, TriggerRule.ONE_DONE}
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One trigger rule: run when `run` holds, else skip for the first reason that holds, else wait."""

    run: str
    skips: tuple[tuple[str, Reason], ...] = ()


# A skip condition that holds before all dependencies are done must stay true whatever follows, and no other
# reason may come before it: otherwise the reason would depend on which dependency ended first. `bad >= 1` is
# of that kind (bad only grows); "some were skipped" is not: a failure may still come and change the reason.
_FAILED = ("bad >= 1", Reason.UPSTREAM_FAILED)
_FAILED_IN_THE_END = ("done == total and bad >= 1", Reason.UPSTREAM_FAILED)
_SKIPPED_IN_THE_END = ("done == total", Reason.UPSTREAM_SKIPPED)
_UNMET_IN_THE_END = ("done == total", Reason.TRIGGER_RULE_UNMET)

RULES: dict[TriggerRule, Rule] = {
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: Rule(
        "done == total and bad == 0 and ok >= 1", (_FAILED, _SKIPPED_IN_THE_END)
    ),
    TriggerRule.ALL_SUCCESS: Rule("ok == total", (_FAILED, _SKIPPED_IN_THE_END)),
    TriggerRule.ALL_DONE: Rule("done == total"),
    TriggerRule.ALL_DONE_MIN_ONE_SUCCESS: Rule(
        "done == total and ok >= 1", (_FAILED_IN_THE_END, _SKIPPED_IN_THE_END)
    ),
    TriggerRule.ONE_SUCCESS: Rule("ok >= 1", (_FAILED_IN_THE_END, _SKIPPED_IN_THE_END)),
    TriggerRule.ALL_FAILED: Rule("bad == total", (_UNMET_IN_THE_END,)),
    TriggerRule.ALL_SKIPPED: Rule("skip == total", (_UNMET_IN_THE_END,)),
    TriggerRule.NONE_FAILED: Rule("done == total and bad == 0", (("bad >= 1", Reason.TRIGGER_RULE_UNMET),)),
    TriggerRule.NONE_SKIPPED: Rule("done == total and skip == 0", (_UNMET_IN_THE_END,)),
    TriggerRule.ONE_FAILED: Rule("bad >= 1", (_UNMET_IN_THE_END,)),
    TriggerRule.ONE_DONE: Rule("ok + bad >= 1", (_UNMET_IN_THE_END,)),
    TriggerRule.ALWAYS: Rule("done >= 0"),
}

OutcomeClass = Literal["ok", "bad", "skip"]

#: What a dependency that has ended counts as: the first whose condition holds. While an execution is being
#: cancelled no rule decides: what depends on a cancelled node is cancelled too. But a retry of chosen nodes
#: may leave such a node behind, and what runs again must not wait for it.
OUTCOMES: dict[OutcomeClass, str] = {
    "ok": "status == 'COMPLETED'",
    "bad": (
        "status == 'FAILED' or status == 'CANCELLED' or status == 'SKIPPED' and reason == 'upstream_failed'"
    ),
    "skip": "status == 'SKIPPED'",
}


def decide(rule: TriggerRule, *, ok: int, bad: int, skip: int, total: int) -> Verdict:
    """Decide whether a PENDING node runs, waits or is skipped. Branches are decided before, by the caller."""
    return RUN if total == 0 else _COMPILED[rule](ok, bad, skip, ok + bad + skip, total)


def outcome_class(status: NodeStatus, reason: Reason | str | None) -> OutcomeClass | None:
    """Name the counter a dependency raises on its dependants; None while it is not done."""
    return _OUTCOME(status, reason)


def lua_rules() -> str:
    """Write the rules as Lua: RULES[name](ok, bad, skip, done, total) is 'run', a reason to skip, or nil."""
    lines = ["local RULES = {"]
    for name, rule in RULES.items():
        lines.append(f"  {name} = function(ok, bad, skip, done, total)")
        lines.append(f"    if total == 0 or ({rule.run}) then return 'run' end")
        lines.extend(f"    if {when} then return '{reason}' end" for when, reason in rule.skips)
        lines.append("    return nil")
        lines.append("  end,")
    lines.append("}")
    return "\n".join(lines) + "\n"


def lua_outcomes() -> str:
    """Write the outcomes as Lua: outcome_of(status, reason) is 'ok', 'bad', 'skip' or nil."""
    lines = ["local function outcome_of(status, reason)"]
    lines.extend(f"  if {when} then return '{outcome}' end" for outcome, when in OUTCOMES.items())
    lines.append("end")
    return "\n".join(lines) + "\n"


class Cell(NamedTuple):
    """One cell of the truth table."""

    rule: TriggerRule
    ok: int
    bad: int
    skip: int
    total: int
    verdict: Verdict


def truth_table(max_total: int = 4) -> Iterator[Cell]:
    """Give every cell for 0 to `max_total` dependencies, rule by rule."""
    for rule in RULES:
        for total in range(max_total + 1):
            for ok, bad, skip in _splits(total):
                yield Cell(rule, ok, bad, skip, total, decide(rule, ok=ok, bad=bad, skip=skip, total=total))


def render_truth_table() -> str:
    """Print the rules as a Markdown table: a line for each mix of outcomes, a column for each rule.

    One line stands for any number of each kind, because no rule asks for more than "none", "some" or "all".
    """
    lines = [
        "| some completed | some failed | some skipped | some unfinished | "
        + " | ".join(f"`{rule}`" for rule in RULES)
        + " |",
        "|" + " --- |" * (4 + len(RULES)),
    ]
    for mix in range(16):
        ok, bad, skip, unfinished = (mix >> 3) & 1, (mix >> 2) & 1, (mix >> 1) & 1, mix & 1
        total = ok + bad + skip + unfinished
        verdicts = [decide(rule, ok=ok, bad=bad, skip=skip, total=total) for rule in RULES]
        marks = ["yes" if present else "–" for present in (ok, bad, skip, unfinished)]
        cells = [f"`{verdict}`" if isinstance(verdict, Reason) else str(verdict) for verdict in verdicts]
        lines.append("| " + " | ".join(marks + cells) + " |")
    return "\n".join(lines) + "\n"


def _splits(total: int) -> Iterator[tuple[int, int, int]]:
    for ok in range(total + 1):
        for bad in range(total + 1 - ok):
            for skip in range(total + 1 - ok - bad):
                yield ok, bad, skip


def _compile(rule: Rule) -> Callable[[int, int, int, int, int], Verdict]:
    # eval, because the text is the one description shared with Lua; it is ours and read once, at import.
    chain = "".join(f"Reason.{reason.name} if {when} else " for when, reason in rule.skips)
    source = f"lambda ok, bad, skip, done, total: RUN if {rule.run} else {chain}WAIT"
    compiled: Callable[[int, int, int, int, int], Verdict] = eval(
        source, {"RUN": RUN, "WAIT": WAIT, "Reason": Reason, "__builtins__": {}}
    )
    return compiled


def _compile_outcomes() -> Callable[[str, str | None], OutcomeClass | None]:
    chain = "".join(f"'{outcome}' if {when} else " for outcome, when in OUTCOMES.items())
    compiled: Callable[[str, str | None], OutcomeClass | None] = eval(
        f"lambda status, reason: {chain}None", {"__builtins__": {}}
    )
    return compiled


_COMPILED = {name: _compile(rule) for name, rule in RULES.items()}
_OUTCOME = _compile_outcomes()
