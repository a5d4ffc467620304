"""A process of its own that answers one question at a time, one line of JSON each way.

What strangers send can make it slow: it is ended when it takes too long, which a thread could not be, and the
next question starts another.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

STOPPING_S = 5.0
LONGEST_LINE_BYTES = 64 * 1024 * 1024


class ProcessFailed(Exception):
    """The process gave no answer, and was ended."""


class ProcessBusy(Exception):
    """Enough others wait for the process, or its turn did not come in time."""


class LineProcess:
    """Asks the process.

    command      starts it; it reads a line of JSON from standard input and writes one to standard output.
    environment  of the process.
    patience_s   how long it may work at one answer.
    turn_s       how long a caller waits for those before it, and most_waiting, how many may.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        patience_s: float,
        turn_s: float,
        most_waiting: int,
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._patience_s = patience_s
        self._turn_s = turn_s
        self._most_waiting = most_waiting
        self._waiting = 0
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        """Wait for those before; the process is the caller's meanwhile. Raises ProcessBusy."""
        if self._turn.locked() and self._waiting >= self._most_waiting:
            raise ProcessBusy(f"{self._waiting} others wait already")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._turn_s):
                await self._turn.acquire()
        except TimeoutError:
            raise ProcessBusy(f"its turn did not come within {self._turn_s:g} s") from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turn.release()

    async def ask(self, question: bytes) -> bytes:
        """Give the answer to a question. Raises ProcessFailed, ProcessBusy."""
        async with self._my_turn():
            return await self._ask(question)

    async def _ask(self, question: bytes) -> bytes:
        is_answered = False
        try:
            async with asyncio.timeout(self._patience_s):
                answer = await self._exchange(question + b"\n")
            is_answered = bool(answer)
        except TimeoutError:
            raise ProcessFailed(f"no answer within {self._patience_s:g} s") from None
        except (OSError, ValueError) as error:
            raise ProcessFailed(f"it broke: {error}") from error
        finally:
            # Also when the caller has gone: the answer to its question must not become the next one's.
            if not is_answered:
                await self._stop()
        if not answer:
            raise ProcessFailed("it ended without an answer")
        return answer

    async def aclose(self) -> None:
        """End the process. Safe to call twice."""
        await self._stop()

    async def _exchange(self, line: bytes) -> bytes:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=self._environment,
                limit=LONGEST_LINE_BYTES,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line)
        await process.stdin.drain()
        return await process.stdout.readline()

    async def _stop(self) -> bool:
        """End the process, gently first; says whether it ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return True
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOPPING_S):
                return await process.wait() == 0
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            return False
