"""How much of a queue one worker may take at once: its share among the live workers that read it."""

from __future__ import annotations

from collections.abc import Sequence


class Shares:
    """The queues of one worker, with the number of live workers that read each, itself included.

    The numbers come with the reply to each of the worker's announcements. A call takes at most the share of
    one reader of what is ready, and at least one task: nobody takes at once what others have free slots for.
    """

    def __init__(self, queues: Sequence[str]) -> None:
        self.queues = tuple(queues)
        #: The queues and their readers as a claiming call takes them: `default=3 slow=1`.
        self.text = ""
        self.update([1] * len(self.queues))

    def update(self, counts: Sequence[int]) -> None:
        """Take the reply to an announcement: numbers of readers in the order of the queues."""
        self._readers = dict(zip(self.queues, (max(1, count) for count in counts), strict=True))
        self.text = " ".join(f"{queue}={count}" for queue, count in self._readers.items())

    def readers(self, queue: str) -> int:
        return self._readers[queue]

    def share(self, queue: str, *, ready: int, free: int) -> int:
        """Say how many of the `ready` tasks of a queue to take with `free` slots."""
        return max(1, min(free, -(-ready // self._readers[queue])))
