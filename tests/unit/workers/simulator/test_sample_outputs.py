"""Without a stub, a handler's output has the fields of the real one."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from orchestrator.documents.json_schema import value_problems
from workers.handlers import BUILT_IN, HANDLER_REGISTRY
from workers.simulator.sample_outputs import sample_output
from workers.simulator.stubs import is_real

#: Other tests may have registered handlers of their own.
STUBBED = sorted(
    name
    for name, handler in HANDLER_REGISTRY.items()
    if not is_real(name) and handler.function.__module__ in {module.__name__ for module in BUILT_IN}
)


@pytest.mark.parametrize("handler", STUBBED)
def test_a_sample_has_the_fields_that_the_handler_documents(handler: str) -> None:
    text = inspect.getdoc(HANDLER_REGISTRY[handler].function) or ""
    documented = re.findall(r'(?<!: )"([a-z_]+)"', text[text.index("Output: {") : text.index("}")])

    sample = sample_output(handler, {"url": "http://x", "prompt": "hi"})

    assert set(documented) <= sample.keys()


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({"channel": "log", "message": "hi"}, {"message": "hi"}),
        ({"channel": "webhook"}, {"status_code": 200}),
        ({"channel": "email"}, {"refused": {}}),
    ],
)
def test_a_notification_has_the_fields_of_its_channel(config: dict[str, Any], fields: dict[str, Any]) -> None:
    sample = sample_output("notify", config)

    assert fields.items() <= sample.items()


def test_an_answer_with_a_schema_is_parsed_and_fits_it() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]}

    sample = sample_output("llm", {"messages": [{"role": "user", "content": "hi"}], "schema": schema})

    assert value_problems(schema, sample["parsed"], "parsed") == []
    assert sample["answer"] == '{"n": 3}'


def test_an_expected_status_is_met() -> None:
    assert sample_output("http", {"expect_status": [204, "4xx"]})["status_code"] == 204


def test_a_handler_of_ones_own_gives_its_config() -> None:
    assert sample_output("audit", {"a": 1}) == {"status": "ok", "config": {"a": 1}}
