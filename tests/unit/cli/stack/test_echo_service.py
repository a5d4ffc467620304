"""The echo service: answers with what it was sent, and fails to order."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpx2
import pytest

from cli.stack.echo_service import EchoServer
from tests.patience import PATIENCE_S


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    server = EchoServer(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False) as http:
        yield http
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_call_is_described(client: httpx2.Client) -> None:
    answer = client.post("/orders/7?kind=big", json={"amount": 250}).json()

    assert answer["status"] == "ok"
    assert (answer["method"], answer["path"]) == ("POST", "/orders/7")
    assert answer["query"] == {"kind": "big"}
    assert answer["body"] == {"amount": 250}


def test_a_body_that_is_no_json_comes_back_as_text(client: httpx2.Client) -> None:
    assert client.put("/x", content=b"plain").json()["body"] == "plain"


def test_flaky_fails_as_often_as_asked_for_each_key(client: httpx2.Client) -> None:
    statuses = [client.get("/flaky?key=a&times=2").status_code for _ in range(4)]

    assert statuses == [503, 503, 200, 200]
    assert client.get("/flaky?key=b&times=1").status_code == 503


def test_a_number_that_is_none_is_refused(client: httpx2.Client) -> None:
    assert client.get("/flaky?times=often").status_code == 400


def test_a_body_too_large_is_refused_unread(client: httpx2.Client) -> None:
    # By hand: a decent client does not announce more than it sends.
    address = (client.base_url.host, client.base_url.port or 80)
    with socket.create_connection(address, timeout=PATIENCE_S) as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")
