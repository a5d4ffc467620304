"""The headers that the OpenAPI document names are those that routes read."""

from __future__ import annotations

import pytest

from api.openapi import HEADERS, READ_BY
from tests.contract.calls import STREAMS
from tests.contract.house import OPERATIONS, built
from tests.contract.two_tenants import OPERATOR_KEY

#: What no route that reads the header takes.
WRONG = {"IdempotencyKey": "", "Prefer": "wait=soon", "IfMatch": "no tag", "IfNoneMatch": "no tag"}
ORDER = {"GET": 0, "POST": 1, "PUT": 1, "PATCH": 1, "DELETE": 2}
#: Streams; and routes that read the body of a delivery, and so none of ours.
APART = STREAMS | {"webhooks_receive"}


@pytest.mark.parametrize("key", HEADERS)
async def test_the_document_names_every_header_that_is_read(redis_url: str, key: str) -> None:
    name, _ = HEADERS[key]
    found = set()
    async with built(redis_url) as house:
        # What is there is read first, and removed last.
        for operation in sorted(OPERATIONS.keys() - APART, key=lambda name: ORDER[OPERATIONS[name][0]]):
            is_operators = operation.startswith(("tenants_", "workers_", "queues_"))
            owner = OPERATOR_KEY if is_operators else house.keys["acme"]
            answer = await house.call(operation, owner, sent={name: WRONG[key]})
            if answer.status_code == 422 and f"header.{name}" in answer.text:
                found.add(operation)

    assert found == set(READ_BY[key])
