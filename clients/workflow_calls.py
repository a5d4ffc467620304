"""What the parts of the workflow client share: requests that may be sent again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import httpx2


class KeyedCalls:
    """Calls with an Idempotency-Key: one of their own, or that of the caller, who may then repeat them."""

    async def _post(self, path: str, body: Mapping[str, Any], key: str | None) -> dict[str, Any]:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        answer: dict[str, Any] = (await self._send("POST", path, body=body, headers=headers)).json()
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        allow: tuple[int, ...] = (),
    ) -> httpx2.Response:
        raise NotImplementedError
