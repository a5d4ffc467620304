"""Fields of workflows as other systems call them, and what they are here."""

from __future__ import annotations

from collections.abc import Collection, Mapping

#: What a word may be; the first of them that is allowed at the place is meant.
_RENAMED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("needs", "depends_on", "depends", "after", "requires", "upstream"), ("dependencies",)),
    **dict.fromkeys(("parents", "runs_after", "wait_for"), ("dependencies",)),
    **dict.fromkeys(("if", "condition", "run_if", "only_if"), ("when",)),
    **dict.fromkeys(("steps", "tasks", "jobs", "stages", "activities", "actions", "states"), ("nodes",)),
    **dict.fromkeys(
        ("timeout", "timeout_seconds", "timeout_minutes", "timeout_s", "max_duration", "execution_timeout"),
        ("start_to_close_timeout", "execution_timeout"),
    ),
    **dict.fromkeys(("uses", "type", "action", "task", "function", "operator", "activity"), ("handler",)),
    **dict.fromkeys(("with", "args", "arguments", "parameters", "params", "settings"), ("config", "inputs")),
    **dict.fromkeys(("inputs", "input"), ("config", "inputs")),
    **dict.fromkeys(
        ("retries", "max_retries", "max_attempts", "retry_policy", "attempts"),
        ("retry", "max_attempts", "defaults"),
    ),
    **dict.fromkeys(("for_each", "foreach", "loop", "with_items", "each", "matrix", "items"), ("map",)),
    **dict.fromkeys(("withitems", "with_param", "withparam", "strategy", "expand"), ("map",)),
    **dict.fromkeys(
        ("concurrency", "parallelism", "max_parallel", "max_parallelism", "max_active"), ("max_concurrency",)
    ),
    **dict.fromkeys(
        ("on", "schedule", "schedules", "schedule_interval", "cron", "webhooks", "webhook"), ("triggers",)
    ),
    **dict.fromkeys(("tz", "time_zone"), ("timezone",)),
    **dict.fromkeys(("next", "then", "target", "handler"), ("goto",)),
    **dict.fromkeys(("retry_delay", "delay", "interval", "backoff"), ("initial_interval", "retry")),
    **dict.fromkeys(("non_retryable_error_types", "do_not_retry_on"), ("non_retryable",)),
    **dict.fromkeys(("default_args", "default"), ("defaults",)),
    **dict.fromkeys(("title", "id", "name"), ("name", "id")),
    **dict.fromkeys(("on_error", "on_failure", "fallback"), ("catch", "on_failure")),
    **dict.fromkeys(("outputs", "result", "returns", "return"), ("output",)),
    **dict.fromkeys(("concurrency_group", "pool", "runs_on", "task_queue"), ("queue",)),
    "on_success": ("on_complete",),
}
#: What has no field of its own; each with the field that shows where it applies.
_OTHERWISE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("run", "command", "script", "cmd", "image"),
        ("handler", "a program runs by handler 'container', with its image and args in 'config'"),
    ),
    **dict.fromkeys(
        ("continue_on_error", "allow_failure", "ignore_errors", "ignore_failure", "optional"),
        ("critical", "'critical: false' lets the workflow complete though this node fails"),
    ),
}
#: A node's variables; a workflow has none, but inputs and secrets.
_VARIABLES = ("env", "environment", "vars", "variables")


def hint_at_ours(word: str, allowed: Collection[str], given: Collection[str]) -> str | None:
    """Hint at what a field of another system is here, where the allowed ones have it; None where unknown.

    given  what stands there already: a field beside it is another one.
    """
    plain = word.lower().replace("-", "_")
    plain = "depends_on" if plain == "dependson" else plain
    for ours in _RENAMED.get(plain, ()):
        if ours in allowed and ours not in given:
            return f"did you mean {ours!r}?"
    field, hint = _OTHERWISE.get(plain, ("", ""))
    if field in allowed:
        return hint
    if plain in _VARIABLES and "handler" in allowed:
        return "what a handler is given stands in 'config'; secrets are templates: {{ secrets.NAME }}"
    if plain in _VARIABLES and "inputs" in allowed and "nodes" in allowed:
        return "values of a whole workflow are 'inputs', which templates read: {{ inputs.NAME }}"
    return None
