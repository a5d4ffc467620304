"""The workers of a stack as they announce themselves, asked over HTTP."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass

from cli.stack.ports import LOCAL

#: States of a handler host that has loaded its modules.
LOADED = ("idle", "busy")


@dataclass(frozen=True, slots=True)
class LiveWorkers:
    """What is known of them.

    names      of those that live.
    is_loaded  whether one of them has loaded the modules of HANDLERS.
    refusal    why one of them cannot load these; "" where none says so.
    """

    names: tuple[str, ...]
    is_loaded: bool
    refusal: str


def find_live_workers(port: int, key: str | None, pids: Collection[int]) -> LiveWorkers | None:
    """Find the workers with these pids; None where the API does not tell."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"http://{LOCAL}:{port}/v1/workers", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=2.0) as answer:
            found = [worker for worker in json.load(answer)["items"] if worker["pid"] in pids]
    except (OSError, ValueError, KeyError):
        return None
    return LiveWorkers(
        tuple(sorted(worker["name"] for worker in found)),
        any(host["state"] in LOADED for worker in found for host in worker["hosts"]),
        next((worker["refusal"] for worker in found if worker["refusal"]), ""),
    )
