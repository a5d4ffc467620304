"""The process that plays simulations, as the routes see it: one question at a time, one line each way.

Templates are evaluated in it, which the API never does itself. It is started at the first question and
stays; one that takes too long or breaks is ended, and the next question starts another.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from api.problems import SimulationFailed
from orchestrator.documents import exact_json

#: Longer than the process lets a simulation take by itself.
PATIENCE_S = 40.0
STOPPING_S = 5.0
LONGEST_LINE_BYTES = 64 * 1024 * 1024


class SimulatorProcess:
    """Asks the process.

    command      starts it; it reads a line of JSON from standard input and writes one to standard output.
    environment  of the process.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, patience_s: float = PATIENCE_S
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._patience_s = patience_s
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Give the answer to a question, as the process words it. Raises SimulationFailed."""
        line = exact_json.dumps(dict(question)) + b"\n"
        async with self._turn:
            is_answered = False
            try:
                async with asyncio.timeout(self._patience_s):
                    answer = await self._exchange(line)
                is_answered = bool(answer)
            except TimeoutError:
                raise SimulationFailed(f"no answer within {self._patience_s:g} s") from None
            except (OSError, ValueError) as error:
                raise SimulationFailed(f"the process that plays simulations broke: {error}") from error
            finally:
                # Also when the caller has gone: the answer to its question must not become the next one's.
                if not is_answered:
                    await self._stop()
        if not answer:
            raise SimulationFailed("the process that plays simulations ended without an answer")
        found: dict[str, Any] = exact_json.loads(answer)
        return found

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

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOPPING_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
