"""How this door words a failure: `{"error": {"code", "message", "details"}}`, in codes of its own."""

from __future__ import annotations

from typing import Any

from api.error_shapes import Failure

REGISTRATION = "/api/tenants/register"
#: Codes of ours that have another name here.
_CODES = {
    "REQUEST_INVALID": "VALIDATION_ERROR",
    "KEY_REQUIRED": "INVALID_API_KEY",
    "API_KEY_INVALID": "INVALID_API_KEY",
    "BODY_TOO_LARGE": "PAYLOAD_TOO_LARGE",
    "RATE_LIMITED": "RATE_LIMIT_EXCEEDED",
    "INTERNAL": "INTERNAL_ERROR",
    "WEBHOOK_INVALID": "VALIDATION_ERROR",
    "START_INVALID": "VALIDATION_ERROR",
}
#: Our words for what the sender of a workflow knows by others.
_WORDS = (
    ("nodes[", "steps["),
    ("node '", "step '"),
    ("triggers.schedules[0].cron", "trigger_config.cron_expression"),
    ("'config.workflow'", "'config.workflow_id'"),
)
#: Codes of what is wrong with a workflow that its lowering has given already.
_OWN = frozenset(
    {
        "NO_STEPS",
        "TOO_MANY_STEPS",
        "UNKNOWN_STEP_TYPE",
        "DUPLICATE_STEP_ID",
        "INVALID_DEPENDENCY",
        "CYCLE_DETECTED",
        "STEP_CONFIG_ERROR",
        "VALIDATION_ERROR",
        "INVALID_CRON",
    }
)
#: What the engine finds in the definition that a workflow was made to.
_FOUND = {
    "bad_template": "EXPRESSION_ERROR",
    "unknown_reference": "EXPRESSION_ERROR",
    "not_upstream": "EXPRESSION_ERROR",
    "secret_not_allowed": "EXPRESSION_ERROR",
    "unknown_branch": "INVALID_DEPENDENCY",
    "not_successor": "INVALID_DEPENDENCY",
    "bad_cron": "INVALID_CRON",
}


def write_failure(failure: Failure) -> tuple[int, Any]:
    """Write a failure as its contract says; see `api.error_shapes`."""
    details = [_detail(dict(problem)) for problem in failure.problems]
    status, code = failure.status, _CODES.get(failure.code, failure.code)
    if failure.path == REGISTRATION and failure.code in ("KEY_REQUIRED", "OPERATOR_ONLY"):
        message = "tenants cannot register themselves here (SELF_REGISTRATION_ENABLED); ask the operator"
        return 403, _body("REGISTRATION_DISABLED", message, [])
    if failure.code == "DEFINITION_INVALID":
        code = str(details[0]["code"]) if details else "VALIDATION_ERROR"
        status = 413 if status == 413 else 400
    elif status == 404:
        code = "NOT_FOUND"
    message = failure.detail
    for ours, theirs in zip(failure.problems, details, strict=True):
        message = message.replace(str(ours["message"]), theirs["message"])
    message = message.removesuffix("see errors") + ("see details" if message.endswith("see errors") else "")
    return status, _body(code, message, details)


def _detail(problem: dict[str, Any]) -> dict[str, Any]:
    """Give a problem in the words of the document that was sent."""
    code, path, message = str(problem["code"]), str(problem["path"]), str(problem["message"])
    if code in _OWN:
        return problem
    if path == "secret":
        path, message = "webhook_secret", message.replace("'secret'", "'webhook_secret'")
    if path == "query.cursor":
        message = message.replace("'next_cursor'", "'cursor'").replace("next_cursor", "cursor")
    path, message = _in_words(path), _in_words(message)
    code = _FOUND.get(code, "STEP_CONFIG_ERROR" if path.startswith("steps[") else "VALIDATION_ERROR")
    return {**problem, "code": code, "path": path, "message": message}


def _in_words(text: str) -> str:
    for ours, theirs in _WORDS:
        text = text.replace(ours, theirs)
    return text


def _body(code: str, message: str, details: list[dict[str, Any]]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details}}
