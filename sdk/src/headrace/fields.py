"""What every step of a workflow may have besides its config, and types of values that are known later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from headrace.references import Expression

if TYPE_CHECKING:
    from headrace.step import Step

#: A text, which may hold references, or a reference itself.
Template: TypeAlias = "str | Expression"
#: Seconds, or `250ms`, `30s`, `5m`, `1h30m`, `2d`.
Duration: TypeAlias = "float | str"
#: Steps, by themselves or by their ids.
Steps: TypeAlias = "str | Step | Sequence[str | Step]"

TriggerRule: TypeAlias = str


class NodeFields(TypedDict, total=False):
    """The fields of a step; what each means is in the documentation of handlers."""

    #: Runs behind these, besides those it refers to.
    after: Steps
    #: False skips the step.
    when: Template | bool
    #: How often it is tried (a number), or a policy, or a list of rules.
    retry: int | Mapping[str, Any] | Sequence[Mapping[str, Any]]
    #: Runs once for each item of a list; in the config `w.item` and `w.index` are the item and its place.
    map: Template | Sequence[Any] | Mapping[str, Any]
    #: Which ends of the steps before it let it run.
    trigger_rule: TriggerRule
    #: Who takes over when it fails: {errors, goto}.
    catch: Sequence[Mapping[str, Any]]
    start_to_close_timeout: Duration
    schedule_to_start_timeout: Duration
    schedule_to_close_timeout: Duration
    heartbeat_timeout: Duration
    critical: bool
    queue: str


#: What becomes of an execution of a key that another one holds.
IdConflictPolicy: TypeAlias = Literal["fail", "use_existing", "terminate_existing"]
