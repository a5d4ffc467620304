"""JSON that is sent as it is read, such as all results of an execution: memory holds one share of it."""

import asyncio
import logging
from collections.abc import AsyncIterator

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.responses import JSON
from api.schemas.views import result_fields
from api.streaming.listener import STALLED_AFTER_S, body_of, until_gone
from orchestrator.operations.outputs import Outputs
from orchestrator.operations.results import ResultPage

log = logging.getLogger("headrace.api.streaming")

#: Outputs read, and held, at a time.
STREAMED_BYTES = 1024 * 1024
#: Handed to the server at a time: a client is slow or stuck by how long it takes for so much.
PIECE_BYTES = 64 * 1024


class JsonStream(Response):
    """JSON of any length, whose first part can be given at once.

    A read that fails cuts the connection: what was sent is no whole JSON, and cannot be taken for it.
    """

    def __init__(self, chunks: AsyncIterator[bytes], *, subject: str) -> None:
        """Take the parts of it. subject: what it is about, for the log."""
        super().__init__(None, 200, media_type=JSON)
        del self.headers["content-length"]
        self._chunks = chunks
        self._subject = subject

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.ensure_future(until_gone(receive))
        try:
            async for chunk in self._chunks:
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
            log.warning("json.cut", extra={"subject": self._subject, "error": str(error)})
        finally:
            gone.cancel()


def result_stream(outputs: Outputs, execution_id: str, first: ResultPage) -> JsonStream:
    """Give the results of an execution, of which the first share has been read."""
    return JsonStream(_results(outputs, execution_id, first), subject=execution_id)


async def _results(outputs: Outputs, execution_id: str, page: ResultPage) -> AsyncIterator[bytes]:
    yield b'{"execution_id":%b,"results":{' % orjson.dumps(execution_id) + _members(page)
    while page.next_cursor is not None:
        page = await outputs.page(execution_id, cursor=page.next_cursor, most_bytes=STREAMED_BYTES)
        yield b"," + _members(page)
    yield b"}}"


def _members(page: ResultPage) -> bytes:
    """The members of the object, without the braces around it."""
    return orjson.dumps(result_fields(page))[1:-1]
