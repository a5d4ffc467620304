"""Letters to durable handlers: the client posts them one by one, each until it is answered, some twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from orchestrator.engine import Idempotency
from orchestrator.errors import HeadraceError
from tests.chaos.history import EndReply
from tests.interpreter import nodes_of

if TYPE_CHECKING:
    from tests.chaos.client import Client

DURABLE = "record_durable"


@dataclass(slots=True)
class Correspondence:
    """Letters to one node: how many of so many have been answered."""

    execution_id: str
    node_id: str
    total: int
    sent: int = 0


class Letters:
    """All correspondences of a client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._open: list[Correspondence] = []

    def expect(self, execution_id: str, document: Mapping[str, Any]) -> None:
        """Write to the durable handlers of an execution from now on."""
        self._open += [
            Correspondence(execution_id, node["id"], node["config"]["letters"])
            for node in nodes_of(dict(document))
            if node["handler"] == DURABLE
        ]

    async def post_some(self) -> None:
        """Post the next letters of some nodes; now and then all that were posted before are sent again.

        That changes nothing, unless Redis has lost some: then they are the last, and come again in order.
        """
        dice = self._client.dice
        for each in list(self._open):
            if each.execution_id in self._client.ended:
                self._open.remove(each)
            elif dice.random() < 0.5:
                first = 0 if each.sent == each.total or dice.random() < 0.1 else each.sent
                for number in range(first, min(each.total, each.sent + dice.randint(1, 3))):
                    if not await self._post(each, number):
                        break
                    each.sent = max(each.sent, number + 1)

    async def _post(self, each: Correspondence, number: int) -> bool:
        """Post one letter. Says whether it was answered."""
        name = f"{each.execution_id}-{each.node_id}-{number}"
        key = Idempotency.named(name, route="letters", body=b"")
        inboxes = self._client.view_of(each.execution_id).inboxes
        try:
            await inboxes.post(each.execution_id, each.node_id, number, idempotency=key)
        except (HeadraceError, RedisError, OSError):
            return False  # Over by now, lost, or not answered: asked again as long as it is open.
        return True


def of_letters(ended: EndReply) -> Iterator[str]:
    """Each letter was taken by exactly one entry, in order, and each step was written down once."""
    for node in nodes_of(dict(ended.document)):
        if node["handler"] != DURABLE or ended.nodes.get(node["id"]) != "COMPLETED":
            continue
        total = node["config"]["letters"]
        wanted = [word for number in range(total) for word in (f"step {number}", f"letter {number}")]
        if (found := (ended.outputs.get(node["id"]) or {}).get("entries")) != wanted:
            yield f"{node['id']} has written down {found}, not {wanted}"
