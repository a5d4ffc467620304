"""Put repairs and retries into words, as the scripts that carry them out read them.

One text is one repair or one turn; its parts are separated by single spaces. A NODE or UNIT is an id (no id
contains a space), REASON, KIND and TIMER are words of the tables of states, and everything else is a whole
number, NOT_TAKEN 0 or 1.

`repair_execution.lua`, from a plan of the planner (`repair_words`):

  recount NODE OK BAD SKIP GATES NOT_TAKEN      counters of a PENDING node
  left LEFT FAILED                              counts of the execution
  items NODE LIVE COMPLETED FAILED SKIPPED      counts of a mapped node
  queue UNIT | cancel UNIT | hold UNIT | release UNIT | child UNIT
  letter UNIT                                   it is parked, and has letters
  skip NODE REASON
  requeue UNIT ATTEMPT                          its task is gone
  relet UNIT ATTEMPT                            its lease is gone
  relist UNIT ATTEMPT                           it is not in the list of waits
  retime UNIT ATTEMPT KIND DUE_MS               its timer is gone
  timer TIMER DUE_MS                            a timer of the execution is gone
  activate                                      the execution is not in the list of active ones
  drain                                         turns are saved, and their timer is gone
  finish                                        nothing is left, and the execution has not ended

`retry_execution.lua` saves turns, which `include/settle.lua` takes (`retry_words`): every reset comes before
every decision, or a decision would count a node that is about to be reset.

  reset NODE OK BAD SKIP GATES NOT_TAKEN        a node that goes on: with the items it has, with its child
  renew NODE OK BAD SKIP GATES NOT_TAKEN        one that makes all of it anew
  decide NODE
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from orchestrator.execution import planner
from orchestrator.execution.counters import Counters
from orchestrator.execution.model import RepairView


def repair_words(view: RepairView) -> list[str]:
    """Plan one execution's repairs and put them into words; the planner's own come first."""
    repairs = [decision_words(decision) for decision in planner.plan(view.snapshot)]
    repairs += [f"timer {kind} {due_ms}" for kind, due_ms in view.missing]
    repairs += [f"retime {unit} {attempt} {kind} {due_ms}" for unit, attempt, kind, due_ms in view.limits]
    if view.snapshot.execution.status.is_under_way and not view.is_active:
        repairs.append("activate")
    return repairs


def decision_words(decision: planner.Decision) -> str:
    match decision:
        case planner.Recount(node_id, ok, bad, skip, gates_done, not_taken):
            return f"recount {node_id} {ok} {bad} {skip} {gates_done} {int(not_taken)}"
        case planner.RecountLeft(left, failed):
            return f"left {left} {failed}"
        case planner.Remap(node_id, live, completed, failed, skipped):
            return f"items {node_id} {live} {completed} {failed} {skipped}"
        case planner.Queue(unit) | planner.Cancel(unit) | planner.Hold(unit) | planner.Release(unit):
            return f"{type(decision).__name__.lower()} {unit}"
        case planner.Rewake(unit):
            return f"child {unit}"
        case planner.Deliver(unit):
            return f"letter {unit}"
        case planner.Skip(node_id, reason):
            return f"skip {node_id} {reason}"
        case planner.Requeue(unit, attempt):
            return f"requeue {unit} {attempt}"
        case planner.Relet(unit, attempt):
            return f"relet {unit} {attempt}"
        case planner.Relist(unit, attempt):
            return f"relist {unit} {attempt}"
        case planner.Retime(unit, attempt, kind, due_ms):
            return f"retime {unit} {attempt} {kind} {due_ms}"
        case planner.Drain():
            return "drain"
        case planner.Finish():
            return "finish"


def retry_words(counters: Mapping[str, Counters], anew: Collection[str] = ()) -> list[str]:
    """Put a retry of these nodes into words.

    counters  {node id: what it has counted once all of them are PENDING again}, in definition order.
    anew      those of them that keep neither items nor child.
    """
    resets = []
    for node_id, found in counters.items():
        word = "renew" if node_id in anew else "reset"
        numbers = (found.ok, found.bad, found.skip, found.gates_done, int(found.not_taken))
        resets.append(f"{word} {node_id} {' '.join(map(str, numbers))}")
    return resets + [f"decide {node_id}" for node_id in counters]
