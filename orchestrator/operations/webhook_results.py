"""What `engine.webhooks` answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.definitions.webhooks import WebhookRecord
from orchestrator.operations.results import Submitted


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook with the name of its workflow; empty where that is going at the moment."""

    record: WebhookRecord
    workflow: str


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """A webhook after a change. secret: one that was made for it, shown this once; None where none was."""

    view: WebhookView
    secret: str | None = field(default=None, repr=False)
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Triggered:
    """An execution that was started by a trigger path, and its workflow."""

    submitted: Submitted
    workflow_id: str


@dataclass(frozen=True, slots=True)
class SampleDelivery:
    """A delivery that was made to test a webhook, and the request that would have made it.

    headers  those of the scheme; a token that is not known here is written as `<token>`.
    """

    submitted: Submitted
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
