"""`engine.outputs`: read outputs whole, one by one or an execution's in pages of a bounded size."""

from __future__ import annotations

from orchestrator.definitions.definition import OUTPUT, Definition
from orchestrator.errors import ExecutionNotFound, NodeNotFound, OutputNotFound
from orchestrator.execution.model import Execution
from orchestrator.operations.cursors import read_place
from orchestrator.operations.owner import Owner
from orchestrator.operations.results import ResultPage
from orchestrator.store.reader import Store
from orchestrator.units import index_of, node_of

#: Bytes of outputs in one page of results; a larger output is a page of its own.
PAGE_BYTES = 4 * 1024 * 1024


class Outputs:
    """The outputs of executions, of their nodes, and of items of mapped nodes."""

    def __init__(self, store: Store, owner: Owner) -> None:
        self._store = store
        self._owner = owner

    async def page(
        self, execution_id: str, *, cursor: str | None = None, most_bytes: int = PAGE_BYTES
    ) -> ResultPage:
        """Read outputs of nodes, in definition order, as many as have `most_bytes` together.

        Raises ExecutionNotFound, CursorInvalid.
        """
        first = read_place(cursor)
        execution_id = await self._owner.execution(execution_id)
        execution = await self._execution(execution_id)
        definition = await self._store.definition(execution_id, execution.version)
        node_ids = [node.id for node in definition.nodes][first:]
        outputs = await self._store.payloads.share(execution_id, node_ids, most_bytes=most_bytes)
        await self._store.check_present(execution)
        following = first + len(outputs)
        return ResultPage(outputs, str(following) if len(outputs) < len(node_ids) else None)

    async def of_execution(self, execution_id: str) -> bytes:
        """Read what the `output` of the definition came to. Raises ExecutionNotFound, OutputNotFound."""
        execution_id = await self._owner.execution(execution_id)
        definition = await self._definition(execution_id)
        output = await self._store.output(execution_id, OUTPUT) if definition.output_node else None
        if output is None:
            raise OutputNotFound(execution_id)
        return output

    async def so_far(self, execution_id: str) -> bytes | None:
        """Read the same where it may not be there yet; None then. Raises ExecutionNotFound."""
        return await self._store.output(await self._owner.execution(execution_id), OUTPUT)

    async def of_unit(self, execution_id: str, unit: str) -> bytes:
        """Read the output of a node, or of an item such as `fetch[3]`.

        Raises ExecutionNotFound, NodeNotFound, OutputNotFound.
        """
        execution_id = await self._owner.execution(execution_id)
        node = (await self._definition(execution_id)).by_id.get(node_of(unit))
        index = index_of(unit)
        if node is None or (index is not None and not node.map):
            raise NodeNotFound(execution_id, unit)
        if index is None:
            output = await self._store.output(execution_id, unit)
        else:
            items = await self._store.items.page(execution_id, node.id, index, 1)
            output = items[0].output if items else None
        if output is None:
            raise OutputNotFound(execution_id, unit)
        return output

    async def _execution(self, execution_id: str) -> Execution:
        execution = await self._store.execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        return execution

    async def _definition(self, execution_id: str) -> Definition:
        execution = await self._execution(execution_id)
        return await self._store.definition(execution_id, execution.version)
