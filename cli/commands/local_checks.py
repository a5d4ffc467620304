"""Definitions judged on this machine, by a process without a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from cli.stack.info import ROOT


class LocalRefusal(Exception):
    """The checks without a server could not be made; the message says why."""


def judge_here(definitions: Sequence[dict[str, Any] | str]) -> list[dict[str, Any]]:
    """Ask a process that needs neither a server nor Redis about definitions, which may be of other shapes.

    Gives for each what `POST /v1/validate` would answer. Raises LocalRefusal with what the process says.
    """
    if not definitions:
        return []
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "validation"],
        input=json.dumps(definitions).encode(),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    answer = json.loads(done.stdout or b'{"error": "the checks ended without an answer"}')
    if isinstance(answer, dict):
        raise LocalRefusal(answer["error"])
    judgements: list[dict[str, Any]] = answer
    return judgements
