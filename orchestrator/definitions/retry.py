"""Say how often and how patiently a node is tried: one set of numbers for all errors, or a list of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from orchestrator.definitions.error_types import read_patterns
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.fields import Fields
from orchestrator.documents.json_types import kind_of
from orchestrator.errors import DefinitionInvalid, Problem

Jitter = Literal["full", "equal", "none"]
OnExhausted = Literal["fail", "pause", "continue"]

JITTERS: tuple[Jitter, ...] = ("full", "equal", "none")
ON_EXHAUSTED: tuple[OnExhausted, ...] = ("fail", "pause", "continue")
MAX_ATTEMPTS = 1_000

_FIELDS = (
    "max_attempts",
    "initial_interval",
    "backoff_coefficient",
    "maximum_interval",
    "jitter",
    "retry_on",
    "non_retryable",
    "respect_retry_after",
    "on_exhausted",
)
#: Of one rule. Which errors it is for is its own matter, what follows in the end is the node's.
_RULE_FIELDS = (
    "errors",
    *(name for name in _FIELDS if name not in ("retry_on", "non_retryable", "on_exhausted")),
)
_LIST_FIELDS = ("rules", "on_exhausted")
MAX_RULES = 32
MAX_PATTERNS = 32


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently one node is tried.

    max_attempts   total tries, the first included; with rules, as many as all of them together allow.
    retry_on       error types (patterns such as `Http.*`); when given, only these are tried again,
                   even those that call themselves not retryable.
    non_retryable  error types never tried again; beats retry_on.
    on_exhausted   what follows when the node has failed for good: `continue` lets the execution go on as if
                   it had completed, with the output {"error": …}; `pause` lets the node wait for an operator
                   and pauses the execution.
    rules          when there are any, the first that names the type of an error says alone whether and when
                   it is tried again; an error that none names is not.
    """

    max_attempts: int = 3
    initial_interval_ms: int = 1_000
    backoff_coefficient: float = 2.0
    maximum_interval_ms: int = 60_000
    jitter: Jitter = "full"
    retry_on: tuple[str, ...] = ()
    non_retryable: tuple[str, ...] = ()
    respect_retry_after: bool = True
    on_exhausted: OnExhausted = "fail"
    rules: tuple[RetryRule, ...] = ()

    @classmethod
    def from_dict(cls, fields: Any, *, path: str = "retry") -> RetryPolicy:
        """Build a policy from a definition's `retry`, which may be a list of rules.

        Raises DefinitionInvalid with every problem in it.
        """
        problems: list[Problem] = []
        if isinstance(fields, list):
            policy: RetryPolicy | None = _read_rules({"rules": fields}, path, "", problems)
        elif isinstance(fields, Mapping) and fields.get("rules") is not None:
            policy = _read_rules(fields, path, ".rules", problems)
        else:
            policy = _read(fields, path, problems)
        if problems or policy is None:
            raise DefinitionInvalid(problems)
        return policy

    def to_dict(self) -> dict[str, Any]:
        """Give the policy in the form from_dict reads; intervals in seconds."""
        if self.rules:
            return {"rules": [rule.to_dict() for rule in self.rules], "on_exhausted": self.on_exhausted}
        return {
            "max_attempts": self.max_attempts,
            "initial_interval": self.initial_interval_ms / 1_000,
            "backoff_coefficient": self.backoff_coefficient,
            "maximum_interval": self.maximum_interval_ms / 1_000,
            "jitter": self.jitter,
            "retry_on": list(self.retry_on),
            "non_retryable": list(self.non_retryable),
            "respect_retry_after": self.respect_retry_after,
            "on_exhausted": self.on_exhausted,
        }


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often and how patiently errors of some types are tried again.

    errors  patterns such as `Http.5xx` or `Timeout.*`; `*` stands for anything.
    policy  its max_attempts counts only the tries that ended with an error of this rule.
    """

    errors: tuple[str, ...]
    policy: RetryPolicy

    def to_dict(self) -> dict[str, Any]:
        fields = self.policy.to_dict()
        return {"errors": list(self.errors), **{name: fields[name] for name in _RULE_FIELDS[1:]}}


#: What a node has when neither it nor its handler asks for more.
ONE_ATTEMPT = RetryPolicy(max_attempts=1)


def _read(fields: Any, path: str, problems: list[Problem]) -> RetryPolicy | None:
    if not isinstance(fields, Mapping):
        message = f"'{path}' must be an object or a list of rules, got {kind_of(fields)}"
        problems.append(Problem(path, "wrong_type", message))
        return None
    _refuse_unknown(fields, _FIELDS, path, problems)
    return _policy(fields, path, problems)


def _refuse_unknown(
    fields: Mapping[str, Any], allowed: Sequence[str], path: str, problems: list[Problem]
) -> None:
    for name in fields:
        if name not in allowed:
            message = f"unknown field {str(name)[:80]!r} in '{path}' (allowed: {', '.join(allowed)})"
            close = get_close_matches(str(name)[:80], allowed, n=1)
            hint = f"did you mean {close[0]!r}?" if close else None
            problems.append(Problem(f"{path}.{name}"[:200], "unknown_field", message, hint))


def _read_rules(fields: Mapping[str, Any], path: str, below: str, problems: list[Problem]) -> RetryPolicy:
    """Read a policy made of rules; `below` leads from its path to the list of them."""
    _refuse_unknown(fields, _LIST_FIELDS, path, problems)
    raw, where = fields["rules"], path + below
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_RULES:
        found = f"{len(raw)}" if isinstance(raw, list) else kind_of(raw)
        message = f"'{where}' must be a list of 1 to {MAX_RULES} rules, got {found}"
        problems.append(Problem(where, "wrong_type", message))
        return ONE_ATTEMPT
    rules = tuple(_read_rule(rule, f"{where}[{index}]", problems) for index, rule in enumerate(raw))
    end = _policy({"on_exhausted": fields.get("on_exhausted")}, path, problems)
    most = 1 + sum(rule.policy.max_attempts - 1 for rule in rules)
    return RetryPolicy(max_attempts=most, on_exhausted=end.on_exhausted, rules=rules)


def _read_rule(fields: Any, path: str, problems: list[Problem]) -> RetryRule:
    if not isinstance(fields, Mapping):
        message = f"'{path}' must be an object, got {kind_of(fields)}"
        problems.append(Problem(path, "wrong_type", message))
        return RetryRule((), ONE_ATTEMPT)
    _refuse_unknown(fields, _RULE_FIELDS, path, problems)
    errors: tuple[str, ...] = ()
    try:
        errors = _patterns(fields.get("errors"), least=1)
    except ValueError as problem:
        code = "bad_value" if "errors" in fields else "missing"
        problems.append(Problem(f"{path}.errors", code, f"'{path}.errors': {problem}"))
    return RetryRule(errors, _policy(fields, path, problems))


def _policy(fields: Mapping[str, Any], path: str, problems: list[Problem]) -> RetryPolicy:
    default = RetryPolicy()
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}

    def checked(name: str, fallback: Any, read: Callable[[Any], Any]) -> Any:
        if name not in given:
            return fallback
        try:
            return read(given[name])
        except ValueError as problem:
            problems.append(Problem(f"{path}.{name}", "bad_value", f"'{path}.{name}': {problem}"))
            return fallback

    return RetryPolicy(
        max_attempts=checked("max_attempts", default.max_attempts, _attempts),
        initial_interval_ms=checked("initial_interval", default.initial_interval_ms, parse_duration_ms),
        backoff_coefficient=checked("backoff_coefficient", default.backoff_coefficient, _coefficient),
        maximum_interval_ms=checked("maximum_interval", default.maximum_interval_ms, parse_duration_ms),
        jitter=checked("jitter", default.jitter, _jitter),
        retry_on=checked("retry_on", (), _patterns),
        non_retryable=checked("non_retryable", (), _patterns),
        respect_retry_after=checked("respect_retry_after", default.respect_retry_after, _flag),
        on_exhausted=checked("on_exhausted", default.on_exhausted, _on_exhausted),
    )


def _attempts(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_ATTEMPTS:
        raise ValueError(f"expected a whole number from 1 to {MAX_ATTEMPTS}, got {value!r:.60}")
    return value


def _coefficient(value: Any) -> float:
    if type(value) not in (int, float) or not 1 <= value <= 100:
        raise ValueError(f"expected a number from 1 to 100, got {value!r:.60}")
    return float(value)


def _jitter(value: Any) -> Jitter:
    for jitter in JITTERS:
        if value == jitter:
            return jitter
    raise ValueError(f"expected one of {', '.join(JITTERS)}, got {value!r:.60}")


def _on_exhausted(value: Any) -> OnExhausted:
    for word in ON_EXHAUSTED:
        if value == word:
            return word
    raise ValueError(f"expected one of {', '.join(ON_EXHAUSTED)}, got {value!r:.60}")


def _patterns(value: Any, *, least: int = 0) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and len(value) > MAX_PATTERNS:
        raise ValueError(f"expected at most {MAX_PATTERNS} error types, got {len(value)}")
    return read_patterns(value, least=least)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"expected true or false, got {value!r:.60}")
    return value


def read_retry(fields: Fields) -> RetryPolicy | None:
    """Read the field `retry` of a node or of the defaults, noting what is wrong."""
    value = fields.raw.get("retry")
    if value is None:
        return None
    try:
        return RetryPolicy.from_dict(value, path=fields.where("retry"))
    except DefinitionInvalid as error:
        for problem in error.problems:
            fields.findings.take(problem)
        return None
