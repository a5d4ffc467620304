import pytest

from benchmarks.crowds import completed_node
from benchmarks.door import parse_response

ANSWER = b'HTTP/1.1 201 Created\r\nContent-Length: 7\r\nX-Other: 1\r\n\r\n{"a":1}'


def test_answer_is_read_when_it_is_whole() -> None:
    assert parse_response(ANSWER) == (201, b'{"a":1}', len(ANSWER))


@pytest.mark.parametrize("size", [0, 10, len(ANSWER) - 1])
def test_part_of_an_answer_is_waited_for(size: int) -> None:
    assert parse_response(ANSWER[:size]) is None


def test_answer_in_chunks_is_refused() -> None:
    with pytest.raises(ValueError, match="chunks"):
        parse_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "node_id"),
    [
        (b'{"type":"node.completed","node_id":"A"}', "A"),
        (b'{"type":"node.completed","data":{"node_id":"A"}}', "A"),
        (b'{"type":"node.started","node_id":"node.completed"}', None),
        (b"node.completed", None),
    ],
)
def test_only_a_completion_names_a_completed_node(data: bytes, node_id: str | None) -> None:
    assert completed_node(data) == node_id
