"""Outputs whose place a view fills with their size and address, because they are large."""

from __future__ import annotations

from typing import Any

from headrace.calls import Document, Steps, get_value


def left_out_bytes(output: Any) -> int | None:
    """The size of the output that this stands for; None for an output."""
    if not isinstance(output, dict) or output.keys() != {"truncated", "bytes", "href"}:
        return None
    size_bytes = output["bytes"]
    return size_bytes if output["truncated"] is True and isinstance(size_bytes, int) else None


def fill_in(view: Document, path: str) -> Steps[None]:
    """Put the whole output, read from `path`, in the place of what stands for it.

    An output of a workflow may look like what stands for one. So the address is ours, never the one in it.
    """
    output: Any = view.get("output")
    if left_out_bytes(output) is not None and output["href"] == path:
        view["output"] = yield from get_value(path)
