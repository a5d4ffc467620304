"""What calls to paid services have used, and what a definition lets them use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.wording import quoted
from orchestrator.documents.fields import Fields
from orchestrator.documents.problems import Findings

#: Costs are whole billionths of a dollar: the cheapest cached token of today is ten of them.
NANOS = 1_000_000_000
MOST_TOKENS = 10**12
LEAST_USD, MOST_USD = 1 / NANOS, 1_000_000

#: Counters that the scripts keep, in the order of `Usage`: in the runtime hash of an execution and in the
#: hashes of a tenant's and a definition's day.
USED_FIELDS = (
    "used_calls", "used_unpriced", "used_input", "used_output", "used_cache_read", "used_cache_write",
    "used_nanos", "used_lost_calls", "used_lost_tokens",
)  # fmt: skip

_FIELDS = ("max_tokens", "max_cost_usd", "daily", "on_budget")
_CAPS = ("max_tokens", "max_cost_usd")


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls made, tokens used, and what is known of their price. `input` leaves out what the cache served."""

    calls: int = 0
    #: Calls to a model whose price is not known; they are missing in the cost.
    unpriced_calls: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cost_nanos: int = 0
    #: Of the calls, those whose end was not recorded. Each counts as the most it can have used: its tokens
    #: apart, whatever they were for, its cost among the others.
    lost_calls: int = 0
    lost_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All of them, as a limit counts them."""
        return self.input + self.output + self.cache_read + self.cache_write + self.lost_tokens

    @property
    def cost_usd(self) -> float | None:
        """Dollars; None where no call has a price."""
        return None if self.calls == self.unpriced_calls else self.cost_nanos / NANOS

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.unpriced_calls + other.unpriced_calls,
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.cost_nanos + other.cost_nanos,
            self.lost_calls + other.lost_calls,
            self.lost_tokens + other.lost_tokens,
        )

    def to_dict(self) -> dict[str, int]:
        return {
            "calls": self.calls,
            "unpriced_calls": self.unpriced_calls,
            "input": self.input,
            "output": self.output,
            "cache_read": self.cache_read,
            "cache_write": self.cache_write,
            "lost_calls": self.lost_calls,
            "lost_tokens": self.lost_tokens,
        }


NOTHING_USED = Usage()


def read_usage(values: list[bytes | None]) -> Usage:
    """Read counters in the order of USED_FIELDS."""
    return Usage(*(int(value or 0) for value in values))


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be used; None is no limit."""

    tokens: int | None = None
    nanos: int | None = None

    @classmethod
    def of(cls, tokens: int | None, usd: float | None) -> Caps:
        return cls(tokens, None if usd is None else round(usd * NANOS))

    def to_dict(self) -> dict[str, int | float]:
        """The caps there are, as a definition writes them."""
        found = {
            "max_tokens": self.tokens,
            "max_cost_usd": None if self.nanos is None else self.nanos / NANOS,
        }
        return {name: cap for name, cap in found.items() if cap is not None}

    def words(self) -> str:
        """The caps as scripts read them."""
        return " ".join("-" if cap is None else str(cap) for cap in (self.tokens, self.nanos))


NO_CAPS = Caps()


def read_caps(budget: bytes | None) -> Caps:
    """Read the caps of an execution from what scripts read."""
    words = budget.decode().split()[:2] if budget else []
    return Caps(*(None if word == "-" else int(word) for word in words))


@dataclass(frozen=True, slots=True)
class Budget:
    """What a definition allows: to one execution, and to all its executions of a day (UTC)."""

    execution: Caps = NO_CAPS
    daily: Caps = NO_CAPS
    #: What has no room waits for an operator and pauses its execution, rather than fails.
    pauses: bool = False

    def words(self) -> str:
        """The budget as scripts read it."""
        return f"{self.execution.words()} {self.daily.words()}{' pause' * self.pauses}"


def read_budget(top: Fields, findings: Findings) -> Budget | None:
    """Read the field `budget` of a definition; what is wrong is noted in the findings."""
    fields = _object(top, "budget", _FIELDS, findings)
    if fields is None:
        return None
    on_budget = fields.choice("on_budget", {"fail": "fail", "pause": "pause"}, "fail")
    daily = _object(fields, "daily", _CAPS, findings)
    budget = Budget(_caps(fields), NO_CAPS if daily is None else _caps(daily), on_budget == "pause")
    if (budget.execution, budget.daily) == (NO_CAPS, NO_CAPS) and not findings.full:
        message = (
            f"'{fields.path}' sets no limit; give max_tokens or max_cost_usd, for one execution or in 'daily'"
        )
        findings.add(fields.path, "empty", message)
    return budget


def _object(parent: Fields, name: str, allowed: tuple[str, ...], findings: Findings) -> Fields | None:
    raw: Any = parent.raw.get(name)
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        where = parent.where(name)
        findings.add(
            where, "wrong_type", f"'{where}' must be an object with {', '.join(allowed)}, got {quoted(raw)}"
        )
        return None
    fields = Fields(dict(raw), parent.where(name), findings)
    fields.refuse_unknown(frozenset(allowed), allowed)
    return fields


def _caps(fields: Fields) -> Caps:
    tokens, usd = fields.raw.get("max_tokens"), fields.raw.get("max_cost_usd")
    if tokens is not None and (type(tokens) is not int or not 1 <= tokens <= MOST_TOKENS):
        fields.wrong("max_tokens", f"a whole number from 1 to {MOST_TOKENS:,}", tokens, code="bad_value")
        tokens = None
    if usd is not None and (type(usd) not in (int, float) or not LEAST_USD <= usd <= MOST_USD):
        fields.wrong("max_cost_usd", f"dollars above 0, at most {MOST_USD:,}", usd, code="bad_value")
        usd = None
    return Caps.of(tokens, usd)
