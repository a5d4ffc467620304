"""Retry policies: one set of numbers for all errors, or a list of rules, each for some error types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace.wording import quoted
from orchestrator.definitions.error_types import read_patterns
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings

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
    def from_dict(cls, raw: Any, *, path: str = "retry") -> RetryPolicy:
        """Build a policy from a definition's `retry`, which may be a list of rules.

        Raises DefinitionInvalid with every problem in it.
        """
        findings = Findings(Limits())
        policy = _read(raw, path, findings)
        findings.raise_any()
        return policy

    @classmethod
    def from_stored(cls, raw: Mapping[str, Any]) -> RetryPolicy:
        """Build a policy from what `to_dict` once wrote. Raises nothing: what cannot be used has its default.

        A policy that was accepted must go on to decide retries, whatever is refused today.
        """
        return _read(raw, "retry", Findings(Limits(), is_stored=True))

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

    errors  patterns such as `Http.5xx` or `Timeout.*`, see `error_types`; `*` stands for any text.
    policy  its max_attempts counts only the tries that ended with an error of this rule.
    """

    errors: tuple[str, ...]
    policy: RetryPolicy

    def to_dict(self) -> dict[str, Any]:
        fields = self.policy.to_dict()
        return {"errors": list(self.errors), **{name: fields[name] for name in _RULE_FIELDS[1:]}}


#: What a node has when neither it nor its handler asks for more.
ONE_ATTEMPT = RetryPolicy(max_attempts=1)


def read_retry(fields: Fields) -> RetryPolicy | None:
    """Read the field `retry` of a node or of the defaults, noting what is wrong; None when there is none."""
    raw = fields.raw.get("retry")
    return None if raw is None else _read(raw, fields.where("retry"), fields.findings)


def _read(raw: Any, path: str, findings: Findings) -> RetryPolicy:
    if isinstance(raw, list):
        return _read_rules(raw, path, findings, on_exhausted="fail")
    if not isinstance(raw, Mapping):
        message = f"'{path}' must be an object or a list of rules, got {quoted(raw)}"
        hint = f"write {{max_attempts: {raw}}}" if type(raw) is int else None
        findings.add(path, "wrong_type", message, hint)
        return ONE_ATTEMPT
    fields = Fields(dict(raw), path, findings)
    if fields.raw.get("rules") is None:
        fields.refuse_unknown(frozenset(_FIELDS), _FIELDS)
        return _read_policy(fields)
    fields.refuse_unknown(frozenset(_LIST_FIELDS), _LIST_FIELDS)
    return _read_rules(raw["rules"], fields.where("rules"), findings, on_exhausted=_on_exhausted(fields))


def _read_rules(raw: Any, path: str, findings: Findings, *, on_exhausted: OnExhausted) -> RetryPolicy:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_RULES:
        found = f"{len(raw)}" if isinstance(raw, list) else quoted(raw)
        message = f"'{path}' must be a list of 1 to {MAX_RULES} rules, got {found}"
        findings.add(path, "wrong_type", message)
        return ONE_ATTEMPT
    rules = tuple(_read_rule(rule, f"{path}[{index}]", findings) for index, rule in enumerate(raw))
    most = 1 + sum(rule.policy.max_attempts - 1 for rule in rules)
    return RetryPolicy(max_attempts=most, on_exhausted=on_exhausted, rules=rules)


def _read_rule(raw: Any, path: str, findings: Findings) -> RetryRule:
    if not isinstance(raw, Mapping):
        findings.add(path, "wrong_type", f"'{path}' must be an object, got {quoted(raw)}")
        return RetryRule((), ONE_ATTEMPT)
    fields = Fields(dict(raw), path, findings)
    fields.refuse_unknown(frozenset(_RULE_FIELDS), _RULE_FIELDS)
    errors = _read_patterns(fields, "errors")
    if errors == ():
        code = "bad_value" if "errors" in raw else "missing"
        where = fields.where("errors")
        message = f"'{where}': a rule names at least one error type; '*' stands for anything"
        findings.add(where, code, message)
    return RetryRule(errors or (), _read_policy(fields))


def _read_policy(fields: Fields) -> RetryPolicy:
    default = RetryPolicy()
    initial_ms = fields.duration("initial_interval", minimum_ms=0)
    maximum_ms = fields.duration("maximum_interval", minimum_ms=0)
    return RetryPolicy(
        max_attempts=fields.whole_number(
            "max_attempts", least=1, most=MAX_ATTEMPTS, default=default.max_attempts
        ),
        initial_interval_ms=default.initial_interval_ms if initial_ms is None else initial_ms,
        backoff_coefficient=fields.number(
            "backoff_coefficient", least=1, most=100, default=default.backoff_coefficient
        ),
        maximum_interval_ms=default.maximum_interval_ms if maximum_ms is None else maximum_ms,
        jitter=fields.choice("jitter", {word: word for word in JITTERS}, default.jitter),
        retry_on=_read_patterns(fields, "retry_on") or (),
        non_retryable=_read_patterns(fields, "non_retryable") or (),
        respect_retry_after=fields.flag("respect_retry_after", default=default.respect_retry_after),
        on_exhausted=_on_exhausted(fields),
    )


def _on_exhausted(fields: Fields) -> OnExhausted:
    word: OnExhausted = fields.choice("on_exhausted", {word: word for word in ON_EXHAUSTED}, "fail")
    return word


def _read_patterns(fields: Fields, name: str) -> tuple[str, ...] | None:
    """Read a list of error types; () when it is absent or empty, None when it is wrong."""
    value = fields.raw.get(name)
    if value is None:
        return ()
    if fields.findings.is_stored and isinstance(value, list | tuple):
        return tuple(pattern for pattern in value if isinstance(pattern, str))
    try:
        return _patterns(value)
    except ValueError as error:
        fields.findings.add(fields.where(name), "bad_value", f"'{fields.where(name)}': {error}")
        return None


def _patterns(value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and len(value) > MAX_PATTERNS:
        raise ValueError(f"expected at most {MAX_PATTERNS} error types, got {len(value)}")
    return read_patterns(value)
