"""`./headrace workflow-server FILE` as people start it: a process with its data, its Redis and its port."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.dev_stack import DevStack
from tests.patience import PATIENCE_S


class FileStack(DevStack):
    """Serves one file, on a data directory and a port of its own."""

    def __init__(self, file: Path, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.file = file

    @property
    def words(self) -> tuple[str, ...]:
        """What is typed."""
        place = ("--host", "127.0.0.1", "--port", str(self.port), "--data-dir", str(self.data_dir))
        return ("workflow-server", str(self.file), *place)

    def start(self, *options: str, variables: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it says that it is up."""
        self.launch(*self.words, *options, variables=variables)

    def lines(self, handler_id: str) -> str:
        """All events of a run that has ended, as lines of JSON."""
        url = f"{self.url}/events/{handler_id}?sse=false"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            text: str = answer.read().decode()
            return text

    def run_to_its_end(self, workflow: str, **start_event: Any) -> Any:
        """Start a run and wait for its end; gives its handler."""
        return self.call("POST", f"/workflows/{workflow}/run", {"start_event": start_event})
