"""The handler and the test on the page about durable handlers, as they stand there."""

from __future__ import annotations

import re
from typing import Any

from docs import generate
from headrace.registration import HANDLER_REGISTRY


def test_the_code_on_the_page_works() -> None:
    text = (generate.ROOT / "docs" / "durable.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    names: dict[str, Any] = {}
    try:
        for block in blocks:
            exec(compile(block, "docs/durable.md", "exec"), names)
        names["test_votes_are_collected_over_days"]()
    finally:
        HANDLER_REGISTRY.pop("collect_votes", None)

    assert len(blocks) == 2
