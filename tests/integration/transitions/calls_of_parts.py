"""Calls about what stands beside executions, about their end, and of durable handlers, ready to be sent."""

from __future__ import annotations

from tests.integration.transitions.access_calls import ACCESS
from tests.integration.transitions.delivery_calls import DELIVERIES
from tests.integration.transitions.letter_calls import LETTERS
from tests.integration.transitions.prepared_calls import REGISTRY, Prepare
from tests.integration.transitions.purge_calls import PURGES
from tests.integration.transitions.schedule_calls import SCHEDULES
from tests.integration.transitions.webhook_calls import WEBHOOKS

#: By the name of the script and what is special, with the word of an answer to a late copy.
PARTS: dict[str, tuple[Prepare, str]] = {
    **PURGES, **ACCESS, **REGISTRY, **SCHEDULES, **WEBHOOKS, **DELIVERIES, **LETTERS,
}  # fmt: skip
