"""The `WorkflowServer` of a file: it says which workflows there are, and serves nothing itself."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from workflows import Workflow
from workflows.context.serializers import BaseSerializer
from workflows.events import Event

#: Options that have no meaning here, and what is done instead.
_UNUSED = {
    "middleware": "the listener is another process, which does not run code of this file",
    "exception_handlers": "the listener is another process, which does not run code of this file",
    "workflow_store": "runs are kept in Redis",
    "runtime": "runs are kept in Redis, and go on in any worker",
    "accept_context_api": "a start with a context is refused",
}


@dataclass(frozen=True, slots=True)
class Served:
    """One workflow as it was added. additional_events: classes that its steps do not show."""

    name: str
    workflow: Workflow
    additional_events: tuple[type[Event], ...] = ()


class WorkflowServer:
    """Takes the place of the library's own: a file names its workflows by it.

    Options of the library's server that have no meaning here are taken, and warned of.
    """

    def __init__(
        self,
        *,
        middleware: Sequence[Any] | None = None,
        exception_handlers: Mapping[Any, Any] | None = None,
        workflow_store: Any = None,
        persistence_backoff: Sequence[float] | None = None,
        runtime: Any = None,
        idle_timeout: float | None = None,
        sse_heartbeat_interval: float | None = None,
        accept_context_api: bool = False,
        serializer: BaseSerializer | None = None,
    ) -> None:
        given = {
            "middleware": middleware,
            "exception_handlers": exception_handlers,
            "workflow_store": workflow_store,
            "runtime": runtime,
            "accept_context_api": accept_context_api,
        }
        for name, why in _UNUSED.items():
            if given[name]:
                warnings.warn(f"WorkflowServer({name}=…) has no effect: {why}", stacklevel=2)
        self.serializer = serializer
        self.served: dict[str, Served] = {}

    def add_workflow(
        self, name: str, workflow: Workflow, additional_events: Sequence[type[Event]] | None = None
    ) -> None:
        """Add a workflow under a name. Raises ValueError for a name that is taken by another.

        additional_events  classes that its signatures do not show, such as those that are waited for.
        """
        if name in self.served:
            raise ValueError(f"a workflow named {name!r} has been added already")
        self.served[name] = Served(name, workflow, tuple(additional_events or ()))

    def get_workflows(self) -> dict[str, Workflow]:
        """Give the workflows by name."""
        return {name: each.workflow for name, each in self.served.items()}

    async def serve(self, host: str = "", port: int = 0, **options: Any) -> NoReturn:
        """Raise RuntimeError: the file is served by a command."""
        raise RuntimeError(
            "this file is served by `./headrace workflow-server FILE`, which imports it: call serve() only "
            'under `if __name__ == "__main__":`'
        )


class KeptElsewhere:
    """Stands for the stores of the library's server, which are not used: runs are kept in Redis."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass
