"""All results of an execution as one JSON object, sent as they are read: memory holds one share of them."""

import asyncio
import logging
from collections.abc import AsyncIterator

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.responses import JSON
from api.schemas.views import result_fields
from api.streaming.watcher import STALLED_AFTER_S, body_of, until_gone
from orchestrator.operations.outputs import Outputs
from orchestrator.operations.results import ResultPage

log = logging.getLogger("headrace.api.streaming")

#: Outputs read, and held, at a time.
STREAMED_BYTES = 1024 * 1024
#: Handed to the server at a time: a client is slow or stuck by how long it takes for so much.
PIECE_BYTES = 64 * 1024


class ResultStream(Response):
    """The results of an execution, of which the first share has been read.

    A read that fails cuts the connection: what was sent is no whole JSON, and cannot be taken for it.
    """

    def __init__(self, outputs: Outputs, execution_id: str, first: ResultPage) -> None:
        super().__init__(None, 200, media_type=JSON)
        del self.headers["content-length"]
        self._outputs = outputs
        self._execution_id = execution_id
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.ensure_future(until_gone(receive))
        try:
            async for chunk in self._chunks():
                for start in range(0, len(chunk), PIECE_BYTES):
                    async with asyncio.timeout(STALLED_AFTER_S):
                        await send(body_of(chunk[start : start + PIECE_BYTES]))
                await asyncio.sleep(0)  # others have their turn, and the client may have left
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return  # it takes nothing; without an end to the response the server cuts the connection
        except Exception as error:
            log.warning("results.cut", extra={"execution_id": self._execution_id, "error": str(error)})
        finally:
            gone.cancel()

    async def _chunks(self) -> AsyncIterator[bytes]:
        page = self._first
        yield b'{"execution_id":%b,"results":{' % orjson.dumps(self._execution_id) + _members(page)
        while page.next_cursor is not None:
            page = await self._outputs.page(
                self._execution_id, cursor=page.next_cursor, most_bytes=STREAMED_BYTES
            )
            yield b"," + _members(page)
        yield b"}}"


def _members(page: ResultPage) -> bytes:
    """The members of the object, without the braces around it."""
    return orjson.dumps(result_fields(page))[1:-1]
