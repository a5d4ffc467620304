"""The language model of these tests: a server that answers as the real ones do."""

from collections.abc import AsyncIterator

import pytest

from tests.llm_server import LlmServer, llm_server


@pytest.fixture
async def server() -> AsyncIterator[LlmServer]:
    async with llm_server() as made:
        yield made
