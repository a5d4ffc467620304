"""Registers the service health pipeline, runs it, and prints its events as they come.

./headrace dev                      # in another terminal
python examples/stream_demo.py      # API_URL=http://localhost:8000, API_KEY where one is needed
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast

API_URL = os.environ.get("API_URL", "http://localhost:8000").rstrip("/")
NAME = "service_health_pipeline"
PIPELINE = Path(__file__).resolve().parent.parent / "workflows" / f"{NAME}.yaml"


def send(method: str, path: str, body: Any = None) -> HTTPResponse:
    """Send a request; raises HTTPError for a failure."""
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("API_KEY"):
        headers["X-API-Key"] = key
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API_URL + path, content, headers, method=method)
    return cast(HTTPResponse, urllib.request.urlopen(request))


def register() -> str:
    """Register the pipeline, or find the one that has its trigger path already; gives its id."""
    try:
        with send("POST", "/api/v1/workflows", {"yaml_content": PIPELINE.read_text()}) as answer:
            return str(json.load(answer)["id"])
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
    with send("GET", "/api/v1/workflows") as answer:
        return next(str(row["id"]) for row in json.load(answer) if row["name"] == NAME)


def run() -> int:
    """Run it and follow it; the exit code says whether it completed."""
    workflow_id = register()
    with send("POST", f"/api/v1/runs/{workflow_id}/execute-async", {"data": {}}) as answer:
        run_id = json.load(answer)["id"]
    print(f"run {run_id} of {NAME}")
    last: dict[str, Any] = {}
    with send("GET", f"/api/v1/runs/{run_id}/stream") as events:
        for line in events:
            if line.startswith(b"data: "):
                last = json.loads(line.removeprefix(b"data: "))
                step = f"{last.get('progress', ''):>4} {last.get('step_id', '')}".rstrip()
                print(f"{last['type']:<15} {last['status']:<10} {step}")
    return 0 if last.get("type") == "run_completed" else 1


def main() -> int:
    """Run it; what goes wrong on the way is one line."""
    try:
        return run()
    except urllib.error.HTTPError as error:
        if error.code == 401:
            reason = "the API needs a key that it knows; set API_KEY"
        else:
            reason = (
                f"{error.url} answered with HTTP {error.code}: {error.read(400).decode(errors='replace')}"
            )
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", None) or error
        reason = f"no API answers at {API_URL} ({cause}); start one with ./headrace dev, or set API_URL"
    print(f"stream_demo: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
