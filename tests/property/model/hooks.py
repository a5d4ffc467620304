"""The webhooks of two tenants: what Redis must hold of them, of their deliveries, and of their counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from orchestrator.definitions.webhooks import WebhookRecord
from orchestrator.documents.signatures import Refusal
from orchestrator.store.requests import digest_of

MOST_SEEN = 6
COUNTS = ("accepted", "duplicate", "rejected", "error")
REASONS = tuple(f"rejected|{reason}" for reason in Refusal)


@dataclass
class Hook:
    """What the record of one webhook must say. secrets: each with its end, None for none."""

    path: str
    tenant: str
    workflow_id: str
    hook_id: str
    scheme: str
    secrets: list[tuple[str, int | None]]
    is_active: bool = True
    revision: int = 1
    counts: Counter[str] = field(default_factory=Counter)
    #: By delivery id, the execution that it has made.
    made: dict[str, str] = field(default_factory=dict)

    def live_secrets(self, now_ms: int) -> list[str]:
        return [secret for secret, until_ms in self.secrets if until_ms is None or now_ms < until_ms]

    def fields(self) -> dict[str, str]:
        """Give what must stand in its record."""
        return {
            "tenant": self.tenant,
            "workflow_id": self.workflow_id,
            "hook_id": self.hook_id,
            "scheme": self.scheme,
            "is_active": "1" if self.is_active else "0",
            "revision": str(self.revision),
            **{name: str(self.counts[name] or "") for name in COUNTS},
        }


@dataclass(slots=True)
class Hooks:
    """All webhooks there must be, by path; records as a process saw them a while ago."""

    hooks: dict[str, Hook] = field(default_factory=dict)
    seen: list[WebhookRecord] = field(default_factory=list)
    #: Ids of deliveries that are still known, by path: they outlive their webhook.
    ledger: dict[tuple[str, str], str] = field(default_factory=dict)
    #: By tenant and result, all deliveries there have been.
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Executions that deliveries have made, with the order of each.
    orders: dict[str, int] = field(default_factory=dict)

    def see(self, record: WebhookRecord | None) -> None:
        if record is not None:
            self.seen = [*self.seen, record][-MOST_SEEN:]

    def forget_workflow(self, workflow_id: str) -> None:
        """Its webhooks go with it."""
        self.hooks = {path: each for path, each in self.hooks.items() if each.workflow_id != workflow_id}

    def count(self, hook: Hook, result: str) -> None:
        """Count one delivery; one that came again is accepted, too."""
        for name in (result, "accepted") if result == "duplicate" else (result,):
            hook.counts[name] += 1
            self.totals[hook.tenant, name] += 1
        self.totals[hook.tenant, "received"] += 1

    def expected_keys(self) -> set[str]:
        keys = {_record_key(path) for path in self.hooks}
        keys |= {f"idx:hooks:{hook.tenant}" for hook in self.hooks.values()}
        return keys | {_ledger_key(*entry) for entry in self.ledger}

    def questions(self) -> list[tuple[Any, ...]]:
        """What to ask Redis for; `broken` takes the answers, in order."""
        asked: list[tuple[Any, ...]] = []
        for hook in self.hooks.values():
            record = f"workflows:registered:{hook.tenant}:{hook.workflow_id}"
            asked.append(("HMGET", _record_key(hook.path), *hook.fields()))
            asked.append(("HMGET", _record_key(hook.path), *REASONS))
            asked.append(("ZSCORE", f"idx:hooks:{hook.tenant}", f"webhook:{hook.path}"))
            asked.append(("HGET", record, "hooks"))
        return asked + [("GET", _ledger_key(*entry)) for entry in self.ledger]

    def broken(self, answers: list[Any]) -> list[str]:
        """Say what Redis holds of webhooks that it should not; [] when all is well."""
        broken, found = [], iter(answers)
        for hook in self.hooks.values():
            wanted = hook.fields()
            said = dict(zip(wanted, [(word or b"").decode() for word in next(found)], strict=True))
            if said != wanted:
                broken.append(f"webhook {hook.path} says {said}, not {wanted}")
            if (reasons := sum(int(count or 0) for count in next(found))) != hook.counts["rejected"]:
                broken.append(f"webhook {hook.path} has reasons of {reasons} refusals")
            if next(found) is None:
                broken.append(f"webhook {hook.path} is not listed")
            own = [each.path for each in self.hooks.values() if each.workflow_id == hook.workflow_id]
            listed = sorted((next(found) or b"").decode().split())
            if listed != sorted(f"webhook:{path}" for path in own):
                broken.append(f"{hook.workflow_id} lists the webhooks {listed}, not {own}")
        for entry, line in self.ledger.items():
            if (said := next(found)) != line.encode():
                broken.append(f"the delivery {entry} has made {said!r}, not {line}")
        return broken


def _record_key(path: str) -> str:
    return f"workflows:hook:webhook:{path}"


def _ledger_key(path: str, delivery_id: str) -> str:
    return f"workflows:ledger:webhook:{path}:{digest_of(delivery_id)}"
