"""Events that were written in another shape are read in the present one."""

from __future__ import annotations

import pytest

from orchestrator.store.layout_1 import present_data


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        ("node.failed", b'{"type":"Bad","message":"no"}', b'{"error":{"type":"Bad","message":"no"}}'),
        ("node.failed", b"{}", b'{"error":{}}'),
        ("node.failed", b'{"error":{"type":"Http.4xx"}}', b'{"error":{"type":"Http.4xx"}}'),
        ("node.retrying", b'{"delay_ms":1,"error":{}}', b'{"delay_ms":1,"error":{}}'),
        ("execution.retried", b'{"nodes":12}', b'{"nodes":null}'),
        ("execution.retried", b'{"nodes":["A"]}', b'{"nodes":["A"]}'),
        ("execution.retried", b'{"nodes":[]}', b'{"nodes":[]}'),
        ("execution.retried", b'{"nodes":null}', b'{"nodes":null}'),
        ("signal.received", b'{"nodes":3}', b'{"nodes":3}'),
    ],
)  # fmt: skip
def test_data_of_an_event_have_their_present_shape(kind: str, written: bytes, read: bytes) -> None:
    assert present_data(kind, written) == read
