"""Which call records the end of an attempt, whatever is stored with its node."""

from __future__ import annotations

from typing import Any, cast

import pytest

from orchestrator.definitions.compiler import compile_definition, compile_stored
from orchestrator.errors import DefinitionInvalid, NodeError
from orchestrator.redis_keys import Keys
from orchestrator.store.replies import Claim
from orchestrator.store.transitions import Transitions
from tests.dags import node, workflow
from workers.handlers import Catalogue
from workers.outcome import Failed
from workers.runtime.recording import end_call

#: Accepted by older versions, and by none today.
OLD = {"max_attempts": 3, "retry_on": ["My Error", "Http.50?"]}


def end(spec: dict[str, Any], error_type: str) -> str:
    """Name the verb that records a failure of this type."""
    claim = Claim(
        "e1", "A", 1, "n", tries=1, crashes=0, message_id="", queued_ms=0, spec=b"{}", inputs=b"", resume=b"",
        value=b"", references=(),
    )  # fmt: skip
    transitions = Transitions(cast(Any, FakeRedis()), Keys())
    failed = Failed(NodeError(error_type, "no", retryable=False))
    return end_call(transitions, claim, spec, failed, output_max_bytes=1_000, claiming=None).name


class FakeRedis:
    """Nothing is sent: only calls are built."""

    connection_pool = None


@pytest.mark.parametrize("field", ["retry", "handler_retry"])
def test_a_stored_policy_decides_though_it_would_be_refused_today(field: str) -> None:
    spec = {"handler": "noop", "retry": None, "handler_retry": None, field: OLD}

    assert end(spec, "My Error") == end(spec, "Http.503") == "retry_node"
    assert end(spec, "Other") == "fail_node"


def test_a_stored_policy_without_sense_still_ends_the_attempt() -> None:
    spec = {
        "handler": "noop",
        "retry": {"max_attempts": 10**9, "jitter": [], "nonsense": 1},
        "handler_retry": None,
    }

    assert end(spec, "HandlerError") == "fail_node"


def test_a_stored_definition_is_read_though_it_would_be_refused_today() -> None:
    document = workflow(node("A", retry=OLD))

    with pytest.raises(DefinitionInvalid):
        compile_definition(document, handlers=Catalogue())
    policy = compile_stored(document, lambda name: None).node("A").policy
    assert policy.retry_on == ("My Error", "Http.50?")
